// Attempt directories as the control plane writes and reads them: see the header.
#include "exec/attempt_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>

#include "base/file.h"
#include "base/id.h"
#include "base/json.h"
#include "base/text.h"
#include "exec/attempt_files.h"

namespace mw::exec {
namespace {

constexpr std::size_t kExitBytesMax = 16 << 10;
constexpr std::string_view kMark = "MILLWRIGHT_ATTEMPT_ID";

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }
bool HasNul(std::string_view text) { return text.find('\0') != std::string_view::npos; }
bool IsAbsolute(std::string_view path) { return path.starts_with('/') && !HasNul(path); }

void Field(std::string& out, std::string_view name, std::string_view value) {
  CatTo(out, name, '=', value);
  out.push_back('\0');
}
void Field(std::string& out, std::string_view name, std::int64_t value) { Field(out, name, Cat(value)); }

Status CheckEnvironment(const AttemptSpec& spec) {
  for (const auto& [name, value] : spec.environment) {
    if (name.empty() || HasNul(name) || HasNul(value) || name.find('=') != std::string::npos) {
      return InvalidArgument("environment variable ", Quoted(name), " of attempt ", spec.attempt_id,
                             " has an empty name, a '=' in its name or a NUL; give it another");
    }
  }
  return Ok();
}

Status CheckNumbers(const AttemptSpec& spec) {
  const Limits& limits = spec.limits;
  const std::int64_t least =
      std::min({limits.memory_bytes, limits.cpu_seconds, limits.file_bytes, limits.open_files, limits.processes,
                limits.log_bytes, std::int64_t{spec.timeout.count()}, std::int64_t{spec.grace.count()}});
  if (least < 0) return InvalidArgument("attempt ", spec.attempt_id, " has the limit ", least, "; limits are >= 0");
  return Ok();
}

// The file is there whole or not at all. It need not survive a power cut: before `started` exists it is written
// again, and after that nobody reads it.
Status WriteWhole(const std::string& path, std::string_view content) {
  std::string temporary = path + ".XXXXXX";
  FileDescriptor file(mkostemp(temporary.data(), O_CLOEXEC));
  if (!file.valid()) return ErrnoError(errno, Cat("making ", temporary));
  const ssize_t wrote = write(file.get(), content.data(), content.size());
  const int error = wrote < 0 ? errno : ENOSPC;
  if (wrote == static_cast<ssize_t>(content.size()) && rename(temporary.c_str(), path.c_str()) == 0) return Ok();
  unlink(temporary.c_str());
  return ErrnoError(error, Cat("writing ", path));
}

Result<std::optional<ExitRecord>> ReadExit(const std::string& directory) {
  const std::string path = Cat(directory, '/', kExitFile);
  if (!Exists(path)) return std::optional<ExitRecord>();
  Result<ExitRecord> record = ParseExitRecord(TRY(ReadFile(path, kExitBytesMax)));
  if (!record.ok()) return DataLoss(path, " is damaged: ", record.error().message);
  return std::optional<ExitRecord>(std::move(*record));
}

ExitRecord NeverStarted() {
  ExitRecord record;
  record.canceled = true;
  record.failure = "canceled before it started";
  return record;
}

bool CarriesMark(const char* pid, std::string_view mark) {
  const FileDescriptor file(open(Cat("/proc/", pid, "/environ").c_str(), O_RDONLY | O_CLOEXEC));
  std::string text(256 << 10, '\0');
  const ssize_t size = file.valid() ? read(file.get(), text.data(), text.size()) : 0;
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  for (const std::string_view entry : Split(text, '\0')) {
    if (entry == mark) return true;
  }
  return false;
}

// A pidfd names the process itself: what is signalled is what was looked at, even if its pid is given away meanwhile.
FileDescriptor OpenProcess(pid_t pid) { return FileDescriptor(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))); }
void Signal(const FileDescriptor& process, int number) {
  syscall(SYS_pidfd_send_signal, process.get(), number, nullptr, 0);
}

}  // namespace

