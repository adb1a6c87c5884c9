// Starting shims and reading what they leave: see the header.
#include "exec/process_executor.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "exec/attempt_directory.h"
#include "exec/attempt_files.h"

namespace mw::exec {
namespace {

// A group of its own (a Ctrl-C on the terminal is not for it), no inherited signal mask or dispositions.
class SpawnAttributes {
 public:
  SpawnAttributes() {
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnAttributes() { posix_spawnattr_destroy(&attributes_); }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  [[nodiscard]] const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

// The exit status of a child that ends soon; kShimDied when it did not end by itself.
int Await(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return kShimDied;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : kShimDied;
}

}  // namespace

Result<std::unique_ptr<ProcessExecutor>> ProcessExecutor::Start(const std::string& shim_path) {
  if (access(shim_path.c_str(), X_OK) != 0) {
    return NotFound("cannot run ", shim_path, ", which runs every step; it is installed beside millwright");
  }
  auto watch = TRY(DirectoryWatch::Start());
  return std::unique_ptr<ProcessExecutor>(new ProcessExecutor(shim_path, std::move(watch)));
}

Status ProcessExecutor::Launch(const AttemptSpec& spec) {
  TRY(CheckSpec(spec));
  const AttemptStatus before = TRY(ReadStatus(spec.directory));
  if (before.state != AttemptState::kUnknown) return Ok();
  TRY(PrepareDirectory(spec));
  TRY(watch_->Add(spec.directory));
  return StartShim(spec);
}

Status ProcessExecutor::StartShim(const AttemptSpec& spec) const {
  static const SpawnAttributes attributes;
  std::string program = shim_path_;
  std::string directory = spec.directory;
  char* const argv[] = {program.data(), directory.data(), nullptr};
  char* const environment[] = {nullptr};
  pid_t child = -1;
  int error = posix_spawn(&child, program.c_str(), nullptr, attributes.get(), argv, environment);
  if (error == 0) error = Await(child);
  if (error == 0) return Ok();
  if (error == kShimDied) return Unavailable("the shim of attempt ", spec.attempt_id, " was killed as it started");
  if (error == EAGAIN)
    return ResourceExhausted("no process is left for attempt ", spec.attempt_id, "; raise ulimit -u");
  return ErrnoError(error, Cat("starting attempt ", spec.attempt_id, " in ", spec.directory, " by ", program));
}

Result<AttemptStatus> ProcessExecutor::Poll(const std::string& attempt_id, const std::string& directory) {
  AttemptStatus status = TRY(ReadStatus(directory));
  const bool alive = status.state == AttemptState::kStarting || status.state == AttemptState::kRunning;
  // It may have ended before the watch saw it.
  if (alive && TRY(watch_->Add(directory))) status = TRY(ReadStatus(directory));
  if (status.state == AttemptState::kLost) KillMarked(attempt_id);
  if (status.state == AttemptState::kLost || status.state == AttemptState::kExited) watch_->Remove(directory);
  return status;
}

Status ProcessExecutor::Cancel(const std::string& attempt_id, const std::string& directory) {
  const AttemptStatus status = TRY(ReadStatus(directory));
  if (status.state == AttemptState::kExited || status.state == AttemptState::kLost) return Ok();
  return RequestCancel(directory).In(Cat("canceling attempt ", attempt_id));
}

std::string ProcessExecutor::IsolationTier() const {
  const bool unified = ReadFile("/sys/fs/cgroup/cgroup.controllers").ok();
  return Cat("rlimits: of each process by itself; ",
             unified ? "cgroup v2 is not used yet" : "no cgroup v2 on this machine");
}

}  // namespace mw::exec
