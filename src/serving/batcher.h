// Runs the models of code that is not ours: queues requests, joins them to batches, drives the workers.
//
//   request's thread --Submit--> BatchQueue (one per version) --a batch--> one thread per worker --Runner::Run--> done
//
// One Batcher per process: its compute slots are shared by all models (batching.h says who has the next turn).
// Ownership: a version owns its Backend and its BatchQueue, which goes first; the Batcher outlives its queues.
// Threads: Submit, Cancel and Look from any thread; the Batcher's own are one per Runner and one that watches the time.
// Invariant: `done` of an accepted job is called exactly once, of a refused one never; a job gets the rows that it
// would have got alone, or its own error.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "serving/backend/backend.h"
#include "serving/batch_schedule.h"
#include "serving/rejection.h"

namespace mw::serving {

/// Of one version; the registry's, and the same however often it is asked for.
struct BatchMetrics {
  BatchMetrics(MetricsRegistry& registry, const std::string& model, const std::string& version);

  Histogram& batch_rows;
  Histogram& queue_seconds;
  Histogram& compute_seconds;
  // Rejections by reason.
  Counter& queue_full;
  Counter& too_late;
  Counter& expired;
  Counter& shed;
  Counter& unloading;
  Counter& cancelled;
  Counter& down;
  Counter& run_again;        ///< jobs whose batch failed
  Counter& worker_restarts;  ///< counted by whoever starts the workers
};

/// A share in an accepted job, only to cancel it with.
class BatchTicket {
 private:
  friend class BatchQueue;
  explicit BatchTicket(JobPointer job) : job_(std::move(job)) {}
  JobPointer job_;
};

class Batcher;

/// One version's way to its workers.
class BatchQueue {
 public:
  ~BatchQueue();  ///< Close
  BatchQueue(const BatchQueue&) = delete;
  BatchQueue& operator=(const BatchQueue&) = delete;

  /// Blocks nobody. Refused with kUnavailable when the queue is full, when the deadline would be missed, when the
  /// workers fail again and again, or when the version goes; kDeadlineExceeded when it has passed; kInvalidArgument
  /// when the job is larger than the queue. `done` gets, besides what Runner::Run may say: kDeadlineExceeded as the
  /// deadline passes, queued or running; kUnavailable when it made room for a job of higher priority or the version
  /// went; kCancelled.
  tl::expected<BatchTicket, Rejection> Submit(BatchJob job);
  /// The client has gone: if the job is not answered yet it is now, with kCancelled.
  void Cancel(const BatchTicket& ticket);
  /// Takes no more jobs, waits until those there are are answered, gives the rest up after BatchSettings::drain_max and
  /// ends the threads; a worker that runs then is waited for. Every `done` has returned afterwards. By one thread, and
  /// not from `done`, so that `done` must not own the version.
  void Close();
  /// As it is now; nothing once it is closed.
  [[nodiscard]] BatchSchedule::Load Look() const;
  [[nodiscard]] const BatchMetrics& metrics() const { return metrics_; }

 private:
  friend class Batcher;
  struct Worker;
  struct Outcome;

  BatchQueue(Batcher& batcher, Backend& backend, std::string name, const BatchSettings& settings,
             const BatchMetrics& metrics, ModelId id);
  Rejection Refused(const SubmitDecision& decision, const JobFacts& facts, Duration now);
  void Work(std::size_t index);
  bool NextBatch(std::size_t index);
  Outcome Run(Worker& worker);
  std::size_t Answer(Outcome& outcome, const Worker& worker, std::vector<JobPointer>& again);

  Batcher& batcher_;
  const std::string name_;
  const BatchSettings settings_;
  const bool batchable_;
  const BatchMetrics metrics_;
  const ModelId id_;
  std::vector<std::unique_ptr<Worker>> workers_;
  // Guarded by the Batcher's mutex.
  std::size_t unanswered_ = 0;  // accepted, and `done` has not returned
  bool closing_ = false, stopping_ = false;
};

class Batcher {
 public:
  /// `compute_slots`: batches that compute at a time, over all models.
  Batcher(const Clock& clock, MetricsRegistry& metrics, std::size_t compute_slots = DefaultComputeSlots());
  ~Batcher();
  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;

  /// Starts a thread for each of the backend's runners. `cost`: as MeasureCost found it, or nothing yet. The backend
  /// outlives the queue. Errors: kResourceExhausted when there can be no more threads.
  Result<std::unique_ptr<BatchQueue>> Add(Backend& backend, const std::string& model, const std::string& version,
                                          const BatchSettings& settings, const CostModel& cost);

 private:
  friend class BatchQueue;
  void Dispatch(Duration now) MW_REQUIRES(mutex_);
  void Watch();
  bool SweepOnce();
  void WaitForEvent() MW_REQUIRES(mutex_);
  void WakeRested() MW_REQUIRES(mutex_);
  void GiveUp(const std::vector<JobPointer>& jobs, const Error& error);

  const Clock& clock_;
  MetricsRegistry& registry_;
  Mutex mutex_;
  BatchSchedule schedule_ MW_GUARDED_BY(mutex_);
  std::vector<BatchQueue*> queues_ MW_GUARDED_BY(mutex_);  // by ModelId
  CondVar watch_;
  CondVar settled_;  // a queue that closes has nothing unanswered
  Duration watching_until_ MW_GUARDED_BY(mutex_) = kNoDeadline;
  bool stopping_ MW_GUARDED_BY(mutex_) = false;
  std::thread watcher_;
};

}  // namespace mw::serving