Status CheckSpec(const AttemptSpec& spec) {
  if (!IsName(spec.attempt_id)) return InvalidArgument("attempt id ", Quoted(spec.attempt_id), " is not a name");
  if (!IsAbsolute(spec.directory) || (!spec.working_directory.empty() && !IsAbsolute(spec.working_directory))) {
    return InvalidArgument("attempt ", spec.attempt_id,
                           " names a directory that is not absolute: ", Quoted(spec.directory), ", working directory ",
                           Quoted(spec.working_directory));
  }
  if (spec.argv.empty() || spec.argv[0].empty()) {
    return InvalidArgument("attempt ", spec.attempt_id, " has no program to run: argv is empty");
  }
  if (std::any_of(spec.argv.begin(), spec.argv.end(), HasNul)) {
    return InvalidArgument("attempt ", spec.attempt_id, " has a NUL in an argument of ", Quoted(spec.argv[0]));
  }
  TRY(CheckEnvironment(spec));
  return CheckNumbers(spec);
}

Result<std::string> EncodeSpec(const AttemptSpec& spec) {
  TRY(CheckSpec(spec));
  std::string out(kSpecFormat, sizeof kSpecFormat);
  for (const std::string& argument : spec.argv) Field(out, "arg", argument);
  for (const auto& [name, value] : spec.environment) {
    if (name != kMark) Field(out, "env", Cat(name, '=', value));
  }
  Field(out, "env", Cat(kMark, '=', spec.attempt_id));
  Field(out, "working_directory",
        spec.working_directory.empty() ? Cat(spec.directory, '/', kWorkDirectory) : spec.working_directory);
  Field(out, "memory_bytes", spec.limits.memory_bytes);
  Field(out, "cpu_seconds", spec.limits.cpu_seconds);
  Field(out, "file_bytes", spec.limits.file_bytes);
  Field(out, "open_files", spec.limits.open_files);
  Field(out, "processes", spec.limits.processes);
  Field(out, "log_bytes", spec.limits.log_bytes);
  Field(out, "timeout_ms", spec.timeout.count());
  Field(out, "grace_ms", spec.grace.count());
  out.append(kSpecEnd, sizeof kSpecEnd);
  if (out.size() > kSpecBytesMax) {
    return ResourceExhausted("arguments and environment of attempt ", spec.attempt_id, " take ", out.size(),
                             " bytes, more than ", kSpecBytesMax, "; pass long values in a file");
  }
  return out;
}

Status PrepareDirectory(const AttemptSpec& spec) {
  const std::string encoded = TRY(EncodeSpec(spec));
  TRY(MakeDirectories(spec.directory, 0700));
  TRY(MakeDirectories(Cat(spec.directory, '/', kWorkDirectory), 0700));
  TRY(MakeDirectories(Cat(spec.directory, '/', kTemporaryDirectory), 0700));
  return WriteWhole(Cat(spec.directory, '/', kSpecFile), encoded);
}

Result<AttemptStatus> ReadStatus(const std::string& directory) {
  // The order matters: what was there before the lock was found free is final, for a shim writes exit.json while it
  // holds the lock and no later one runs the program once `started` is there.
  const bool started = Exists(Cat(directory, '/', kStartedFile));
  const bool held = LockHolder(directory) != 0;
  if (std::optional<ExitRecord> exit = TRY(ReadExit(directory))) return AttemptStatus{AttemptState::kExited, exit};
  if (held) return AttemptStatus{started ? AttemptState::kRunning : AttemptState::kStarting, {}};
  if (started) return AttemptStatus{AttemptState::kLost, {}};
  if (Exists(Cat(directory, '/', kCancelFile))) return AttemptStatus{AttemptState::kExited, NeverStarted()};
  return AttemptStatus{};
}

