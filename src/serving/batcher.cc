// The threads of batching.
#include "serving/batcher.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/assert.h"
#include "base/gathered_bells.h"
#include "base/text.h"
#include "serving/tensor_batch.h"

namespace mw::serving {
namespace {

constexpr std::string_view kRejections = "millwright_inference_rejections_total";

Counter& Rejections(MetricsRegistry& registry, Labels labels, const char* reason) {
  labels.emplace_back("reason", reason);
  return registry.AddCounter(kRejections, "Requests that were turned away or given up, by reason.", labels);
}

std::vector<double> RowBuckets() { return {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1'024, 2'048, 4'096, 8'192}; }

/// By whoever claimed it.
void Finish(Job& job, BatchAnswer answer) {
  if (job.place == Job::Place::kNowhere) job.job.inputs.reset();
  const auto done = std::exchange(job.job.done, nullptr);
  done(std::move(answer));
}

Error Down(const std::string& name) {
  return Unavailable("the workers of ", name, " failed several times in a row and wait before they are started again");
}

Error Expired() { return DeadlineExceeded("the deadline passed before the model had answered"); }

}  // namespace

BatchMetrics::BatchMetrics(MetricsRegistry& registry, const std::string& model, const std::string& version)
    : batch_rows(registry.AddHistogram("millwright_inference_batch_rows", "Rows of a batch that a worker ran.",
                                       RowBuckets(), {{"model", model}, {"version", version}})),
      queue_seconds(registry.AddHistogram("millwright_inference_queue_seconds",
                                          "From a request's submission to its batch.", LatencyBuckets(),
                                          {{"model", model}, {"version", version}})),
      compute_seconds(registry.AddHistogram("millwright_inference_compute_seconds",
                                            "Of a worker for one batch, with the way there and back.", LatencyBuckets(),
                                            {{"model", model}, {"version", version}})),
      queue_full(Rejections(registry, {{"model", model}, {"version", version}}, "queue_full")),
      too_late(Rejections(registry, {{"model", model}, {"version", version}}, "too_late")),
      expired(Rejections(registry, {{"model", model}, {"version", version}}, "expired")),
      shed(Rejections(registry, {{"model", model}, {"version", version}}, "shed")),
      unloading(Rejections(registry, {{"model", model}, {"version", version}}, "unloading")),
      cancelled(Rejections(registry, {{"model", model}, {"version", version}}, "cancelled")),
      down(Rejections(registry, {{"model", model}, {"version", version}}, "workers_down")),
      run_again(registry.AddCounter("millwright_inference_run_again_total",
                                    "Requests that were run once more, alone, because their batch failed.",
                                    {{"model", model}, {"version", version}})),
      worker_restarts(registry.AddCounter("millwright_inference_worker_restarts_total",
                                          "Workers that were started again because they failed.",
                                          {{"model", model}, {"version", version}})) {}

// ---- one worker ----

struct BatchQueue::Worker {
  Runner* runner = nullptr;
  CondVar wake;
  bool granted = false;  // guarded by the Batcher's mutex
  std::thread thread;
  // The thread's own.
  const std::vector<JobPointer>* jobs = nullptr;  // of the batch that it runs
  Duration started{0};
  TensorList joined;
};

/// What a worker made of a batch.
struct BatchQueue::Outcome {
  Result<std::vector<TensorList>> outputs;
  Duration took{0};
  std::size_t rows = 0;
};

void BatchQueue::Work(std::size_t index) {
  Worker& worker = *workers_[index];
  while (NextBatch(index)) {
    Outcome outcome = Run(worker);
    std::vector<JobPointer> again;
    const std::size_t answered = Answer(outcome, worker, again);
    const Lock lock(batcher_.mutex_);
    const Duration now = batcher_.clock_.Elapsed();
    for (auto job = again.rbegin(); job != again.rend(); ++job) batcher_.schedule_.Requeue(*job);
    const bool learned = outcome.outputs.ok() && outcome.rows > 0;
    const auto took = learned ? std::optional(outcome.took) : std::nullopt;
    const auto after =
        outcome.outputs.ok() || worker.runner->Ready() ? BatchSchedule::After::kIdle : BatchSchedule::After::kResting;
    batcher_.schedule_.Finish({id_, index}, now, took, after);
    unanswered_ -= answered;
    if (closing_) batcher_.settled_.NotifyAll();
    batcher_.Dispatch(now);
  }
}

bool BatchQueue::NextBatch(std::size_t index) {
  Worker& worker = *workers_[index];
  std::vector<JobPointer> expired;
  {
    const Lock lock(batcher_.mutex_);
    while (!worker.granted && !stopping_) worker.wake.Wait(batcher_.mutex_);
    if (!worker.granted) return false;
    worker.granted = false;
    worker.started = batcher_.clock_.Elapsed();
    worker.jobs = &batcher_.schedule_.Take({id_, index}, worker.started, expired);
    batcher_.Dispatch(worker.started);
  }
  metrics_.expired.Add(expired.size());
  batcher_.GiveUp(expired, Expired());
  return true;
}

BatchQueue::Outcome BatchQueue::Run(Worker& worker) {
  const std::vector<JobPointer>& jobs = *worker.jobs;
  Outcome outcome{std::vector<TensorList>(), Duration(0), 0};
  if (jobs.empty()) return outcome;
  std::vector<const TensorList*> parts;
  std::vector<std::size_t> rows;
  for (const JobPointer& job : jobs) {
    parts.push_back(job->job.inputs.get());
    rows.push_back(job->job.rows);
    outcome.rows += job->job.rows;
  }
  const bool alone = jobs.size() == 1;
  if (!alone) {
    if (Status joined = JoinRows(parts, worker.joined); !joined.ok()) {
      outcome.outputs = std::move(joined).error();
      return outcome;
    }
  }
  const Duration start = batcher_.clock_.Elapsed();
  auto answer = worker.runner->Run(alone ? *parts[0] : worker.joined, settings_.run_timeout);
  outcome.took = batcher_.clock_.Elapsed() - start;
  if (!answer.ok()) {
    outcome.outputs = std::move(answer).error();
  } else if (alone) {
    outcome.outputs->push_back(std::move(*answer));
  } else {
    outcome.outputs = CutRows(*answer, rows);
  }
  return outcome;
}

/// How many were answered; those to be run once more go into `again`.
std::size_t BatchQueue::Answer(Outcome& outcome, const Worker& worker, std::vector<JobPointer>& again) {
  const std::vector<JobPointer>& jobs = *worker.jobs;
  if (jobs.empty()) return 0;
  metrics_.batch_rows.Observe(static_cast<double>(outcome.rows));
  metrics_.compute_seconds.Observe(std::chrono::duration<double>(outcome.took).count());
  const Code code = outcome.outputs.ok() ? Code::kUnknown : outcome.outputs.error().code;
  const Duration now = batcher_.clock_.Elapsed();
  std::size_t answered = 0;
  const GatheredBells gathered;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    Job& job = *jobs[i];
    if (!outcome.outputs.ok() && RunsAgain(code, jobs.size(), job.retried, job.facts.deadline, now)) {
      again.push_back(jobs[i]);
      continue;
    }
    job.job.inputs.reset();
    if (!job.Claim()) continue;
    const Duration queued = worker.started - job.facts.submitted;
    metrics_.queue_seconds.Observe(std::chrono::duration<double>(queued).count());
    Result<TensorList> outputs =
        outcome.outputs.ok() ? Result<TensorList>(std::move((*outcome.outputs)[i])) : outcome.outputs.error();
    serving::Finish(job, BatchAnswer{std::move(outputs), queued, outcome.took, outcome.rows});
    ++answered;
  }
  metrics_.run_again.Add(again.size());
  return answered;
}

