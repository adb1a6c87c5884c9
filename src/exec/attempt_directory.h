// The control plane's side of an attempt's directory (attempt_files.h): writing what is to run, reading what it has
// come to. No state of its own, so a restarted control plane reads the same. Any thread.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/result.h"
#include "exec/executor.h"

namespace mw::exec {

/// Errors: kInvalidArgument naming the field: no program, a relative path, a NUL, an environment name with '='.
Status CheckSpec(const AttemptSpec& spec);
/// The bytes of `spec`. Errors: kInvalidArgument; kResourceExhausted above kSpecBytesMax.
Result<std::string> EncodeSpec(const AttemptSpec& spec);
/// Makes the directory (0700) with all in it that the shim wants to find. Repeating it is harmless.
Status PrepareDirectory(const AttemptSpec& spec);

/// Errors: kDataLoss when exit.json cannot be understood.
Result<AttemptStatus> ReadStatus(const std::string& directory);
/// Errors: kInvalidArgument.
Result<ExitRecord> ParseExitRecord(std::string_view text);

/// The shim that holds the directory's lock now; 0 when none does, -1 when it lives where it has no pid for us.
pid_t LockHolder(const std::string& directory);
/// Leaves the wish to end and tells the shim.
Status RequestCancel(const std::string& directory);
/// Kills every process that carries the mark of this attempt: what is left when the shim was killed.
void KillMarked(const std::string& attempt_id);

}  // namespace mw::exec
