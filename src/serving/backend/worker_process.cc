// Starting, asking and ending worker processes; see worker_process.h.
#include "serving/backend/worker_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "base/log.h"
#include "base/text.h"
#include "serving/backend/confine.h"

namespace mw::serving {
namespace {

constexpr int kEndWaitMillis = 200;

struct Pair {
  FileDescriptor ours, theirs;
};

Result<Pair> MakePipe(bool we_read) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoError(errno, "making a pipe to a worker");
  return Pair{FileDescriptor(ends[we_read ? 0 : 1]), FileDescriptor(ends[we_read ? 1 : 0])};
}

Result<Pair> MakeSocketPair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return ErrnoError(errno, "making a socket to a worker");
  }
  return Pair{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

/// A copy above the descriptors that a worker is given, so that placing one there never overwrites another.
Result<FileDescriptor> Above(const FileDescriptor& descriptor) {
  FileDescriptor copy(fcntl(descriptor.get(), F_DUPFD_CLOEXEC, 16));
  if (!copy.valid()) return ErrnoError(errno, "copying a worker's descriptor");
  return copy;
}

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> Environment(const WorkerOptions& options) {
  std::vector<std::string> environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8",
                                          Cat("HOME=", options.directory), "OMP_NUM_THREADS=1"};
  environment.insert(environment.end(), options.environment.begin(), options.environment.end());
  return environment;
}

struct WorkerDescriptors {
  int socket, lifeline, memory, errors;
};

Result<pid_t> SpawnConfined(const WorkerOptions& options, const WorkerDescriptors& given) {
  std::vector<std::string> arguments = ConfineArguments(
      Confinement{options.memory_bytes_max, options.file_bytes_max, options.directory}, options.command);
  arguments.insert(arguments.begin(), options.confiner);
  const std::vector<std::string> environment = Environment(options);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, given.errors, 1);
  posix_spawn_file_actions_adddup2(&files, given.errors, 2);
  posix_spawn_file_actions_adddup2(&files, given.socket, kWorkerSocket);
  posix_spawn_file_actions_adddup2(&files, given.lifeline, kWorkerLifeline);
  posix_spawn_file_actions_adddup2(&files, given.memory, kWorkerMemory);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes,
                           static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID));
  pid_t pid = 0;
  const int failed = posix_spawn(&pid, options.confiner.c_str(), &files, &attributes, Pointers(arguments).data(),
                                 Pointers(environment).data());
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) return ErrnoError(failed, Cat("starting ", options.confiner));
  return pid;
}

std::string HowItEnded(int status) {
  if (WIFSIGNALED(status)) {
    return Cat("was killed by signal ", WTERMSIG(status), " (", strsignal(WTERMSIG(status)), ")");
  }
  return Cat("ended with exit code ", WEXITSTATUS(status));
}

/// The last line that says something.
std::string LastLine(std::string_view text) {
  const std::string_view trimmed = Trim(text);
  const std::size_t line = trimmed.rfind('\n');
  return Quoted(Trim(line == std::string_view::npos ? trimmed : trimmed.substr(line + 1)), 400);
}

/// True when the process ends by itself within a moment; it is left to be reaped.
bool EndsByItself(pid_t pid) {
  const FileDescriptor process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  pollfd watched{process.get(), POLLIN, 0};
  return process.valid() && poll(&watched, 1, kEndWaitMillis) == 1;
}

Status CheckOutput(const TensorSpec& spec, const TensorView& tensor, std::optional<std::int64_t> rows) {
  if (tensor.name != spec.name) {
    return DataLoss("gave the output ", Quoted(tensor.name), " where ", Quoted(spec.name), " was due");
  }
  TRY(CheckAgainst(spec, tensor));
  const bool right = !rows || (!tensor.shape.empty() && tensor.shape[0] == *rows);
  if (!right) return DataLoss("gave an output ", Quoted(spec.name), " that has not the batch's ", *rows, " rows");
  return Ok();
}

bool SameSpecs(const BackendInfo& a, const BackendInfo& b) {
  return a.inputs == b.inputs && a.outputs == b.outputs && a.batchable == b.batchable;
}

/// Workers of one program: what they say of the model is the same.
class WorkerBackend final : public Backend {
 public:
  explicit WorkerBackend(std::vector<std::unique_ptr<WorkerProcess>> workers) : workers_(std::move(workers)) {}
  [[nodiscard]] const BackendInfo& info() const override { return workers_.front()->info(); }
  [[nodiscard]] std::vector<Runner*> runners() override {
    std::vector<Runner*> runners;
    for (const auto& worker : workers_) runners.push_back(worker.get());
    return runners;
  }

