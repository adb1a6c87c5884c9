// Two threads, and stacks between them and everybody else.
#include "serving/shadow_lane.h"

#include <sched.h>
#include <sys/resource.h>

#include <utility>

namespace mw::serving {
namespace {

Labels LabelsOf(const std::string& endpoint, const std::string& version) {
  return {{"model", endpoint}, {"version", version}};
}

/// What no other thread of the machine wants, or, where that is not allowed, as little as may be.
void BecomeIdle() {
  const sched_param none{};
  if (sched_setscheduler(0, SCHED_IDLE, &none) == 0) return;
  static_cast<void>(setpriority(PRIO_PROCESS, 0, 19));
}

}  // namespace

ShadowMetrics::ShadowMetrics(MetricsRegistry& registry, const std::string& endpoint, const std::string& version)
    : requests(registry.AddCounter("millwright_inference_shadow_requests_total",
                                   "Requests whose answers by the shadow were compared with the primary's.",
                                   LabelsOf(endpoint, version))),
      rows(registry.AddCounter("millwright_inference_shadow_rows_total", "Rows of those requests.",
                               LabelsOf(endpoint, version))),
      disagreements(registry.AddCounter("millwright_inference_shadow_disagreements_total",
                                        "Rows that the shadow decides otherwise than the primary.",
                                        LabelsOf(endpoint, version))),
      dropped(registry.AddCounter("millwright_inference_shadow_dropped_total",
                                  "Requests that the shadow was not shown because it was busy.",
                                  LabelsOf(endpoint, version))),
      failures(registry.AddCounter("millwright_inference_shadow_failures_total",
                                   "Requests that the shadow did not answer, or with other outputs than the primary.",
                                   LabelsOf(endpoint, version))),
      differences(registry.AddCounter("millwright_inference_shadow_differences_total",
                                      "Numbers of the shadow that were compared with the primary's.",
                                      LabelsOf(endpoint, version))),
      difference_mean(registry.AddGauge("millwright_inference_shadow_difference_mean",
                                        "The mean of the absolute differences of those numbers.",
                                        LabelsOf(endpoint, version))),
      difference_max(registry.AddGauge("millwright_inference_shadow_difference_max",
                                       "The greatest absolute difference of those numbers.",
                                       LabelsOf(endpoint, version))) {}

void ShadowMetrics::CountDifferences(std::uint64_t count, double sum, double max) const {
  if (count == 0) return;
  const auto numbers = static_cast<double>(count);
  differences.Add(count);
  const double mean = difference_mean.Value();
  difference_mean.Set(mean + (sum - mean * numbers) / static_cast<double>(differences.Value()));
  if (max > difference_max.Value()) difference_max.Set(max);
}

wire::ShadowOutcome ShadowMetrics::Outcome() const {
  const auto count = [](const Counter& counter) { return static_cast<std::int64_t>(counter.Value()); };
  return {count(requests),         count(rows),           count(disagreements), count(dropped), count(failures),
          difference_mean.Value(), difference_max.Value()};
}

void ShadowStack::Push(ShadowJob* job) {
  ShadowJob* head = head_.load(std::memory_order_relaxed);
  do {
    job->next_ = head;
  } while (!head_.compare_exchange_weak(head, job, std::memory_order_release, std::memory_order_relaxed));
  if (head != nullptr) return;
  signals_.fetch_add(1, std::memory_order_release);
  signals_.notify_one();
}

ShadowJob* ShadowStack::TakeAll() {
  if (head_.load(std::memory_order_relaxed) == nullptr) return nullptr;
  ShadowJob* newest = head_.exchange(nullptr, std::memory_order_acquire);
  ShadowJob* oldest = nullptr;
  while (newest != nullptr) {
    ShadowJob* const before = std::exchange(newest->next_, oldest);
    oldest = std::exchange(newest, before);
  }
  return oldest;
}

ShadowJob* ShadowStack::AwaitAll(const std::atomic<bool>& stopping) {
  const std::uint32_t seen = signals_.load(std::memory_order_acquire);
  if (ShadowJob* const jobs = TakeAll()) return jobs;
  if (!stopping.load(std::memory_order_acquire)) signals_.wait(seen, std::memory_order_acquire);
  return TakeAll();
}

void ShadowStack::Interrupt() {
  signals_.fetch_add(1, std::memory_order_release);
  signals_.notify_one();
}

ShadowLane::ShadowLane(const ShadowSettings& settings)
    : settings_(settings), computing_([this] { RunCompute(); }), asking_([this] { RunAsk(); }) {}

ShadowLane::~ShadowLane() { Stop(); }

ShadowSender& ShadowLane::NewSender() {
  senders_.push_back(std::make_unique<ShadowSender>(*this));
  return *senders_.back();
}

void ShadowLane::Stop() {
  if (stopping_.exchange(true)) return;
  to_ask_.Interrupt();
  asking_.join();
  to_compute_.Interrupt();
  computing_.join();
  for (ShadowStack* const stack : {&to_compute_, &to_ask_}) {
    for (ShadowJob* job = stack->TakeAll(); job != nullptr;) GiveBack(std::exchange(job, job->next_));
  }
}

void ShadowLane::RunCompute() {
  BecomeIdle();
  while (!stopping_.load(std::memory_order_acquire)) {
    for (ShadowJob* job = to_compute_.AwaitAll(stopping_); job != nullptr;) Compute(std::exchange(job, job->next_));
  }
}

void ShadowLane::Compute(ShadowJob* job) {
  if (stopping_.load(std::memory_order_acquire) || job->Compute() == ShadowJob::Next::kDone) return GiveBack(job);
  to_ask_.Push(job);
}

void ShadowLane::RunAsk() {
  while (!stopping_.load(std::memory_order_acquire)) {
    for (ShadowJob* job = to_ask_.AwaitAll(stopping_); job != nullptr;) {
      ShadowJob* const asked = std::exchange(job, job->next_);
      if (!stopping_.load(std::memory_order_acquire)) asked->Ask(stopping_);
      to_compute_.Push(asked);
    }
  }
}

void ShadowLane::GiveBack(ShadowJob* job) {
  // Counted first: whoever finds room afterwards may offer at once.
  bytes_.fetch_sub(job->bytes_, std::memory_order_relaxed);
  jobs_.fetch_sub(1, std::memory_order_relaxed);
  job->sender_->returned_.Push(job);
}

bool ShadowSender::HasRoom(std::size_t bytes) const {
  return lane_.jobs_.load(std::memory_order_relaxed) < lane_.settings_.jobs_max &&
         lane_.bytes_.load(std::memory_order_relaxed) + bytes <= lane_.settings_.bytes_max;
}

void ShadowSender::Offer(std::unique_ptr<ShadowJob> job, std::size_t bytes) {
  Tidy();
  const bool room = lane_.jobs_.fetch_add(1, std::memory_order_relaxed) < lane_.settings_.jobs_max;
  const bool fits = lane_.bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= lane_.settings_.bytes_max;
  if (!room || !fits) {
    lane_.jobs_.fetch_sub(1, std::memory_order_relaxed);
    lane_.bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    return job->metrics().dropped.Add();
  }
  job->sender_ = this;
  job->bytes_ = bytes;
  lane_.to_compute_.Push(job.release());
}

void ShadowSender::Tidy() {
  for (ShadowJob* job = returned_.TakeAll(); job != nullptr;) {
    const std::unique_ptr<ShadowJob> done(std::exchange(job, job->next_));
  }
}

}  // namespace mw::serving
