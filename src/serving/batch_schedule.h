// What is queued, what runs and who comes next, over all models: the memory of the batcher, without threads, clock or
// tensors, so that simulated time runs it as the threads do.
//
//   Submit --> queued --Take--> running --> answered      Claim: whoever wins it answers, so each job is answered once
//                 |  ^--Requeue--|  |
//                 +----- Sweep, Cancel, Close: claimed and handed back to be answered -----> answered
//   worker: idle --NextGrant--> granted --Take--> busy --Finish--> idle     granted and busy workers hold a slot
//             ^-------------Rested-------- resting <--Finish--'              after its process failed repeatedly
//
// Ownership: the Batcher's; every call under its mutex, but for Job::Claim, which any thread may call of a running job.
// Invariants: the sums are those of the queued jobs; as many slots are held as workers hold one; a job is in one queue
// or with one worker.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "serving/batching.h"
#include "serving/tensor.h"

namespace mw::serving {

/// What became of a job.
struct BatchAnswer {
  Result<TensorList> outputs;
  Duration queued{0};          ///< from Submit to its batch
  Duration computed{0};        ///< of the whole batch
  std::size_t batch_rows = 0;  ///< of the whole batch; 0: it was not run
};

struct BatchJob {
  /// In the order of Backend::inputs, each accepted by CheckTensor. Not altered before `done`; the owner may keep a
  /// share, to record what was asked.
  std::shared_ptr<const TensorList> inputs;
  std::size_t rows = 1;
  Duration deadline = kNoDeadline;  ///< Clock::Elapsed
  std::size_t priority = kBatchPriorityDefault;
  /// Called once, on any thread and without a lock held. Does not block and does not throw.
  std::function<void(BatchAnswer)> done;
};

using ModelId = std::size_t;

/// A job that was accepted.
struct Job {
  BatchJob job;
  JobFacts facts;
  ModelId model = 0;
  enum class Place : std::uint8_t { kQueue, kWorker, kNowhere } place = Place::kNowhere;
  bool retried = false;  ///< its batch failed once
  std::atomic<bool> claimed{false};

  /// True for one caller, which answers it. When it is nowhere then, nobody reads its inputs any more.
  bool Claim() { return !claimed.exchange(true, std::memory_order_acq_rel); }
};
using JobPointer = std::shared_ptr<Job>;

/// A queue waits so long for workers that rest, and how often somebody looks whether one may be started again.
inline constexpr Duration kRestPatience = std::chrono::seconds(1);
inline constexpr Duration kRestPoll = std::chrono::milliseconds(20);

/// Compute slots while no setting says otherwise: as many as the machine has cores.
std::size_t DefaultComputeSlots();

class BatchSchedule {
 public:
  explicit BatchSchedule(std::size_t slots) : slots_(slots) {}

  ModelId Add(const BatchSettings& settings, const CostModel& cost, std::size_t workers, bool batchable);
  /// Of a model without jobs or busy workers.
  void Remove(ModelId model);

  /// Queues it unless the decision says why not; jobs that had to make room are claimed and added to `shed`.
  SubmitDecision Submit(const JobPointer& job, Duration now, std::vector<JobPointer>& shed);
  /// The next worker to be given a slot and woken; call until there is none.
  struct Grant {
    ModelId model;
    std::size_t worker;
  };
  std::optional<Grant> NextGrant(Duration now);
  /// The batch of a worker that was granted a slot; none when everything has gone meanwhile. Valid until Finish, and
  /// not altered before by anybody.
  const std::vector<JobPointer>& Take(const Grant& worker, Duration now, std::vector<JobPointer>& expired);
  enum class After : std::uint8_t { kIdle, kResting };
  /// The worker is done. `took`: what the cost model learns from; nothing when the batch failed.
  void Finish(const Grant& worker, Duration now, std::optional<Duration> took, After after = After::kIdle);
  /// Workers that get nothing to do until Rested says that their process may be started again.
  [[nodiscard]] const std::vector<Grant>& resting() const { return resting_; }
  void Rested(const Grant& worker);
  /// Puts a job of a failed batch back in front, to be run alone, unless it was claimed. Before the worker's Finish.
  void Requeue(const JobPointer& job);