 private:
  std::vector<std::unique_ptr<WorkerProcess>> workers_;
};

}  // namespace

Result<std::unique_ptr<WorkerProcess>> WorkerProcess::Start(WorkerOptions options) {
  MW_ASSERT(!options.command.empty());
  std::unique_ptr<WorkerProcess> worker(new WorkerProcess(std::move(options)));
  TRY(worker->Spawn());
  worker->info_ = TRY(worker->AwaitHello(worker->start_deadline_));
  worker->restarting_ = true;
  return worker;
}

WorkerProcess::~WorkerProcess() { End(); }

Status WorkerProcess::Spawn() {
  Pair socket = TRY(MakeSocketPair());
  Pair lifeline = TRY(MakePipe(/*we_read=*/false));
  Pair errors = TRY(MakePipe(/*we_read=*/true));
  const FileDescriptor their_socket = TRY(Above(socket.theirs));
  const FileDescriptor their_lifeline = TRY(Above(lifeline.theirs));
  const FileDescriptor their_errors = TRY(Above(errors.theirs));
  memory_ = TRY(WorkerMailbox::MakeMemory());
  const FileDescriptor their_memory = TRY(Above(memory_));
  const WorkerDescriptors given{their_socket.get(), their_lifeline.get(), their_memory.get(), their_errors.get()};
  pid_ = TRY(SpawnConfined(options_, given));
  lifeline_ = std::move(lifeline.ours);
  channel_.emplace(std::move(socket.ours), std::move(errors.ours));
  start_deadline_ = clock_.Elapsed() + options_.start_timeout;
  answered_ = false;
  return Ok();
}

Result<BackendInfo> WorkerProcess::AwaitHello(Duration deadline) {
  const auto frame = channel_->Receive(std::max(deadline - clock_.Elapsed(), Duration{1}));
  if (!frame.ok() && frame.error().code == Code::kDeadlineExceeded && clock_.Elapsed() < start_deadline_) {
    return Unavailable("the model's worker is still starting");
  }
  if (!frame.ok()) return Fail(frame.error());
  if (frame->kind == FrameKind::kError) {
    Error reason = ParseError(frame->payload);
    Fail(reason);
    return reason;
  }
  if (frame->kind != FrameKind::kHello) return Fail(DataLoss("sent no hello first"));
  auto hello = ParseHello(frame->payload);
  if (!hello.ok()) return Fail(hello.error());
  if (hello->mailbox) channel_->UseMailbox(TRY(WorkerMailbox::Open(memory_.get(), MailboxSide::kServer)));
  greeted_ = true;
  return std::move(hello->info);
}

Status WorkerProcess::SpawnAgain() {
  ++restarts_;
  if (options_.restarts != nullptr) options_.restarts->Add();
  return Spawn();
}

/// Brings a worker that is not there, or has not said hello yet, to kReady.
Status WorkerProcess::Restart(Duration deadline) {
  if (pid_ < 0) {
    if (!Ready()) return Unavailable("the model's worker failed again and waits before its next start; try later");
    TRY(SpawnAgain());
  }
  const auto info = AwaitHello(std::min(deadline, start_deadline_));
  if (!info.ok()) return Unavailable("the model's worker is not back yet: ", info.error().ToString());
  if (SameSpecs(*info, info_)) return Ok();
  return Fail(DataLoss("was started again and describes another model"));
}

bool WorkerProcess::Ready() const {
  return clock_.Elapsed().count() >= ready_at_micros_.load(std::memory_order_relaxed);
}

Result<TensorList> WorkerProcess::Run(const TensorList& batch, Duration timeout) {
  const Duration deadline = clock_.Elapsed() + timeout;
  if (!greeted_) TRY(Restart(deadline));
  return Ask(batch, std::max(deadline - clock_.Elapsed(), Duration{1}));
}

