// What a new worker process does to itself before it becomes its program; called by mw-backend's `confine` alone.
// One thread, right after the start. See worker_process.h for what it is for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace mw::serving {

/// The descriptor of the lifeline: a pipe whose other end the model server holds. When that closes, however the server
/// ended, the kernel kills this process. (PR_SET_PDEATHSIG would follow the thread that started it instead.)
inline constexpr int kWorkerLifeline = 4;

struct Confinement {
  std::uint64_t memory_bytes_max = 0;  ///< 0: no limit
  std::uint64_t file_bytes_max = 0;
  std::string directory;
};

/// The arguments of mw-backend that ask for this and then for `command`.
std::vector<std::string> ConfineArguments(const Confinement& confinement, const std::vector<std::string>& command);
/// Reads what ConfineArguments wrote (without the program's name and "confine"), confines this process and becomes the
/// command. Returns only with an error.
Error ConfineAndExecute(const std::vector<std::string>& arguments);

}  // namespace mw::serving
