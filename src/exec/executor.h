// Runs one attempt of one program so that it outlives the control plane: the port; process_executor
// (through mw-shim) is the embedded driver, fake_executor the one for tests.
//
// An attempt is known by its id and its directory. Launch may be called again with the same id after
// a crash: the program never starts twice. What an attempt has come to is read from its directory
// (`started`, `lock`, `exit.json`), so a restarted control plane finds every attempt as it is.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace mw::exec {

struct Limits {
  std::int64_t memory_bytes = 0;  ///< address space; 0: none
  std::int64_t cpu_seconds = 0;   ///< 0: none
  std::int64_t file_bytes = 0;    ///< largest file it may write; 0: none
  std::int64_t open_files = 1024;
  std::int64_t processes = 0;         ///< 0: none
  std::int64_t log_bytes = 64 << 20;  ///< output kept; the rest is dropped with a marker
};

struct AttemptSpec {
  std::string attempt_id;
  std::string directory;  ///< absolute; made by Launch with `work` and `tmp`; holds everything of the attempt
  std::vector<std::string> argv;
  std::string working_directory;  ///< absolute; empty: `directory`/work
  /// The whole environment, nothing is inherited; MILLWRIGHT_ATTEMPT_ID is added: by that mark what a
  /// killed shim leaves behind is found.
  std::map<std::string, std::string> environment;
  Limits limits;
  std::chrono::milliseconds timeout{0};    ///< 0: none
  std::chrono::milliseconds grace{30000};  ///< between SIGTERM and SIGKILL
};

enum class AttemptState : std::uint8_t {
  kUnknown,   ///< never launched: Launch it
  kStarting,  ///< the shim is up, the program not yet
  kRunning,
  kExited,  ///< ended; `exit` is set
  kLost,    ///< it started and nobody knows how it ended (power cut, shim killed)
};

struct ExitRecord {
  int exit_code = -1;  ///< -1 when a signal ended it
  int signal = 0;      ///< 0 when it exited by itself
  bool timed_out = false;
  bool canceled = false;
  std::string failure;    ///< why it could not even start, else empty
  int failure_errno = 0;  ///< errno behind `failure`; 0 when there is none
  Timestamp started{};
  Timestamp ended{};
  double user_cpu_seconds = 0;
  double system_cpu_seconds = 0;
  std::int64_t memory_peak_bytes = 0;
  [[nodiscard]] bool succeeded() const { return exit_code == 0 && failure.empty(); }
};

struct AttemptStatus {
  AttemptState state = AttemptState::kUnknown;
  std::optional<ExitRecord> exit;
};

/// Any thread.
class Executor {
 public:
  virtual ~Executor() = default;
  /// Idempotent by attempt id: launching what runs or ended already succeeds and does nothing.
  /// Blocks for about a millisecond. Errors: kInvalidArgument; kResourceExhausted (disk full, no
  /// processes or watches left) and kUnavailable - safe to call again.
  virtual Status Launch(const AttemptSpec& spec) = 0;
  /// Reads the attempt's directory; never waits. What a lost attempt left running is killed here.
  virtual Result<AttemptStatus> Poll(const std::string& attempt_id, const std::string& directory) = 0;
  /// SIGTERM to the whole group, then SIGKILL after the attempt's grace. Idempotent; returns at once.
  /// An attempt that has not started then never will: it ends canceled.
  virtual Status Cancel(const std::string& attempt_id, const std::string& directory) = 0;
  /// Calls `wake` (any thread) soon after an attempt that was launched or polled changes state.
  virtual void OnChange(std::function<void()> wake) = 0;
  /// The isolation in force: "rlimits", "cgroup v1", "cgroup v2", with a sentence of why.
  [[nodiscard]] virtual std::string IsolationTier() const = 0;
};

/// Output of an attempt, from byte `offset`; at most `limit` bytes. Empty when there is none yet.
Result<std::string> ReadLog(const std::string& attempt_directory, std::uint64_t offset, std::size_t limit);
/// Its last `limit` bytes.
Result<std::string> ReadLogTail(const std::string& attempt_directory, std::size_t limit);

}  // namespace mw::exec
