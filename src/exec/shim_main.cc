// mw-shim DIRECTORY: runs the program that DIRECTORY/spec describes, once, and writes down how it ended.
//
// It belongs to nobody: own session, parent gone at once, so whoever started it may die. What it owns is in
// attempt_files.h. In order: lock (another shim holds it: leave) -> `started` or exit.json there (it ran: leave)
// -> `cancel` there (record that it never ran) -> make `started` durable -> run the program -> exit.json durable.
// The program dies with the shim (parent-death signal); what it leaves behind dies before exit.json is written.
// One thread, everything through one poll loop.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <optional>

#include "exec/attempt_files.h"
#include "exec/shim_log.h"
#include "exec/shim_processes.h"
#include "exec/shim_spec.h"

namespace mw::exec::shim {
namespace {

// What an ended program leaves behind may take this long to end too, before it is killed.
constexpr std::int64_t kStragglersMs = 200;
// Killing is repeated this often while something is still there.
constexpr std::int64_t kKillAgainMs = 50;
// The cancel file is looked at this often even when nobody could signal (another machine, another pid namespace).
constexpr std::int64_t kLookMs = 2000;

std::int64_t ReadClock(clockid_t clock, std::int64_t per_second) {
  timespec now{};
  clock_gettime(clock, &now);
  return now.tv_sec * per_second + now.tv_nsec / (1'000'000'000 / per_second);
}
std::int64_t NowMs() { return ReadClock(CLOCK_MONOTONIC, 1000); }
std::int64_t WallMicros() { return ReadClock(CLOCK_REALTIME, 1'000'000); }

bool Exists(const char* name) { return access(name, F_OK) == 0; }

bool SyncAndClose(int file) {
  const bool synced = fsync(file) == 0;
  return close(file) == 0 && synced;
}
bool SyncDirectory() {
  const int directory = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return directory >= 0 && SyncAndClose(directory);
}

struct Exit {
  int code = -1;
  int signal = 0;
  bool timed_out = false;
  bool canceled = false;
  char failure[256] = "";
  int failure_errno = 0;
  std::int64_t started_us = 0;
  std::int64_t ended_us = 0;

  void Fail(int error, const char* what, const char* which = "") {
    failure_errno = error;
    std::snprintf(failure, sizeof failure, "%s%.120s: %s", what, which, strerror(error));
  }
};

// As JSON wants it; what is not plain ASCII becomes '?'.
void Escape(char* text) {
  for (; *text != '\0'; ++text) {
    if (*text < 0x20 || *text > 0x7e || *text == '\\') *text = '?';
    if (*text == '"') *text = '\'';
  }
}

// Room for the record is taken before the program runs, so that a disk it fills cannot hide how it ended.
bool ReserveExitRecord() {
  const int file = open(kExitTemporary, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return false;
  const int refused = posix_fallocate(file, 0, 4096);
  close(file);
  if (refused != 0) errno = refused;
  return refused == 0;
}

bool WriteExitRecord(Exit& exit) {
  rusage used{};
  getrusage(RUSAGE_CHILDREN, &used);
  Escape(exit.failure);
  char text[1024];
  const int length = std::snprintf(
      text, sizeof text,
      "{\"format_version\":1,\"exit_code\":%d,\"signal\":%d,\"timed_out\":%s,\"canceled\":%s,\"failure\":\"%s\","
      "\"failure_errno\":%d,\"started_us\":%lld,\"ended_us\":%lld,\"user_cpu_us\":%lld,\"system_cpu_us\":%lld,"
      "\"memory_peak_bytes\":%lld}\n",
      exit.code, exit.signal, exit.timed_out ? "true" : "false", exit.canceled ? "true" : "false", exit.failure,
      exit.failure_errno, static_cast<long long>(exit.started_us), static_cast<long long>(exit.ended_us),
      used.ru_utime.tv_sec * 1'000'000LL + used.ru_utime.tv_usec,
      used.ru_stime.tv_sec * 1'000'000LL + used.ru_stime.tv_usec, used.ru_maxrss * 1024LL);
  const int file = open(kExitTemporary, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return false;
  const bool wrote = write(file, text, static_cast<std::size_t>(length)) == length && ftruncate(file, length) == 0;
  return SyncAndClose(file) && wrote && rename(kExitTemporary, kExitFile) == 0 && SyncDirectory();
}

// A classic record lock: it dies with this very process, is not inherited, and the kernel tells who holds it.
// 0, EAGAIN when another shim holds it, or what went wrong. Closing `file` gives the lock back.
int TakeLock(int& file) {
  file = open(kLockFile, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return errno;
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (fcntl(file, F_SETLK, &whole) == 0) return 0;
  return errno == EACCES ? EAGAIN : errno;
}

// 0, EEXIST when the program ran before, or what went wrong.
int MakeStarted(std::int64_t at_us) {
  const int file = open(kStartedFile, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return errno;
  char text[64];
  const int length = std::snprintf(text, sizeof text, "shim %d at %lld\n", getpid(), static_cast<long long>(at_us));
  const bool wrote = write(file, text, static_cast<std::size_t>(length)) == length;
  return SyncAndClose(file) && wrote && SyncDirectory() ? 0 : errno;
}

// The program's own process, up to exec --------------------------------------------------------------

struct ChildFailure {
  enum Stage : int { kDirectory, kProgram } stage;
  int error;
};

void Limit(decltype(RLIMIT_AS) what, std::int64_t soft, std::int64_t hard) {
  rlimit present{};
  getrlimit(what, &present);
  rlimit wanted{static_cast<rlim_t>(soft), static_cast<rlim_t>(hard)};
  wanted.rlim_max = std::min(wanted.rlim_max, present.rlim_max);
  wanted.rlim_cur = std::min(wanted.rlim_cur, wanted.rlim_max);
  setrlimit(what, &wanted);
}

void SetLimits(const Spec& spec) {
  Limit(RLIMIT_CORE, 0, 0);
  if (spec.memory_bytes > 0) Limit(RLIMIT_AS, spec.memory_bytes, spec.memory_bytes);
  if (spec.cpu_seconds > 0) Limit(RLIMIT_CPU, spec.cpu_seconds, spec.cpu_seconds + 5);  // SIGXCPU, then SIGKILL
  if (spec.file_bytes > 0) Limit(RLIMIT_FSIZE, spec.file_bytes, spec.file_bytes);
  if (spec.open_files > 0) Limit(RLIMIT_NOFILE, spec.open_files, spec.open_files);
  if (spec.processes > 0) Limit(RLIMIT_NPROC, spec.processes, spec.processes);
}

const char* PathOf(const Spec& spec) {
  for (char* entry : spec.envp) {
    if (entry != nullptr && std::strncmp(entry, "PATH=", 5) == 0) return entry + 5;
  }
  return "/usr/local/bin:/usr/bin:/bin";
}

// execvp, but with the program's own PATH. Returns the errno that says most.
int Execute(Spec& spec) {
  char* const name = spec.argv[0];
  if (std::strchr(name, '/') != nullptr) {
    execve(name, spec.argv.data(), spec.envp.data());
    return errno;
  }
  int error = ENOENT;
  for (const char* at = PathOf(spec); *at != '\0';) {
    const std::size_t length = std::strcspn(at, ":");
    char path[4096];
    const int written = std::snprintf(path, sizeof path, "%.*s/%s", static_cast<int>(length), at, name);
    if (length > 0 && written < static_cast<int>(sizeof path)) {
      execve(path, spec.argv.data(), spec.envp.data());
      if (errno != ENOENT && errno != ENOTDIR) error = errno;
    }
    at += length + (at[length] == ':' ? 1 : 0);
  }
  return error;
}

[[noreturn]] void RunProgram(Spec& spec, pid_t shim, int output, int report) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != shim) _exit(127);  // the shim died before the line above
  setpgid(0, 0);
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  ChildFailure failure{ChildFailure::kDirectory, 0};
  if (chdir(spec.working_directory) != 0) {
    failure.error = errno;
  } else {
    SetLimits(spec);
    failure = {ChildFailure::kProgram, Execute(spec)};
  }
  const ssize_t told = write(report, &failure, sizeof failure);
  _exit(told == sizeof failure ? 127 : 126);
}

// Supervision ----------------------------------------------------------------------------------------

class Supervisor {
 public:
  Supervisor(Spec& spec, int signals, int log_file) : spec_(spec), signals_(signals), log_(log_file, spec.log_bytes) {}

  void Run(Exit& exit) {
    if (!Start(exit)) return;
    while (!Reap(exit)) {
      Judge(exit);
      Wait();
    }
    Drain();
    log_.Finish();
  }

 private:
  // Forks and waits until the program was executed or could not be.
  bool Start(Exit& exit) {
    int output[2];
    int report[2];
    if (pipe2(output, O_CLOEXEC) != 0 || pipe2(report, O_CLOEXEC) != 0)
      return exit.Fail(errno, "cannot make a pipe"), false;
    const pid_t shim = getpid();
    program_ = fork();
    if (program_ < 0) return exit.Fail(errno, "cannot make a process"), false;
    if (program_ == 0) RunProgram(spec_, shim, output[1], report[1]);
    setpgid(program_, program_);  // whichever of the two comes first
    close(output[1]);
    close(report[1]);
    output_ = output[0];
    fcntl(output_, F_SETFL, O_NONBLOCK);
    ChildFailure failure{};
    if (read(report[0], &failure, sizeof failure) == sizeof failure) Explain(failure, exit);
    close(report[0]);
    if (spec_.timeout_ms > 0) timeout_at_ = NowMs() + spec_.timeout_ms;
    return true;
  }

  void Explain(const ChildFailure& failure, Exit& exit) const {
    if (failure.stage == ChildFailure::kDirectory) {
      exit.Fail(failure.error, "cannot enter the working directory ", spec_.working_directory);
    } else {
      exit.Fail(failure.error, "cannot run ", spec_.argv[0]);
    }
  }

  // Takes in what has ended. True when nothing is left.
  bool Reap(Exit& exit) {
    int status = 0;
    pid_t ended = 0;
    while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
      if (ended != program_) continue;
      exit.ended_us = WallMicros();
      if (WIFEXITED(status)) exit.code = exit.failure_errno != 0 ? -1 : WEXITSTATUS(status);
      if (WIFSIGNALED(status)) exit.signal = WTERMSIG(status);
      program_ended_ = true;
      if (!kill_at_) kill_at_ = NowMs() + kStragglersMs;
    }
    return ended < 0 && errno == ECHILD;
  }

  // Decides whether it is time to end or to kill the program.
  void Judge(Exit& exit) {
    const std::int64_t now = NowMs();
    if (!terminating_ && !program_ended_) {
      const bool canceled = Exists(kCancelFile);
      const bool timed_out = timeout_at_ && now >= *timeout_at_;
      if (canceled || timed_out || asked_to_end_) {
        exit.canceled = canceled;
        exit.timed_out = !canceled && timed_out;
        terminating_ = true;
        kill_at_ = now + spec_.grace_ms;
        TerminateAll(program_);
      }
    }
    if (kill_at_ && now >= *kill_at_) {
      KillAll();
      kill_at_ = now + kKillAgainMs;
    }
  }

  void Wait() {
    const std::int64_t now = NowMs();
    std::int64_t until = now + kLookMs;
    if (timeout_at_ && !terminating_) until = std::min(until, *timeout_at_);
    if (kill_at_) until = std::min(until, *kill_at_);
    pollfd sources[] = {{signals_, POLLIN, 0}, {output_, POLLIN, 0}};
    if (poll(sources, 2, static_cast<int>(std::max<std::int64_t>(until - now, 0))) <= 0) return;
    if (sources[0].revents != 0) TakeSignals();
    if (sources[1].revents != 0) Drain();
  }

  void TakeSignals() {
    signalfd_siginfo info{};
    while (read(signals_, &info, sizeof info) == sizeof info) {
      if (info.ssi_signo != SIGCHLD) asked_to_end_ = true;
    }
  }

  // Never more than a bounded piece in one go, so that output without end cannot keep a timeout from being seen.
  void Drain() {
    static char buffer[64 << 10];
    for (int pieces = 0; pieces < 16 && output_ >= 0; ++pieces) {
      const ssize_t size = read(output_, buffer, sizeof buffer);
      if (size > 0) log_.Append(buffer, size);
      if (size == 0) {
        close(output_);
        output_ = -1;  // poll ignores it
      }
      if (size < static_cast<ssize_t>(sizeof buffer) && size != 0) return;
    }
  }

  Spec& spec_;
  int signals_;
  Log log_;
  int output_ = -1;
  pid_t program_ = -1;
  bool program_ended_ = false;
  bool terminating_ = false;
  bool asked_to_end_ = false;
  std::optional<std::int64_t> timeout_at_;
  std::optional<std::int64_t> kill_at_;
};

int WatchSignals() {
  sigset_t watched;
  sigemptyset(&watched);
  for (const int number : {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT}) sigaddset(&watched, number);
  sigprocmask(SIG_SETMASK, &watched, nullptr);
  return signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
}

void RunAttempt(Spec& spec, int signals) {
  Exit exit;
  exit.started_us = WallMicros();
  exit.ended_us = exit.started_us;
  if (Exists(kCancelFile)) {
    exit.canceled = true;
    std::snprintf(exit.failure, sizeof exit.failure, "canceled before it started");
  } else {
    const int refused = ReserveExitRecord() ? MakeStarted(exit.started_us) : errno;
    if (refused == EEXIST) return;
    const int log_file = open(kLogFile, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (refused != 0 || log_file < 0) {
      exit.Fail(refused != 0 ? refused : errno, "cannot write the attempt's directory");
    } else {
      static std::optional<Supervisor> supervisor;
      supervisor.emplace(spec, signals, log_file);
      supervisor->Run(exit);
      if (exit.failure_errno != 0) exit.ended_us = WallMicros();
    }
  }
  WriteExitRecord(exit);
}

void Tell(int handshake, int error) {
  const auto byte = static_cast<unsigned char>(error);
  while (write(handshake, &byte, 1) < 0 && errno == EINTR) {
  }
  close(handshake);
}

// The process that stays.
int Stay(int handshake) {
  setsid();
  prctl(PR_SET_NAME, "mw-shim");
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  signal(SIGPIPE, SIG_IGN);  // whoever started it may be gone already
  umask(0022);
  const int signals = WatchSignals();
  if (signals < 0) return Tell(handshake, errno), 1;
  int lock = -1;
  const int locked = TakeLock(lock);
  if (locked != 0) return Tell(handshake, locked == EAGAIN ? 0 : locked), 0;
  if (Exists(kStartedFile) || Exists(kExitFile)) return Tell(handshake, 0), 0;
  static Spec spec;
  const int refused = ReadSpec(spec);
  if (refused != 0) close(lock);  // first, so that whoever hears of it may launch again at once
  Tell(handshake, refused);
  if (refused != 0) return 1;
  RunAttempt(spec, signals);
  return 0;
}

int Main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "mw-shim runs one attempt for millwright: mw-shim DIRECTORY\n");
    return 2;
  }
  close_range(3, ~0U, 0);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    const int null = open("/dev/null", O_RDWR);
    if (null != standard) dup2(null, standard);
    if (null > STDERR_FILENO) close(null);
  }
  int handshake[2];
  if (chdir(argv[1]) != 0 || pipe2(handshake, O_CLOEXEC) != 0) return errno;
  const pid_t child = fork();
  if (child < 0) return errno;
  if (child == 0) {
    close(handshake[0]);
    return Stay(handshake[1]);
  }
  close(handshake[1]);
  unsigned char error = kShimDied;
  return read(handshake[0], &error, 1) == 1 ? error : kShimDied;
}

}  // namespace
}  // namespace mw::exec::shim

int main(int argc, char** argv) { return mw::exec::shim::Main(argc, argv); }