Result<TensorList> WorkerProcess::Ask(const TensorList& batch, Duration timeout) {
  const Duration deadline = clock_.Elapsed() + timeout;
  const std::uint64_t id = next_id_++;
  const Status sent = channel_->SendTensors(FrameKind::kRun, id, batch, timeout);
  if (!sent.ok() && (sent.error().code == Code::kInvalidArgument || sent.error().code == Code::kResourceExhausted)) {
    return sent.error();  // nothing was sent
  }
  if (!sent.ok()) return Fail(sent.error());
  const auto frame = channel_->Receive(std::max(deadline - clock_.Elapsed(), Duration{1}));
  if (!frame.ok()) return Fail(frame.error());
  if (frame->id != id) return Fail(DataLoss("answered run ", frame->id, " when asked run ", id));
  if (frame->kind == FrameKind::kError) {
    answered_ = true;
    return ParseError(frame->payload);
  }
  if (frame->kind != FrameKind::kAnswer) return Fail(DataLoss("answered a run with a hello"));
  auto answer = ReadAnswer(batch, frame->payload);
  if (!answer.ok()) return Fail(DataLoss(answer.error().message));
  answered_ = true;
  return answer;
}

Result<TensorList> WorkerProcess::ReadAnswer(const TensorList& batch, std::string_view payload) const {
  const std::vector<TensorView> tensors = TRY(ParseTensors(payload));
  if (tensors.size() != info_.outputs.size()) {
    return DataLoss("gave ", tensors.size(), " outputs where ", info_.outputs.size(), " were due");
  }
  const bool by_rows = info_.batchable && !batch.empty() && !batch[0].shape.empty();
  const auto rows = by_rows ? std::optional(batch[0].shape[0]) : std::nullopt;
  TensorList answer;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    TRY(CheckOutput(info_.outputs[i], tensors[i], rows));
    answer.Append(tensors[i]);
  }
  return answer;
}

/// The worker is no longer to be believed: ends it, plans its next start, and says what happened.
Error WorkerProcess::Fail(Error error) {
  const bool timed_out = error.code == Code::kDeadlineExceeded;
  if (timed_out && options_.timeouts != nullptr) options_.timeouts->Add();
  const bool closed = error.code == Code::kUnavailable;
  const bool died = closed && EndsByItself(pid_);
  const std::string output = channel_->ErrorTail();
  const std::string end = End();
  PlanRestart();
  const std::string words = Trim(output).empty() ? "" : Cat("; its last words: ", LastLine(output));
  // The first start's failure is its caller's to tell.
  if (restarting_) {
    LogWarning("a model's worker failed",
               {{"program", options_.command.front()}, {"error", error.ToString()}, {"end", end}, {"output", output}});
  }
  if (died) return Unavailable("the model's worker ", end, words);
  if (closed) return Unavailable("the model's worker closed its socket and was ended", words);
  if (timed_out) return DeadlineExceeded("the model's worker did not answer in time and was ended", words);
  return Internal("the model's worker ", error.message, " and was ended", words);
}

void WorkerProcess::PlanRestart() {
  if (answered_) pause_ = Duration{0};
  const Duration wait = std::exchange(pause_, std::clamp(pause_ * 2, kPauseFirst, kPauseMax));
  ready_at_micros_.store((clock_.Elapsed() + wait).count(), std::memory_order_relaxed);
  // At once, so that the model is loaded when the next batch comes; if it fails, that batch tries again.
  if (restarting_ && wait == Duration{0}) static_cast<void>(SpawnAgain());
}

std::string WorkerProcess::End() {
  if (pid_ < 0) return "had ended";
  greeted_ = false;
  // The session first: its leader is not reaped yet, so its number is nobody else's.
  kill(-pid_, SIGKILL);
  kill(pid_, SIGKILL);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
  pid_ = -1;
  channel_.reset();
  lifeline_.Reset();
  memory_.Reset();
  return HowItEnded(status);
}

Result<std::unique_ptr<Backend>> StartWorkers(const WorkerOptions& options, std::size_t count) {
  MW_ASSERT(count > 0);
  std::vector<std::unique_ptr<WorkerProcess>> workers;
  for (std::size_t i = 0; i < count; ++i) {
    workers.push_back(TRY(WorkerProcess::Start(options)));
    if (!SameSpecs(workers.back()->info(), workers.front()->info())) {
      return Internal("two workers of one model describe it differently");
    }
  }
  return std::make_unique<WorkerBackend>(std::move(workers));
}

Result<std::string> FindConfiner() {
  char path[4'096];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  if (size <= 0) return ErrnoError(errno, "reading /proc/self/exe");
  const std::string_view program(path, static_cast<std::size_t>(size));
  std::string beside = Cat(program.substr(0, program.rfind('/')), "/mw-backend");
  if (access(beside.c_str(), X_OK) == 0) return beside;
  return NotFound("the program mw-backend, which runs models of other libraries, is not at ", beside,
                  "; install it beside millwright");
}

}  // namespace mw::serving
