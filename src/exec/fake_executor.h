// The executor of simulations: programs are functions, time is the clock it is given, faults come from a seed. It
// plays the machine, so it outlives the simulated control plane: make the control plane anew over the same one.
// An attempt's fate depends on seed and id alone, not on the order of calls. Any thread; no thread of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "exec/executor.h"

namespace mw::exec {

/// What a program does when it runs.
struct FakeRun {
  Duration lasts{0};
  int exit_code = 0;
  int signal = 0;                     ///< ends by this signal instead
  bool ignores_sigterm = false;       ///< else it ends by SIGTERM at once
  std::string log = {};               ///< written to `directory`/log at its end when not empty
  std::string cannot_start = {};      ///< not empty: why it never runs
  std::function<void()> effect = {};  ///< called once when it ends by itself: its outputs
};
using FakeProgram = std::function<FakeRun(const AttemptSpec&)>;

/// Shares of attempts, 0 to 1, each drawn on its own.
struct FakeFaults {
  double lost = 0;            ///< the shim is killed while the program runs
  double slow_start = 0;      ///< the program starts up to `slow_start_max` late
  double hang = 0;            ///< the program never ends by itself
  double launch_fails = 0;    ///< of Launch calls: kUnavailable, nothing happened
  double launch_unheard = 0;  ///< of Launch calls: kUnavailable, but it was launched
  Duration slow_start_max = std::chrono::seconds(30);
};

class FakeExecutor final : public Executor {
 public:
  /// `clock` outlives this.
  FakeExecutor(const Clock& clock, FakeProgram program, FakeFaults faults = {}, std::uint64_t seed = 1);

  Status Launch(const AttemptSpec& spec) override;
  Result<AttemptStatus> Poll(const std::string& attempt_id, const std::string& directory) override;
  Status Cancel(const std::string& attempt_id, const std::string& directory) override;
  void OnChange(std::function<void()> wake) override;
  [[nodiscard]] std::string IsolationTier() const override { return "simulated: nothing runs"; }

  /// When the next attempt changes state; kNever when none will by itself.
  [[nodiscard]] Timestamp NextChange() const;
  /// Lets happen what is due by the clock, in order of time, and calls `wake` if anything did.
  void Settle();
  /// The machine loses power: what runs is lost, what has not started was never launched.
  void PowerCut();
  /// How often the program of that attempt has started.
  [[nodiscard]] int Starts(const std::string& attempt_id) const;
  /// Attempts whose program runs now.
  [[nodiscard]] int Running() const;

 private:
  struct Entry {
    AttemptSpec spec;
    FakeRun run;
    Timestamp starts_at{};
    Timestamp ends_at = kNever;
    Timestamp lost_at = kNever;
    Timestamp cancel_at = kNever;
    AttemptState state = AttemptState::kUnknown;
    std::optional<ExitRecord> exit;
    int starts = 0;
  };
  struct End {
    Timestamp at = kNever;
    bool canceled = false;
    bool timed_out = false;
    bool killed = false;  // by SIGKILL
  };

  double Draw(const std::string& attempt_id, const char* what, int number = 0) const;
  static End EndOf(const Entry& entry);
  static Timestamp NextOf(const Entry& entry);
  bool Advance(Entry& entry, Timestamp now) MW_REQUIRES(mutex_);
  static void Finish(Entry& entry, const End& end);

  const Clock& clock_;
  FakeProgram program_;
  FakeFaults faults_;
  std::uint64_t seed_;
  mutable Mutex mutex_;
  std::map<std::string, Entry> entries_ MW_GUARDED_BY(mutex_);
  int launches_ MW_GUARDED_BY(mutex_) = 0;
  std::function<void()> wake_ MW_GUARDED_BY(mutex_);
};

}  // namespace mw::exec
