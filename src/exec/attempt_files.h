// What lies in an attempt's directory: the names, and the spec's format. Read by mw-shim as well, so it
// needs nothing of the project. The directory is the whole truth about an attempt:
//
//   spec       what to run; written whole (rename) before the shim starts
//   lock       held (fcntl write lock) by the shim for as long as it lives
//   started    made once, durably, before the program runs: it never runs a second time
//   cancel     somebody wants it to end
//   log        what it wrote to stdout and stderr
//   exit.json  how it ended; appears whole
//   work, tmp  the program's home and its temporary files
//
// The spec is a sequence of NUL-terminated fields "name=value", first kSpecFormat, last kSpecEnd; a file
// that does not end so is torn. Order: any; `arg` and `env` repeat, in their order.
#pragma once

#include <cstddef>

namespace mw::exec {

inline constexpr char kSpecFile[] = "spec";
inline constexpr char kLockFile[] = "lock";
inline constexpr char kStartedFile[] = "started";
inline constexpr char kCancelFile[] = "cancel";
inline constexpr char kLogFile[] = "log";
inline constexpr char kExitFile[] = "exit.json";
inline constexpr char kExitTemporary[] = "exit.json.tmp";
inline constexpr char kWorkDirectory[] = "work";
inline constexpr char kTemporaryDirectory[] = "tmp";

inline constexpr char kSpecFormat[] = "format=millwright-attempt-1";
inline constexpr char kSpecEnd[] = "end=";
inline constexpr std::size_t kSpecBytesMax = std::size_t{1} << 20;

/// The shim's first process ends with the errno of what kept it from taking the attempt, or with this
/// when it was killed before it could tell; 0: the attempt is in a shim's hands, or was.
inline constexpr int kShimDied = 255;

}  // namespace mw::exec