Result<ExitRecord> ParseExitRecord(std::string_view text) {
  const Json json = TRY(Json::Parse(text));
  if (const std::int64_t version = TRY(json.GetInt("format_version")); version != 1) {
    return InvalidArgument("exit record has format_version ", version, "; this program reads 1");
  }
  ExitRecord record;
  record.exit_code = static_cast<int>(TRY(json.GetInt("exit_code")));
  record.signal = static_cast<int>(TRY(json.GetInt("signal")));
  record.timed_out = TRY(json.GetBool("timed_out"));
  record.canceled = TRY(json.GetBool("canceled"));
  record.failure = TRY(json.GetString("failure"));
  record.failure_errno = static_cast<int>(TRY(json.GetInt("failure_errno")));
  record.started = FromMicros(TRY(json.GetInt("started_us")));
  record.ended = FromMicros(TRY(json.GetInt("ended_us")));
  record.user_cpu_seconds = static_cast<double>(TRY(json.GetInt("user_cpu_us"))) / 1e6;
  record.system_cpu_seconds = static_cast<double>(TRY(json.GetInt("system_cpu_us"))) / 1e6;
  record.memory_peak_bytes = TRY(json.GetInt("memory_peak_bytes"));
  return record;
}

pid_t LockHolder(const std::string& directory) {
  const FileDescriptor file(open(Cat(directory, '/', kLockFile).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file.valid()) return 0;
  struct flock probe {};
  probe.l_type = F_WRLCK;
  probe.l_whence = SEEK_SET;
  if (fcntl(file.get(), F_GETLK, &probe) != 0 || probe.l_type == F_UNLCK) return 0;
  return probe.l_pid > 0 ? probe.l_pid : -1;
}

Status RequestCancel(const std::string& directory) {
  TRY(MakeDirectories(directory, 0700));
  const std::string path = Cat(directory, '/', kCancelFile);
  const FileDescriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return ErrnoError(errno, Cat("making ", path));
  TRY(SyncDirectory(directory));
  // A shim looks for the file after it took the lock, so one that holds none yet needs no signal.
  const pid_t shim = LockHolder(directory);
  if (shim <= 0) return Ok();
  const FileDescriptor process = OpenProcess(shim);
  if (process.valid() && LockHolder(directory) == shim) Signal(process, SIGTERM);
  return Ok();
}

void KillMarked(const std::string& attempt_id) {
  const std::string mark = Cat(kMark, '=', attempt_id);
  DIR* directory = opendir("/proc");
  if (directory == nullptr) return;
  while (const dirent* entry = readdir(directory)) {
    const std::optional<long long> pid = ParseInt(entry->d_name);
    if (!pid || *pid == getpid() || !CarriesMark(entry->d_name, mark)) continue;
    const FileDescriptor process = OpenProcess(static_cast<pid_t>(*pid));
    if (process.valid() && CarriesMark(entry->d_name, mark)) Signal(process, SIGKILL);
  }
  closedir(directory);
}

Result<std::string> ReadLog(const std::string& attempt_directory, std::uint64_t offset, std::size_t limit) {
  const std::string path = Cat(attempt_directory, '/', kLogFile);
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file.valid()) return errno == ENOENT ? Result<std::string>("") : ErrnoError(errno, Cat("opening ", path));
  struct stat facts {};
  if (fstat(file.get(), &facts) != 0) return ErrnoError(errno, Cat("reading ", path));
  const auto size = static_cast<std::uint64_t>(facts.st_size);
  std::string out(std::min<std::uint64_t>(limit, size > offset ? size - offset : 0), '\0');
  const ssize_t got = pread(file.get(), out.data(), out.size(), static_cast<off_t>(offset));
  if (got < 0) return ErrnoError(errno, Cat("reading ", path));
  out.resize(static_cast<std::size_t>(got));
  return out;
}

Result<std::string> ReadLogTail(const std::string& attempt_directory, std::size_t limit) {
  struct stat facts {};
  if (stat(Cat(attempt_directory, '/', kLogFile).c_str(), &facts) != 0) return Result<std::string>("");
  const auto size = static_cast<std::uint64_t>(facts.st_size);
  return ReadLog(attempt_directory, size > limit ? size - limit : 0, limit);
}

}  // namespace mw::exec
