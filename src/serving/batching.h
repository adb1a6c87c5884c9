// The policy of batching: which job may wait, which jobs make one batch, whose turn it is at the processor. Values and
// pure functions: batch_schedule.h remembers what is queued, batcher.h has the threads.
//
// Work-conserving: a batch is what came while the worker was busy, so nobody waits for company unless a model's
// settings say so. All times are Clock::Elapsed; sizes are rows, of which a job has one or more.
// Invariant: a job never waits for one of lower priority that has not begun.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/clock.h"
#include "base/error.h"
#include "serving/cost_model.h"

namespace mw::serving {

/// 0 is the most urgent.
inline constexpr std::size_t kBatchPriorities = 4;
inline constexpr std::size_t kBatchPriorityDefault = 1;
inline constexpr Duration kNoDeadline = Duration::max();

/// Of one model. These are the defaults, and there are no others.
struct BatchSettings {
  std::size_t batch_rows_max = 1'024;  ///< bounds joining: a job with more rows runs, but alone
  std::size_t batch_bytes_max = std::size_t{16} << 20;
  std::size_t queue_rows_max = 65'536;
  std::size_t queue_bytes_max = std::size_t{128} << 20;
  Duration delay{0};                                ///< how long a job may wait for company while a worker is idle
  Duration run_timeout = std::chrono::seconds(30);  ///< a worker that takes longer for a batch is ended
  Duration drain_max = std::chrono::seconds(10);    ///< for what is queued when the model goes
};

/// What the policy knows of a job.
struct JobFacts {
  std::size_t rows = 1;
  std::size_t bytes = 0;
  Duration submitted{0};
  Duration deadline = kNoDeadline;
  std::size_t priority = kBatchPriorityDefault;
  std::uint64_t join_key = 0;  ///< jobs of one key may be joined; 0: with nobody
};

/// A model's queue as a job that comes finds it.
struct QueueState {
  std::size_t rows = 0, bytes = 0;              ///< everything that waits
  std::size_t rows_below = 0, bytes_below = 0;  ///< of that, with a lower priority than the job's
  Duration until_free{0};                       ///< predicted, until a worker and a compute slot are free
  double lanes = 1;                             ///< workers that the model may expect to have at a time
  bool idle = false;                            ///< nothing waits, and a worker is free
};

enum class Refusal : std::uint8_t {
  kNone,
  kTooLarge,   ///< has more rows or bytes than the queue may ever hold
  kQueueFull,  ///< with jobs of the same or a higher priority
  kTooLate,    ///< the deadline would pass before the answer
  kExpired,    ///< the deadline has passed
  kDown,       ///< the model's workers fail again and again, and wait before they are started
};

struct SubmitDecision {
  Refusal refusal = Refusal::kNone;
  bool shed_below = false;  ///< to be accepted, for which jobs of lower priority must go, the newest first
  Duration expected{0};     ///< until the answer
  Duration retry_after{0};  ///< when refused for a reason that passes
};

/// A tenth is added to predictions, which are no promises. An idle model accepts every job that has not expired,
/// whatever is predicted: that is how a prediction that was too high is ever corrected.
SubmitDecision DecideSubmit(const QueueState& queue, const JobFacts& job, Duration now, const BatchSettings& settings,
                            const CostModel& cost);

/// Makes up one batch of the jobs that are offered to it in the order of the queue. The first is always taken.
class BatchChooser {
 public:
  enum class Answer : std::uint8_t { kTaken, kSkipped, kFull };

  /// `waiting_rows`: of all jobs that wait. Refers to both others until it is done.
  BatchChooser(const BatchSettings& settings, const CostModel& cost, Duration now, std::size_t waiting_rows)
      : settings_(settings), cost_(cost), now_(now), waiting_rows_(waiting_rows) {}
  /// kSkipped: it cannot be joined with these, the next one may. kFull: the batch is complete without it. A job that
  /// would make a member late is left to the next batch, unless it would then be late itself: when one of them has to
  /// be, the larger batch is the better one, for small ones are how a model falls further behind.
  Answer Offer(const JobFacts& job);
  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t jobs() const { return jobs_; }

 private:
  [[nodiscard]] bool LeavesToNext(const JobFacts& job, Duration finish) const;
  void Take(const JobFacts& job, Duration finish);

  const BatchSettings& settings_;
  const CostModel& cost_;
  const Duration now_;
  const std::size_t waiting_rows_;
  std::size_t rows_ = 0, bytes_ = 0, jobs_ = 0;
  std::size_t priority_ = 0;
  std::uint64_t join_key_ = 0;
  Duration bound_ = kNoDeadline;  // the earliest deadline of a member that can be met
};

/// After a batch failed: whether a member is run once more, alone, so that it answers for itself only. `code`: the
/// batch's error; `retried`: it was run alone for that reason before.
bool RunsAgain(Code code, std::size_t batch_jobs, bool retried, Duration deadline, Duration now);

/// One model among those that share the compute slots.
struct ModelTurn {
  bool ready = false;        ///< has a job to run and a worker to run it
  std::size_t priority = 0;  ///< of its first job
  Duration served{0};        ///< compute time that it had: turns are measured in time, not in batches
};

/// Who gets the next free slot: of those ready with the most urgent job the one served least, and of equals the first
/// after `last`. Nothing when none is ready.
std::optional<std::size_t> NextTurn(std::span<const ModelTurn> models, std::size_t last);

/// How long a batch holds its slot: then the worker is taken to hang or to wait, and another may compute.
Duration SlotPatience(Duration predicted);

}  // namespace mw::serving