// ---- the queue ----

BatchQueue::BatchQueue(Batcher& batcher, Backend& backend, std::string name, const BatchSettings& settings,
                       const BatchMetrics& metrics, ModelId id)
    : batcher_(batcher),
      name_(std::move(name)),
      settings_(settings),
      batchable_(backend.info().batchable && settings.batch_rows_max > 1),
      metrics_(metrics),
      id_(id) {
  for (Runner* runner : backend.runners()) {
    workers_.push_back(std::make_unique<Worker>());
    workers_.back()->runner = runner;
  }
}

BatchQueue::~BatchQueue() { Close(); }

tl::expected<BatchTicket, Rejection> BatchQueue::Submit(BatchJob submitted) {
  auto job = std::make_shared<Job>();
  job->model = id_;
  job->facts.rows = batchable_ ? std::max<std::size_t>(1, submitted.rows) : 1;
  job->facts.bytes = submitted.inputs->total_bytes();
  job->facts.deadline = submitted.deadline;
  job->facts.priority = std::min(submitted.priority, kBatchPriorities - 1);
  job->facts.join_key = batchable_ ? JoinKey(*submitted.inputs, submitted.rows) : 0;
  job->job = std::move(submitted);
  const Duration now = batcher_.clock_.Elapsed();
  std::vector<JobPointer> shed;
  {
    const Lock lock(batcher_.mutex_);
    if (closing_) {
      metrics_.unloading.Add();
      return tl::unexpected(Rejection{Unavailable(name_, " is being unloaded; send the request again"), Duration(0)});
    }
    const SubmitDecision decision = batcher_.schedule_.Submit(job, now, shed);
    if (decision.refusal != Refusal::kNone) return tl::unexpected(Refused(decision, job->facts, now));
    ++unanswered_;
    batcher_.Dispatch(now);
  }
  metrics_.shed.Add(shed.size());
  batcher_.GiveUp(shed, Unavailable(name_, " has more to do than it can; requests of a higher priority came first"));
  return BatchTicket(std::move(job));
}

