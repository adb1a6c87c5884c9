// The way of requests to the shadow versions: beside the answers, and never in theirs.
//
//   request's thread --Offer--> [ bounded ] --> compute thread (lowest priority): Compute --done--> back to its sender
//        full: dropped, counted                   ^  \--wants workers--> asking thread: Ask (waits for them)
//                                                 '------------------------'
//
// Shadow work takes the processor when nobody else wants it: the compute thread runs as SCHED_IDLE. So it may be
// stopped at any place for long, and shares no lock with a request's thread: work goes over lock-free stacks, and what
// a request's thread allocated comes back to be freed there (the allocator has locks too). Workers of foreign code are
// shared with the primary versions: a thread of usual priority asks them, one request at a time, at the lowest priority
// that a batch has.
// docs/decisions/0012-shadows.md says why.
// Ownership: one lane for each process, which owns its two threads and its senders. NewSender before the first Offer.
// Invariant: every offered job is computed, or dropped and counted; what waits is bounded in jobs and in bytes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/metrics.h"
#include "wire/desired_state.h"

namespace mw::serving {

/// Of one shadow version; the registry's, and the same however often it is asked for.
struct ShadowMetrics {
  ShadowMetrics(MetricsRegistry& registry, const std::string& endpoint, const std::string& version);
  [[nodiscard]] wire::ShadowOutcome Outcome() const;
  /// By one thread.
  void CountDifferences(std::uint64_t count, double sum, double max) const;

  Counter& requests;
  Counter& rows;
  Counter& disagreements;
  Counter& dropped;
  Counter& failures;
  Counter& differences;
  Gauge& difference_mean;
  Gauge& difference_max;
};

class ShadowSender;

/// What a shadow is shown. Made and destroyed by its sender's thread; in between it belongs to the lane.
class ShadowJob {
 public:
  explicit ShadowJob(const ShadowMetrics& metrics) : metrics_(metrics) {}
  virtual ~ShadowJob() = default;
  ShadowJob(const ShadowJob&) = delete;
  ShadowJob& operator=(const ShadowJob&) = delete;

  enum class Next : std::uint8_t { kDone, kAsk };
  /// On the compute thread. kAsk: it wants workers, and is computed again when they have answered.
  virtual Next Compute() = 0;
  /// On the asking thread: waits for the answer of workers, for a bounded time, and not once `stopping` is set.
  virtual void Ask(const std::atomic<bool>& stopping) = 0;
  [[nodiscard]] const ShadowMetrics& metrics() const { return metrics_; }

 private:
  friend class ShadowLane;
  friend class ShadowSender;
  friend class ShadowStack;
  const ShadowMetrics metrics_;
  ShadowSender* sender_ = nullptr;
  std::size_t bytes_ = 0;
  ShadowJob* next_ = nullptr;
};

/// Jobs that one thread takes and others bring. Lock-free: it is taken whole.
class ShadowStack {
 public:
  void Push(ShadowJob* job);
  /// What was pushed, the oldest first, by ShadowJob::next_; null: nothing.
  ShadowJob* TakeAll();
  /// As TakeAll, but waits until there is something, or `stopping` is set and Interrupt called after it.
  ShadowJob* AwaitAll(const std::atomic<bool>& stopping);
  void Interrupt();

 private:
  std::atomic<ShadowJob*> head_{nullptr};
  std::atomic<std::uint32_t> signals_{0};  // raised as it ceases to be empty
};

/// Of the process. These are the defaults, and there are no others.
struct ShadowSettings {
  std::size_t jobs_max = 1'024;
  std::size_t bytes_max = std::size_t{64} << 20;
};

class ShadowLane {
 public:
  explicit ShadowLane(const ShadowSettings& settings = {});
  ~ShadowLane();
  ShadowLane(const ShadowLane&) = delete;
  ShadowLane& operator=(const ShadowLane&) = delete;

  /// The sender belongs to the lane, and to one thread.
  ShadowSender& NewSender();
  /// Waits for what is computed at the moment and gives up what is not begun. When nobody offers any more; idempotent.
  void Stop();

 private:
  friend class ShadowSender;
  void RunCompute();
  void RunAsk();
  void Compute(ShadowJob* job);
  void GiveBack(ShadowJob* job);

  const ShadowSettings settings_;
  std::vector<std::unique_ptr<ShadowSender>> senders_;
  std::atomic<std::size_t> jobs_{0}, bytes_{0};
  std::atomic<bool> stopping_{false};
  ShadowStack to_compute_, to_ask_;
  std::thread computing_, asking_;
};

/// One thread's way into the lane.
class ShadowSender {
 public:
  explicit ShadowSender(ShadowLane& lane) : lane_(lane) {}
  ~ShadowSender() { Tidy(); }
  ShadowSender(const ShadowSender&) = delete;
  ShadowSender& operator=(const ShadowSender&) = delete;

  /// Whether a job of so many bytes would find room now: to be asked before anything is copied.
  [[nodiscard]] bool HasRoom(std::size_t bytes) const;
  /// Takes the job, or drops and counts it when there is no room.
  void Offer(std::unique_ptr<ShadowJob> job, std::size_t bytes);
  /// Frees what came back: now and then.
  void Tidy();

 private:
  friend class ShadowLane;

  ShadowLane& lane_;
  ShadowStack returned_;
};

}  // namespace mw::serving
