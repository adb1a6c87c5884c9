// Queues, workers and slots.
#include "serving/batch_schedule.h"

#include <numeric>
#include <thread>

#include "base/assert.h"

namespace mw::serving {
namespace {

/// A batch is chosen from so many of the first jobs: it bounds the time under the lock where few can be joined.
constexpr std::size_t kLookAheadJobs = 1'024;

}  // namespace

std::size_t DefaultComputeSlots() { return std::max(1U, std::thread::hardware_concurrency()); }

std::size_t BatchSchedule::Model::Rows(std::size_t first_priority) const {
  return std::accumulate(rows.begin() + static_cast<std::ptrdiff_t>(first_priority), rows.end(), std::size_t{0});
}

std::size_t BatchSchedule::Model::Bytes(std::size_t first_priority) const {
  return std::accumulate(bytes.begin() + static_cast<std::ptrdiff_t>(first_priority), bytes.end(), std::size_t{0});
}

/// A batch that is overdue is expected to take as long again as it is overdue.
Duration BatchSchedule::Worker::Remaining(Duration now) const {
  if (state == State::kIdle) return Duration(0);
  if (state == State::kResting) return kRestPoll;
  return expected_end > now ? expected_end - now : now - expected_end;
}

ModelId BatchSchedule::Add(const BatchSettings& settings, const CostModel& cost, std::size_t workers, bool batchable) {
  auto model = std::make_unique<Model>(settings, CostTracker(cost));
  if (!batchable) model->settings.batch_rows_max = 1;
  model->workers.resize(workers);
  model->idle_workers = workers;
  const auto free = std::find(models_.begin(), models_.end(), nullptr);
  if (free == models_.end()) {
    models_.push_back(std::move(model));
    turns_.resize(models_.size());
    return models_.size() - 1;
  }
  *free = std::move(model);
  return static_cast<ModelId>(free - models_.begin());
}

void BatchSchedule::Remove(ModelId id) {
  MW_ASSERT(!models_[id]->Active());
  std::erase_if(resting_, [&](const Grant& worker) { return worker.model == id; });
  models_[id].reset();
}

// ---- queues ----

SubmitDecision BatchSchedule::Submit(const JobPointer& job, Duration now, std::vector<JobPointer>& shed) {
  Model& model = *models_[job->model];
  JobFacts& facts = job->facts;
  facts.submitted = now;
  if (model.down) return SubmitDecision{Refusal::kDown, false, {}, kRestPatience};
  const QueueState state = StateFor(model, facts.priority, now);
  const SubmitDecision decision = DecideSubmit(state, facts, now, model.settings, model.tracker.cost());
  if (decision.refusal != Refusal::kNone) return decision;
  if (decision.shed_below) Shed(model, facts, shed);
  if (!model.Active()) model.served = std::max(model.served, served_now_);
  Push(model, job, false);
  return decision;
}

void BatchSchedule::Push(Model& model, const JobPointer& job, bool in_front) {
  const JobFacts& facts = job->facts;
  active_models_ += model.Active() ? 0 : 1;
  auto& queue = model.queues[facts.priority];
  in_front ? queue.push_front(job) : queue.push_back(job);
  job->place = Job::Place::kQueue;
  model.rows[facts.priority] += facts.rows;
  model.bytes[facts.priority] += facts.bytes;
  ++queued_jobs_;
  Wake(facts.deadline);
}

/// Its place in the queue stays, empty, until somebody comes by.
void BatchSchedule::Unqueue(Model& model, Job& job, Job::Place place) {
  job.place = place;
  model.rows[job.facts.priority] -= job.facts.rows;
  model.bytes[job.facts.priority] -= job.facts.bytes;
  --queued_jobs_;
  active_models_ -= model.Active() ? 0 : 1;
}

bool BatchSchedule::Withdraw(Model& model, const JobPointer& job, std::vector<JobPointer>& withdrawn) {
  if (!job->Claim()) return false;
  if (job->place == Job::Place::kQueue) Unqueue(model, *job, Job::Place::kNowhere);
  withdrawn.push_back(job);
  return true;
}

void BatchSchedule::Shed(Model& model, const JobFacts& job, std::vector<JobPointer>& shed) {
  const auto fits = [&] {
    return model.Rows() + job.rows <= model.settings.queue_rows_max &&
           model.Bytes() + job.bytes <= model.settings.queue_bytes_max;
  };
  for (std::size_t priority = kBatchPriorities - 1; priority > job.priority; --priority) {
    auto& queue = model.queues[priority];
    for (; !queue.empty() && !fits(); queue.pop_back()) {
      if (queue.back()->place == Job::Place::kQueue) Withdraw(model, queue.back(), shed);
    }
  }
}

const JobPointer* BatchSchedule::Front(Model& model) {
  for (auto& queue : model.queues) {
    while (!queue.empty() && queue.front()->place != Job::Place::kQueue) queue.pop_front();
    if (!queue.empty()) return &queue.front();
  }
  return nullptr;
}

bool BatchSchedule::Cancel(const JobPointer& job) {
  if (job->claimed.load(std::memory_order_relaxed)) return false;  // its model may be gone
  std::vector<JobPointer> cancelled;
  return Withdraw(*models_[job->model], job, cancelled);
}

// ---- predictions ----

QueueState BatchSchedule::StateFor(const Model& model, std::size_t priority, Duration now) const {
  QueueState state;
  state.rows = model.Rows();
  state.bytes = model.Bytes();
  state.rows_below = model.Rows(priority + 1);
  state.bytes_below = model.Bytes(priority + 1);
  state.until_free = UntilFree(model, now);
  const std::size_t sharing = active_models_ + (model.Active() ? 0 : 1);
  state.lanes =
      std::min(static_cast<double>(model.workers.size()), static_cast<double>(slots_) / static_cast<double>(sharing));
  state.idle = state.rows == 0 && model.idle_workers > 0;
  return state;
}

/// A worker of the model and a slot: whichever comes later.
Duration BatchSchedule::UntilFree(const Model& model, Duration now) const {
  Duration worker = kNoDeadline;
  for (const Worker& own : model.workers) worker = std::min(worker, own.Remaining(now));
  if (holders_.size() < slots_) return worker;
  Duration slot = kNoDeadline;
  for (const Worker* holder : holders_) slot = std::min(slot, holder->Remaining(now));
  return std::max(worker, slot);
}

// ---- turns ----

ModelTurn BatchSchedule::TurnOf(Model& model, Duration now) {
  // What a worker that was woken is going to take needs no other worker.
  const std::size_t rows = model.Rows();
  const std::size_t promised = model.granted_workers * model.settings.batch_rows_max;
  if (rows <= promised || model.idle_workers == 0) return {};
  const JobPointer* const front = Front(model);
  const Duration ripe = (*front)->facts.submitted + model.settings.delay;
  if (ripe > now && rows < model.settings.batch_rows_max) {
    Wake(ripe);
    return {};
  }
  return ModelTurn{true, (*front)->facts.priority, model.served};
}

std::optional<BatchSchedule::Grant> BatchSchedule::NextGrant(Duration now) {
  if (holders_.size() >= slots_ || queued_jobs_ == 0) return std::nullopt;
  for (ModelId id = 0; id < models_.size(); ++id) {
    turns_[id] = models_[id] == nullptr ? ModelTurn{} : TurnOf(*models_[id], now);
  }
  const auto next = NextTurn(turns_, last_);
  if (!next) return std::nullopt;
  Model& model = *models_[*next];
  const auto worker = std::find_if(model.workers.begin(), model.workers.end(),
                                   [](const Worker& w) { return w.state == Worker::State::kIdle; });
  last_ = *next;
  served_now_ = model.served;
  worker->state = Worker::State::kGranted;
  --model.idle_workers;
  ++model.granted_workers;
  HoldSlot(*worker, now, model.tracker.cost().Predict(std::min(model.Rows(), model.settings.batch_rows_max)));
  worker->charged = std::max(Duration(1), worker->expected_end - now);
  model.served += worker->charged;
  return Grant{*next, static_cast<std::size_t>(worker - model.workers.begin())};
}

void BatchSchedule::HoldSlot(Worker& worker, Duration now, Duration predicted) {
  worker.since = now;
  worker.expected_end = now + predicted;
  worker.patience_end = now + SlotPatience(predicted);
  if (std::find(holders_.begin(), holders_.end(), &worker) == holders_.end()) holders_.push_back(&worker);
  Wake(worker.patience_end);
}

const std::vector<JobPointer>& BatchSchedule::Take(const Grant& grant, Duration now, std::vector<JobPointer>& expired) {
  Model& model = *models_[grant.model];
  Worker& worker = model.workers[grant.worker];
  MW_ASSERT(worker.state == Worker::State::kGranted && worker.jobs.empty());
  BatchChooser chooser(model.settings, model.tracker.cost(), now, model.Rows());
  if (const JobPointer* const front = Front(model)) {
    const auto& queue = model.queues[(*front)->facts.priority];
    for (std::size_t i = 0; i < std::min(queue.size(), kLookAheadJobs); ++i) {
      const JobPointer& job = queue[i];
      if (job->place != Job::Place::kQueue) continue;
      if (job->facts.deadline <= now) {
        Withdraw(model, job, expired);
        continue;
      }
      const auto answer = chooser.Offer(job->facts);
      if (answer == BatchChooser::Answer::kFull) break;
      if (answer == BatchChooser::Answer::kSkipped) continue;
      worker.jobs.push_back(job);
      Unqueue(model, *job, Job::Place::kWorker);
    }
  }
  worker.state = Worker::State::kBusy;
  --model.granted_workers;
  worker.rows = chooser.rows();
  HoldSlot(worker, now, model.tracker.cost().Predict(worker.rows));
  return worker.jobs;
}

void BatchSchedule::Finish(const Grant& grant, Duration now, std::optional<Duration> took, After after) {
  Model& model = *models_[grant.model];
  Worker& worker = model.workers[grant.worker];
  MW_ASSERT(worker.state == Worker::State::kBusy);
  if (took && worker.rows > 0) model.tracker.Learn(worker.rows, *took);
  // Past its patience it had no slot any more, and is not charged for it.
  model.served += std::max(Duration(1), std::min(now, worker.patience_end) - worker.since) - worker.charged;
  ReleaseSlot(worker);
  worker.state = after == After::kIdle ? Worker::State::kIdle : Worker::State::kResting;
  worker.since = now;
  worker.jobs.clear();
  ++(after == After::kIdle ? model.idle_workers : model.resting_workers);
  active_models_ -= model.Active() ? 0 : 1;
  if (after == After::kIdle) return;
  resting_.push_back(grant);
  Wake(now + kRestPoll);
}

void BatchSchedule::Rested(const Grant& grant) {
  Model& model = *models_[grant.model];
  model.workers[grant.worker].state = Worker::State::kIdle;
  --model.resting_workers;
  ++model.idle_workers;
  model.down = false;
  std::erase_if(resting_, [&](const Grant& at) { return at.model == grant.model && at.worker == grant.worker; });
}

void BatchSchedule::Requeue(const JobPointer& job) {
  if (job->claimed.load(std::memory_order_relaxed)) return;
  job->retried = true;
  job->facts.join_key = 0;
  Push(*models_[job->model], job, true);
}

// ---- time ----

void BatchSchedule::Sweep(Duration now, std::vector<JobPointer>& expired, std::vector<JobPointer>& hopeless) {
  next_event_ = kNoDeadline;
  const auto look_at = [&](Model& model, const JobPointer& job) {
    if (job->claimed.load(std::memory_order_relaxed)) return;
    job->facts.deadline <= now ? void(Withdraw(model, job, expired)) : Wake(job->facts.deadline);
  };
  for (const auto& model : models_) {
    if (model == nullptr) continue;
    SweepResting(*model, now, hopeless);
    for (auto& queue : model->queues) {
      for (const JobPointer& job : queue) look_at(*model, job);
      std::erase_if(queue, [](const JobPointer& job) { return job->place != Job::Place::kQueue; });
    }
    for (const Worker& worker : model->workers) {
      for (const JobPointer& job : worker.jobs) look_at(*model, job);
    }
  }
  std::erase_if(holders_, [&](const Worker* holder) { return holder->patience_end <= now; });
  for (const Worker* holder : holders_) Wake(holder->patience_end);
}

void BatchSchedule::SweepResting(Model& model, Duration now, std::vector<JobPointer>& hopeless) {
  if (model.resting_workers == 0) return;
  Wake(now + kRestPoll);
  const auto waited_for = [&](const Worker& worker) {
    return worker.state == Worker::State::kResting && worker.since + kRestPatience <= now;
  };
  model.down = std::all_of(model.workers.begin(), model.workers.end(), waited_for);
  if (!model.down) return;
  for (auto& queue : model.queues) {
    for (const JobPointer& job : queue) {
      if (job->place == Job::Place::kQueue) Withdraw(model, job, hopeless);
    }
  }
}

void BatchSchedule::Abandon(ModelId id, std::vector<JobPointer>& abandoned) {
  Model& model = *models_[id];
  for (auto& queue : model.queues) {
    for (const JobPointer& job : queue) Withdraw(model, job, abandoned);
    queue.clear();
  }
  for (const Worker& worker : model.workers) {
    for (const JobPointer& job : worker.jobs) Withdraw(model, job, abandoned);
  }
}

BatchSchedule::Load BatchSchedule::LoadOf(ModelId id) const {
  const Model& model = *models_[id];
  return Load{model.Rows(), model.Bytes(), model.workers.size() - model.idle_workers - model.resting_workers,
              model.tracker.cost()};
}

}  // namespace mw::serving