Rejection BatchQueue::Refused(const SubmitDecision& decision, const JobFacts& facts, Duration now) {
  const auto again = [&] { return Cat("; try again in ", FormatDuration(decision.retry_after)); };
  switch (decision.refusal) {
    case Refusal::kTooLarge:
      return {InvalidArgument("the request has ", facts.rows, " rows and ", facts.bytes, " bytes, the queue of ", name_,
                              " takes ", settings_.queue_rows_max, " rows and ", settings_.queue_bytes_max,
                              " bytes; send several smaller ones"),
              Duration(0)};
    case Refusal::kQueueFull:
      metrics_.queue_full.Add();
      return {Unavailable(name_, " has as many rows waiting as it may have", again()), decision.retry_after};
    case Refusal::kTooLate:
      metrics_.too_late.Add();
      return {Unavailable(name_, " would answer in ", FormatDuration(decision.expected), ", the deadline is in ",
                          FormatDuration(facts.deadline - now), again()),
              decision.retry_after};
    case Refusal::kDown: metrics_.down.Add(); return {Down(name_), decision.retry_after};
    default: metrics_.expired.Add(); return {Expired(), Duration(0)};
  }
}

void BatchQueue::Cancel(const BatchTicket& ticket) {
  {
    const Lock lock(batcher_.mutex_);
    if (!batcher_.schedule_.Cancel(ticket.job_)) return;
  }
  metrics_.cancelled.Add();
  batcher_.GiveUp({ticket.job_}, Cancelled("the client has gone"));
}

void BatchQueue::Close() {
  if (workers_.empty()) return;
  std::vector<JobPointer> abandoned;
  {
    const Lock lock(batcher_.mutex_);
    closing_ = true;
    batcher_.schedule_.Hurry(id_);
    batcher_.Dispatch(batcher_.clock_.Elapsed());
    const Duration until = batcher_.clock_.Elapsed() + settings_.drain_max;
    for (Duration now{0}; unanswered_ > 0 && (now = batcher_.clock_.Elapsed()) < until;) {
      batcher_.settled_.WaitFor(batcher_.mutex_, until - now);
    }
    batcher_.schedule_.Abandon(id_, abandoned);
  }
  metrics_.unloading.Add(abandoned.size());
  batcher_.GiveUp(abandoned, Unavailable(name_, " was unloaded before the request was answered; send it again"));
  {
    const Lock lock(batcher_.mutex_);
    while (unanswered_ > 0) batcher_.settled_.Wait(batcher_.mutex_);
    stopping_ = true;
    for (const auto& worker : workers_) worker->wake.NotifyOne();
  }
  for (const auto& worker : workers_) {
    MW_ASSERT(worker->thread.get_id() != std::this_thread::get_id());
    if (worker->thread.joinable()) worker->thread.join();
  }
  workers_.clear();
  const Lock lock(batcher_.mutex_);
  batcher_.schedule_.Remove(id_);
  batcher_.queues_[id_] = nullptr;
}

BatchSchedule::Load BatchQueue::Look() const {
  const Lock lock(batcher_.mutex_);
  return batcher_.queues_[id_] == this ? batcher_.schedule_.LoadOf(id_) : BatchSchedule::Load{};
}

