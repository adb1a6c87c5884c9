// Decodes, predicts or asks, compares.
#include "api/inference/shadow_call.h"

#include <utility>

#include "api/inference/model_tensors.h"
#include "base/mutex.h"

namespace mw::api::inference {
namespace {

/// Longer than that no worker is waited for.
constexpr Duration kAskMax = std::chrono::seconds(10);
/// How long a stopping server waits at most before such a wait notices.
constexpr std::chrono::milliseconds kStopSeen{50};
/// A buffer that was larger is not kept for the next request.
constexpr std::size_t kValuesKept = std::size_t{1} << 18;

/// Where a worker's answer is waited for.
class AnswerMailbox {
 public:
  void Put(Result<serving::TensorList> answer) {
    const Lock lock(mutex_);
    answer_ = std::move(answer);
    changed_.NotifyAll();
  }
  /// False: it is stopping, and there is no answer yet.
  bool Await(const std::atomic<bool>& stopping) {
    const Lock lock(mutex_);
    while (!answer_ && !stopping.load(std::memory_order_relaxed)) changed_.WaitFor(mutex_, kStopSeen);
    return answer_.has_value();
  }
  Result<serving::TensorList> Take() {
    const Lock lock(mutex_);
    while (!answer_) changed_.Wait(mutex_);
    return *std::move(answer_);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::optional<Result<serving::TensorList>> answer_ MW_GUARDED_BY(mutex_);
};

}  // namespace

ShadowCall::ShadowCall(const serving::ShadowMetrics& metrics, Shared shadow, std::unique_ptr<RequestBody> body,
                       const wire::ServingLimits& limits, PrimaryAnswer primary, const Clock& clock)
    : ShadowJob(metrics),
      shadow_(std::move(shadow)),
      body_(std::move(body)),
      limits_(limits),
      primary_(std::move(primary)),
      clock_(clock) {}

serving::ShadowJob::Next ShadowCall::Compute() {
  if (answered_ || shadow_->model->backend() == nullptr) {
    Count(Predict());
  } else if (Decode()) {
    return Next::kAsk;
  } else {
    Count(std::nullopt);
  }
  // Whoever holds a version keeps it in memory; never the last one here (Catalog).
  shadow_.reset();
  primary_.version.reset();
  return Next::kDone;
}

bool ShadowCall::Decode() {
  InferenceRequest request;
  if (!body_->Decode(*shadow_->model, limits_, request).ok()) return false;
  inputs_ = InputsOf(*shadow_->model, request);
  rows_ = request.rows;
  return true;
}

void ShadowCall::Ask(const std::atomic<bool>& stopping) {
  const auto mailbox = std::make_shared<AnswerMailbox>();
  serving::BatchJob job;
  job.inputs = inputs_;
  job.rows = rows_;
  job.deadline = clock_.Elapsed() + kAskMax;
  job.priority = serving::kBatchPriorities - 1;
  job.done = [mailbox](serving::BatchAnswer answer) { mailbox->Put(std::move(answer.outputs)); };
  auto ticket = shadow_->queue->Submit(std::move(job));
  if (!ticket.has_value()) {
    answered_ = std::move(ticket.error().error);
    return;
  }
  if (!mailbox->Await(stopping)) shadow_->queue->Cancel(*ticket);  // which answers
  answered_ = mailbox->Take();
}

/// Nothing when the shadow has no answer, or one that cannot be compared.
std::optional<AnswerDifference> ShadowCall::Predict() const {
  thread_local std::vector<float> values;  // of the lane's thread
  const serving::Model& model = *shadow_->model;
  const serving::Model& primary = *primary_.version->model;
  if (model.takes_rows() != primary.takes_rows()) return std::nullopt;
  if (answered_) {
    if (!answered_->ok()) return std::nullopt;
    if (!model.takes_rows()) return DifferenceOf(*primary_.outputs, **answered_, primary_.rows);
    values = FirstValues(**answered_, primary_.rows * model.num_outputs());
    return DifferenceOf(primary, primary_.values, model, values);
  }
  InferenceRequest request;
  if (!body_->Decode(model, limits_, request).ok()) return std::nullopt;
  values.resize(request.rows * model.num_outputs());
  model.Predict(request.features, request.rows, values);
  const std::optional<AnswerDifference> difference = DifferenceOf(primary, primary_.values, model, values);
  if (values.capacity() > kValuesKept) std::vector<float>().swap(values);
  return difference;
}

void ShadowCall::Count(const std::optional<AnswerDifference>& difference) {
  const serving::ShadowMetrics& to = metrics();
  if (!difference) return to.failures.Add();
  to.rows.Add(difference->rows);
  to.disagreements.Add(difference->disagreements);
  to.CountDifferences(difference->numbers, difference->sum, difference->max);
  to.requests.Add();  // last: whoever sees it sees the rest
}

}  // namespace mw::api::inference
