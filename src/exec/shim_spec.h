// mw-shim's reader of `spec` (format: attempt_files.h). The buffer is read once, split in place and lives as long
// as the shim, so argv and envp point into it. Anything not understood refuses the whole spec.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "exec/attempt_files.h"

namespace mw::exec::shim {

struct Spec {
  std::vector<char> buffer;
  std::vector<char*> argv;  // ends with nullptr
  std::vector<char*> envp;  // ends with nullptr
  const char* working_directory = nullptr;
  std::int64_t memory_bytes = 0;
  std::int64_t cpu_seconds = 0;
  std::int64_t file_bytes = 0;
  std::int64_t open_files = 0;
  std::int64_t processes = 0;
  std::int64_t log_bytes = 0;
  std::int64_t timeout_ms = 0;
  std::int64_t grace_ms = 0;
};

inline bool ReadNumber(const char* text, std::int64_t& out) {
  char* end = nullptr;
  errno = 0;
  out = std::strtoll(text, &end, 10);
  return errno == 0 && end != text && *end == '\0' && out >= 0;
}

/// The value when `field` is "name=value" with that name, else nullptr.
inline char* ValueOf(char* field, const char* name) {
  const std::size_t length = std::strlen(name);
  return std::strncmp(field, name, length) == 0 && field[length] == '=' ? field + length + 1 : nullptr;
}

inline bool TakeField(Spec& spec, char* field) {
  const struct {
    const char* name;
    std::int64_t* number;
  } numbers[] = {{"memory_bytes", &spec.memory_bytes}, {"cpu_seconds", &spec.cpu_seconds},
                 {"file_bytes", &spec.file_bytes},     {"open_files", &spec.open_files},
                 {"processes", &spec.processes},       {"log_bytes", &spec.log_bytes},
                 {"timeout_ms", &spec.timeout_ms},     {"grace_ms", &spec.grace_ms}};
  if (char* value = ValueOf(field, "arg")) return spec.argv.push_back(value), true;
  if (char* value = ValueOf(field, "env")) return spec.envp.push_back(value), true;
  if (char* value = ValueOf(field, "working_directory")) return spec.working_directory = value, true;
  for (const auto& entry : numbers) {
    if (char* value = ValueOf(field, entry.name)) return ReadNumber(value, *entry.number);
  }
  return false;
}

/// Splits spec.buffer. False when it is torn or holds anything unknown.
inline bool ParseSpec(Spec& spec) {
  char* at = spec.buffer.data();
  char* const end = at + spec.buffer.size();
  if (spec.buffer.empty() || end[-1] != '\0' || std::strcmp(at, kSpecFormat) != 0) return false;
  for (at += sizeof kSpecFormat; at < end; at += std::strlen(at) + 1) {
    if (std::strcmp(at, kSpecEnd) == 0) {
      const bool complete = !spec.argv.empty() && spec.working_directory != nullptr && at + sizeof kSpecEnd == end;
      spec.argv.push_back(nullptr);
      spec.envp.push_back(nullptr);
      return complete;
    }
    if (!TakeField(spec, at)) return false;
  }
  return false;
}

/// 0, or the errno; EBADMSG for a spec that cannot be understood.
inline int ReadSpec(Spec& spec) {
  const int file = open(kSpecFile, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return errno;
  struct stat facts {};
  if (fstat(file, &facts) != 0 || facts.st_size > static_cast<off_t>(kSpecBytesMax)) {
    close(file);
    return EBADMSG;
  }
  spec.buffer.resize(static_cast<std::size_t>(facts.st_size));
  const ssize_t got = read(file, spec.buffer.data(), spec.buffer.size());
  close(file);
  return got == facts.st_size && ParseSpec(spec) ? 0 : EBADMSG;
}

}  // namespace mw::exec::shim