// ---- over all models ----

Batcher::Batcher(const Clock& clock, MetricsRegistry& metrics, std::size_t compute_slots)
    : clock_(clock), registry_(metrics), schedule_(std::max<std::size_t>(1, compute_slots)) {}

Batcher::~Batcher() {
  {
    const Lock lock(mutex_);
    MW_ASSERT(std::all_of(queues_.begin(), queues_.end(), [](const BatchQueue* queue) { return queue == nullptr; }));
    stopping_ = true;
    watch_.NotifyOne();
  }
  if (watcher_.joinable()) watcher_.join();
}

Result<std::unique_ptr<BatchQueue>> Batcher::Add(Backend& backend, const std::string& model, const std::string& version,
                                                 const BatchSettings& settings, const CostModel& cost) {
  const std::size_t workers = backend.runners().size();
  MW_ASSERT(workers > 0);
  std::unique_ptr<BatchQueue> queue;
  try {
    const Lock lock(mutex_);
    if (!watcher_.joinable()) watcher_ = std::thread([this] { Watch(); });
    const ModelId id = schedule_.Add(settings, cost, workers, backend.info().batchable);
    queue.reset(new BatchQueue(*this, backend, Cat("model ", Quoted(model), " version ", version), settings,
                               BatchMetrics(registry_, model, version), id));
    queues_.resize(std::max(queues_.size(), id + 1));
    queues_[id] = queue.get();
    for (std::size_t i = 0; i < workers; ++i) {
      queue->workers_[i]->thread = std::thread([&queue = *queue, i] { queue.Work(i); });
    }
  } catch (const std::system_error& error) {
    return ResourceExhausted("starting a thread for model ", Quoted(model), ": ", error.what());
  }
  return queue;
}

void Batcher::Dispatch(Duration now) {
  while (const auto grant = schedule_.NextGrant(now)) {
    BatchQueue::Worker& worker = *queues_[grant->model]->workers_[grant->worker];
    worker.granted = true;
    worker.wake.NotifyOne();
  }
  if (schedule_.NextEvent() >= watching_until_) return;
  watching_until_ = schedule_.NextEvent();
  watch_.NotifyOne();
}

/// By whoever claimed them.
void Batcher::GiveUp(const std::vector<JobPointer>& jobs, const Error& error) {
  if (jobs.empty()) return;
  const GatheredBells gathered;
  for (const JobPointer& job : jobs) Finish(*job, BatchAnswer{error, {}, {}, 0});
  const Lock lock(mutex_);
  for (const JobPointer& job : jobs) {
    BatchQueue& queue = *queues_[job->model];
    --queue.unanswered_;
    if (queue.closing_) settled_.NotifyAll();
  }
}

void Batcher::Watch() {
  while (SweepOnce()) {
  }
}

void Batcher::WaitForEvent() {
  for (Duration now = clock_.Elapsed(); !stopping_ && schedule_.NextEvent() > now; now = clock_.Elapsed()) {
    watching_until_ = schedule_.NextEvent();
    if (watching_until_ == kNoDeadline) {
      watch_.Wait(mutex_);
    } else {
      watch_.WaitFor(mutex_, std::min<Duration>(watching_until_ - now, std::chrono::hours(1)));
    }
  }
  watching_until_ = Duration(0);  // awake: nobody needs to wake it
}

void Batcher::WakeRested() {
  const std::vector<BatchSchedule::Grant> resting = schedule_.resting();
  for (const auto& at : resting) {
    if (queues_[at.model]->workers_[at.worker]->runner->Ready()) schedule_.Rested(at);
  }
}

bool Batcher::SweepOnce() {
  std::vector<JobPointer> expired, hopeless;
  {
    const Lock lock(mutex_);
    WaitForEvent();
    if (stopping_) return false;
    const Duration now = clock_.Elapsed();
    WakeRested();
    schedule_.Sweep(now, expired, hopeless);
    for (const JobPointer& job : expired) queues_[job->model]->metrics_.expired.Add();
    for (const JobPointer& job : hopeless) queues_[job->model]->metrics_.down.Add();
    Dispatch(now);
  }
  GiveUp(expired, Expired());
  GiveUp(hopeless, Down("the model"));
  return true;
}

}  // namespace mw::serving
