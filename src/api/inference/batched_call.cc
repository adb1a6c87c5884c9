// Out to the queue and back.
#include "api/inference/batched_call.h"

#include <algorithm>
#include <utility>

#include "api/inference/inference_runner.h"

namespace mw::api::inference {
namespace {

std::vector<std::string> NamesOf(std::span<const Classification> classifications) {
  std::vector<std::string> names;
  for (const Classification& wanted : classifications) names.emplace_back(wanted.output);
  return names;
}

}  // namespace

KeptRequest::KeptRequest(const InferenceRequest& request, std::string_view request_id)
    : id(request_id),
      event_time(request.event_time),
      event_times_us(request.event_times_us.begin(), request.event_times_us.end()),
      key_texts(request.keys.begin(), request.keys.end()),
      keys(key_texts.begin(), key_texts.end()),
      rows(request.rows),
      unknown_categories(request.unknown_categories),
      wants_value(request.wants_value),
      wants_decision(request.wants_decision),
      output_names(request.wanted_outputs.begin(), request.wanted_outputs.end()),
      wanted_outputs(output_names.begin(), output_names.end()),
      classified_names(NamesOf(request.classifications)),
      classifications(request.classifications.begin(), request.classifications.end()),
      is_probe(request.id == kProbeId) {
  for (std::size_t i = 0; i < classifications.size(); ++i) classifications[i].output = classified_names[i];
}

BatchedCall::BatchedCall(InferenceRunner& runner, std::shared_ptr<const serving::ServedVersion> version,
                         std::shared_ptr<const serving::TensorList> inputs, const InferenceRequest& request,
                         std::string_view id, std::int64_t rows_per_second_full, const serving::StageTimes& times)
    : runner_(runner),
      version_(std::move(version)),
      inputs_(std::move(inputs)),
      request_(request, id),
      rows_per_second_full_(rows_per_second_full),
      times_(times) {}

BatchedCall::~BatchedCall() {
  if (finished_) return;
  runner_.CountAbandoned(*this);
  if (submitted_->ticket) version_->queue->Cancel(*submitted_->ticket);
}

void BatchedCall::Start(std::unique_ptr<BatchedCall> call, Duration deadline, std::uint64_t priority, Reply& reply) {
  const BatchedCall& self = *call;
  // The reply may drop the call at once, when its client has gone already.
  const std::shared_ptr<Mail> mail = self.mail_;
  const std::shared_ptr<Submitted> submitted = self.submitted_;
  const std::shared_ptr<const serving::ServedVersion> version = self.version_;
  serving::BatchJob job;
  job.inputs = self.inputs_;
  job.rows = self.request_.rows;
  job.deadline = deadline;
  if (priority > 0) job.priority = std::min<std::size_t>(priority - 1, serving::kBatchPriorities - 1);
  job.done = [mail](serving::BatchAnswer answer) {
    mail->answer = std::move(answer);
    mail->resumer->Resume();
  };
  mail->resumer = reply.Defer(std::move(call));
  auto ticket = version->queue->Submit(std::move(job));
  if (ticket.has_value()) {
    submitted->ticket = *std::move(ticket);
    return;
  }
  mail->answer.outputs = std::move(ticket.error().error);
  submitted->retry_after = ticket.error().retry_after;
  mail->resumer->Resume();
}

void BatchedCall::Finish(Reply& reply) {
  finished_ = true;
  runner_.Finish(*this, mail_->answer, submitted_->retry_after, reply);
}

}  // namespace mw::api::inference