  /// Claims every job whose deadline has passed, queued or running, into `expired`, and every queued one of a model
  /// whose workers have all rested for kRestPatience into `hopeless`; takes slots from workers that hold them for too
  /// long.
  void Sweep(Duration now, std::vector<JobPointer>& expired, std::vector<JobPointer>& hopeless);
  /// When Sweep or NextGrant has something to do though nothing else happens.
  [[nodiscard]] Duration NextEvent() const { return next_event_; }
  /// Whether it was claimed, so that the caller answers it.
  bool Cancel(const JobPointer& job);

  /// No more delays: a model that goes.
  void Hurry(ModelId model) { models_[model]->settings.delay = Duration(0); }
  /// Claims everything that is queued or runs.
  void Abandon(ModelId model, std::vector<JobPointer>& abandoned);

  struct Load {
    std::size_t queued_rows = 0, queued_bytes = 0;
    std::size_t busy_workers = 0;
    CostModel cost;
  };
  [[nodiscard]] Load LoadOf(ModelId model) const;
  [[nodiscard]] std::size_t slots_held() const { return holders_.size(); }

 private:
  struct Worker {
    enum class State : std::uint8_t { kIdle, kGranted, kBusy, kResting } state = State::kIdle;
    Duration since{0};
    Duration expected_end{0};
    Duration patience_end{0};
    Duration charged{0};  // to the model's turn, before it is known what the batch takes
    std::size_t rows = 0;
    std::vector<JobPointer> jobs;

    [[nodiscard]] Duration Remaining(Duration now) const;
  };
  struct Model {
    Model(const BatchSettings& settings_in, const CostTracker& tracker_in)
        : settings(settings_in), tracker(tracker_in) {}

    BatchSettings settings;
    CostTracker tracker;
    std::array<std::deque<JobPointer>, kBatchPriorities> queues;
    std::array<std::size_t, kBatchPriorities> rows{}, bytes{};  // of the queued jobs
    std::vector<Worker> workers;
    std::size_t idle_workers = 0, granted_workers = 0, resting_workers = 0;
    bool down = false;  // all workers rest, and that has been waited for
    Duration served{0};

    [[nodiscard]] std::size_t Rows(std::size_t first_priority = 0) const;
    [[nodiscard]] std::size_t Bytes(std::size_t first_priority = 0) const;
    [[nodiscard]] bool Active() const { return Rows() > 0 || idle_workers + resting_workers < workers.size(); }
  };

  [[nodiscard]] QueueState StateFor(const Model& model, std::size_t priority, Duration now) const;
  [[nodiscard]] Duration UntilFree(const Model& model, Duration now) const;
  [[nodiscard]] ModelTurn TurnOf(Model& model, Duration now);
  static const JobPointer* Front(Model& model);
  void Push(Model& model, const JobPointer& job, bool in_front);
  void Unqueue(Model& model, Job& job, Job::Place place);
  bool Withdraw(Model& model, const JobPointer& job, std::vector<JobPointer>& withdrawn);
  void Shed(Model& model, const JobFacts& job, std::vector<JobPointer>& shed);
  void SweepResting(Model& model, Duration now, std::vector<JobPointer>& hopeless);
  void HoldSlot(Worker& worker, Duration now, Duration predicted);
  void ReleaseSlot(Worker& worker) { std::erase(holders_, &worker); }
  void Wake(Duration at) { next_event_ = std::min(next_event_, at); }

  const std::size_t slots_;
  std::vector<const Worker*> holders_;  // of a slot each
  std::vector<Grant> resting_;
  std::vector<std::unique_ptr<Model>> models_;  // by ModelId; null: free to be used again
  std::size_t queued_jobs_ = 0, active_models_ = 0;
  std::vector<ModelTurn> turns_;
  ModelId last_ = 0;
  Duration served_now_{0};  // of the model that had the last turn: where one that was idle joins in
  Duration next_event_ = kNoDeadline;
};

}  // namespace mw::serving
