// One process that runs code which is not ours: started, listened to, ended, started again.
//
//   StartWorker -> kStarting --hello (Await)--> kReady --crash, timeout, nonsense--> kPausing --pause over--> kStarting
//                     |  \--error, crash, timeout----------------------------------^
//                     \--refused at the first start: StartWorker's error
//
// The process has a session of its own, no descriptors but those of the protocol, limits on memory and files, no way to
// gain privileges, an environment of its own, and dies with this process whatever way that dies. The program
// `mw-backend` sets all this up in the new process (confine.h) and then becomes the program asked for. Pauses: the
// first restart comes at once; a worker that fails again before it has answered anything waits kPauseFirst, doubled
// each time up to kPauseMax. Ownership: a WorkerProcess is a Runner: one thread at a time, except Ready. What it reads
// from the worker is checked (worker_protocol.h). Invariant: a worker that broke the protocol, timed out or closed its
// socket is killed with its whole session and reaped before Run returns.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "serving/backend/backend.h"
#include "serving/backend/worker_protocol.h"

namespace mw::serving {

inline constexpr Duration kPauseFirst = std::chrono::milliseconds(100);
inline constexpr Duration kPauseMax = std::chrono::seconds(30);

struct WorkerOptions {
  std::string confiner;              ///< path of the program mw-backend
  std::vector<std::string> command;  ///< absolute path of a program, its arguments
  std::string directory;             ///< where it runs: the model's own
  /// What it finds beside PATH, HOME (the directory), LANG and OMP_NUM_THREADS=1, as "NAME=value".
  std::vector<std::string> environment = {};
  std::uint64_t memory_bytes_max = 0;  ///< of its data (RLIMIT_DATA); 0: no limit
  std::uint64_t file_bytes_max = 0;    ///< of each file it writes; 0: it writes none
  Duration start_timeout = std::chrono::seconds(60);
  // Counted here when given; they outlive the worker.
  Counter* restarts = nullptr;
  Counter* timeouts = nullptr;
};

class WorkerProcess final : public Runner {
 public:
  /// Starts the worker and waits for its hello. Errors: the worker's own, when it says why it cannot load its model;
  /// kUnavailable with the end of its error output when it died; kDeadlineExceeded; kInternal for nonsense.
  static Result<std::unique_ptr<WorkerProcess>> Start(WorkerOptions options);
  ~WorkerProcess() override;

  Result<TensorList> Run(const TensorList& batch, Duration timeout) override;
  [[nodiscard]] bool Ready() const override;

  /// What the first hello said. A restarted worker must say the same of inputs and outputs.
  [[nodiscard]] const BackendInfo& info() const { return info_; }
  [[nodiscard]] int pid() const { return pid_; }
  [[nodiscard]] std::uint64_t restarts() const { return restarts_; }

 private:
  explicit WorkerProcess(WorkerOptions options) : options_(std::move(options)) {}
  Status Spawn();
  Status SpawnAgain();
  // Deadlines are of the clock's Elapsed.
  Result<BackendInfo> AwaitHello(Duration deadline);
  Status Restart(Duration deadline);
  Result<TensorList> Ask(const TensorList& batch, Duration timeout);
  Result<TensorList> ReadAnswer(const TensorList& batch, std::string_view payload) const;
  Error Fail(Error error);
  void PlanRestart();
  /// Kills the session, reaps, closes. How the process ended, as a sentence's end: "was killed by signal 11 (...)".
  std::string End();

  WorkerOptions options_;
  BackendInfo info_;
  std::optional<WorkerChannel> channel_;
  FileDescriptor lifeline_;  // the worker dies when the last copy of this closes
  FileDescriptor memory_;    // of the mailbox
  int pid_ = -1;
  bool greeted_ = false, answered_ = false;  // since the process was started
  bool restarting_ = false;                  // once it has said hello for the first time
  Duration start_deadline_{0};
  std::uint64_t next_id_ = 1, restarts_ = 0;
  Duration pause_{0};
  std::atomic<std::int64_t> ready_at_micros_{0};  // of the clock's Elapsed
  RealClock clock_;
};

/// `count` workers of one program behind one Backend.
Result<std::unique_ptr<Backend>> StartWorkers(const WorkerOptions& options, std::size_t count);
/// The program mw-backend beside the running program. Errors: kNotFound saying where it was looked for.
Result<std::string> FindConfiner();

}  // namespace mw::serving
