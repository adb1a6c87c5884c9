// Chooses, decodes, predicts, counts, records.
#include "api/inference/inference_runner.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "api/inference/batched_call.h"
#include "api/inference/tensor_values.h"
#include "base/random.h"
#include "base/text.h"

namespace mw::api::inference {
namespace {

/// More versions than that are rarely asked between two flushes; a few are kept so that a tally is not made anew.
constexpr std::size_t kTalliesKept = 64;

Error UnknownModel(const serving::Snapshot& snapshot, std::string_view model) {
  std::vector<std::string_view> names(snapshot.names.names().begin(), snapshot.names.names().end());
  const std::string_view nearest = Nearest(model, names);
  return NotFound("no model ", Quoted(model), " is served here", nearest.empty() ? "" : "; did you mean ",
                  nearest.empty() ? "" : Quoted(nearest), names.empty() ? "; none is yet" : "");
}

Error UnknownVersion(const serving::ServedEndpoint& endpoint, std::string_view version) {
  std::vector<std::string> versions;
  for (const serving::RoutedVersion& entry : endpoint.versions) versions.push_back(entry.version_text);
  return NotFound("model ", Quoted(endpoint.name), " has no version ", Quoted(version),
                  " here; versions: ", Join(versions, ", "));
}

Error NotInMemory(const serving::ServedEndpoint& endpoint, const serving::RoutedVersion& entry) {
  if (entry.state == wire::VersionState::kFailed) {
    return Unavailable("version ", entry.version_text, " of model ", Quoted(endpoint.name),
                       " is not served: ", entry.error);
  }
  return Unavailable("version ", entry.version_text, " of model ", Quoted(endpoint.name),
                     entry.on_demand ? " is not in memory yet; try again in a second" : " was unloaded");
}

/// Of an FP32 tensor that is aligned, as those of a TensorList are.
std::span<const float> Floats(const serving::TensorView& tensor) {
  return {reinterpret_cast<const float*>(tensor.bytes.data()), tensor.bytes.size() / sizeof(float)};
}

/// The first output of numbers with that many elements, NaN when there is none: what is recorded as the prediction.
std::vector<float> FirstValues(const serving::TensorList& outputs, std::size_t count) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const serving::TensorView tensor = outputs[i];
    const std::size_t size = serving::DatatypeBytes(tensor.datatype);
    if (size == 0 || tensor.bytes.size() != count * size) continue;
    std::vector<float> values(count);
    for (std::size_t at = 0; at < count; ++at) {
      values[at] = static_cast<float>(NumberAt(tensor.datatype, tensor.bytes.data() + at * size));
    }
    return values;
  }
  return std::vector<float>(count, std::numeric_limits<float>::quiet_NaN());
}

}  // namespace

InferenceRunner::InferenceRunner(const InferenceContext& context)
    : clock_(context.clock),
      catalog_(context.catalog),
      reader_(context.catalog.NewReader()),
      unknown_models_(context.metrics.AddCounter("millwright_inference_unknown_model_total",
                                                 "Requests for a model or version that is not served here.")),
      recording_(context.recording),
      next_id_(Cat(Hex(RandomBytes(8)), "0000000000000000")) {}

Result<const InferenceRunner::Shared*> InferenceRunner::Find(const serving::Snapshot& snapshot, std::string_view model,
                                                             std::string_view version) {
  const serving::ServedEndpoint* const endpoint = snapshot.Find(model);
  const serving::Choice choice =
      endpoint == nullptr ? serving::Choice() : serving::Pick(*endpoint, version, {}, ++id_count_);
  if (choice.version != nullptr) [[likely]]
    return &choice.entry->served;
  if (choice.entry != nullptr) {
    catalog_.EnsureLoaded(endpoint->name, choice.entry->version, nullptr);
    return NotInMemory(*endpoint, *choice.entry);
  }
  unknown_models_.Add();
  return endpoint == nullptr ? UnknownModel(snapshot, model) : UnknownVersion(*endpoint, version);
}

void InferenceRunner::Run(const InferenceTarget& target, RequestSource& source, Reply& reply) {
  reader_.Read([&](const serving::Snapshot& snapshot) {
    const Result<const Shared*> version = Find(snapshot, target.model, target.version);
    if (!version.ok()) return reply.Refuse(version.error(), Duration{0});
    RunOn(snapshot, **version, source, reply);
  });
}

void InferenceRunner::RunOn(const serving::Snapshot& snapshot, const Shared& version, RequestSource& source,
                            Reply& reply) {
  serving::StageTimes times;
  times.start = clock_.Elapsed();
  request_ = {};
  const Status decoded = source.Decode(*version->model, snapshot.limits, request_);
  if (!decoded.ok()) {
    CountRefusal(*version, decoded.error(), source.event_time_us(), times.start);
    return reply.Refuse(decoded.error(), Duration{0});
  }
  times.decoded = clock_.Elapsed();
  id_ = RequestId();
  if (version->model->backend() != nullptr) {
    RunBatched(version, snapshot.recording.rows_per_second_full, times, reply);
  } else {
    RunHere(*version, snapshot.recording.rows_per_second_full, times, reply);
  }
}

void InferenceRunner::RunHere(const serving::ServedVersion& version, std::int64_t rows_per_second_full,
                              serving::StageTimes& times, Reply& reply) {
  const serving::Model& model = *version.model;
  times.computing = times.decoded;
  values_.resize(request_.rows * model.num_outputs());
  std::span<const serving::TensorView> outputs;
  if (model.double_precision()) {
    exact_values_.resize(values_.size());
    model.Predict(request_.features, request_.rows, exact_values_);
    std::copy(exact_values_.begin(), exact_values_.end(), values_.begin());
    times.computed = clock_.Elapsed();
    outputs =
        row_outputs_.Make<double>(model, exact_values_, request_.rows, request_.wants_value, request_.wants_decision);
  } else {
    model.Predict(request_.features, request_.rows, values_);
    times.computed = clock_.Elapsed();
    outputs = row_outputs_.Make<float>(model, values_, request_.rows, request_.wants_value, request_.wants_decision);
  }
  reply.Answer(
      {.version = version, .id = id_, .event_time = request_.event_time, .rows = request_.rows, .outputs = outputs});
  times.answered = clock_.Elapsed();
  CountAnswered(version,
                {.id = id_,
                 .features = request_.features,
                 .event_times_us = request_.event_times_us,
                 .keys = request_.keys,
                 .rows_per_second_full = rows_per_second_full,
                 .times = times,
                 .is_probe = request_.id == kProbeId},
                request_.rows, request_.unknown_categories);
}

void InferenceRunner::RunBatched(const Shared& version, std::int64_t rows_per_second_full,
                                 const serving::StageTimes& times, Reply& reply) {
  const serving::Model& model = *version->model;
  std::shared_ptr<const serving::TensorList> inputs = request_.tensors;
  if (model.takes_rows()) {
    auto matrix = std::make_shared<serving::TensorList>();
    const std::array<std::int64_t, 2> shape = {static_cast<std::int64_t>(request_.rows),
                                               static_cast<std::int64_t>(model.num_features())};
    const std::span<const float> rows = request_.features;
    matrix->Append({model.backend()->info().inputs.front().name,
                    serving::Datatype::kFp32,
                    shape,
                    {reinterpret_cast<const char*>(rows.data()), rows.size_bytes()}});
    inputs = std::move(matrix);
  }
  const Duration deadline = request_.timeout > Duration{0} ? times.start + request_.timeout : serving::kNoDeadline;
  BatchedCall::Start(
      std::make_unique<BatchedCall>(*this, version, std::move(inputs), request_, id_, rows_per_second_full, times),
      deadline, request_.priority, reply);
}

void InferenceRunner::Finish(const BatchedCall& call, serving::BatchAnswer& answer, Duration retry_after,
                             Reply& reply) {
  const serving::ServedVersion& version = call.version();
  if (!answer.outputs.ok()) {
    const auto& event_times = call.request().event_times_us;
    CountRefusal(version, answer.outputs.error(), event_times.empty() ? serving::kNoEventTime : event_times.front(),
                 call.times().start);
    return reply.Refuse(answer.outputs.error(), retry_after);
  }
  serving::StageTimes times = call.times();
  times.computed = clock_.Elapsed();
  times.computing = std::max(times.decoded, times.computed - answer.computed);
  if (version.model->takes_rows()) {
    values_ = FirstValues(*answer.outputs, call.request().rows * version.model->num_outputs());
    AnswerRows(call, reply);
  } else {
    values_ = FirstValues(*answer.outputs, call.request().rows);
    AnswerTensors(call, *answer.outputs, reply);
  }
  times.answered = clock_.Elapsed();
  const bool rows = version.model->takes_rows();
  CountAnswered(version,
                {.id = call.request().id,
                 .features = rows ? Floats(call.inputs()[0]) : std::span<const float>(),
                 .event_times_us = call.request().event_times_us,
                 .keys = call.request().keys,
                 .rows_per_second_full = call.rows_per_second_full(),
                 .times = times,
                 .is_probe = call.request().is_probe},
                call.request().rows, call.request().unknown_categories);
}

void InferenceRunner::AnswerRows(const BatchedCall& call, Reply& reply) {
  const KeptRequest& request = call.request();
  reply.Answer({.version = call.version(),
                .id = request.id,
                .event_time = request.event_time,
                .rows = request.rows,
                .outputs = row_outputs_.Make<float>(*call.version().model, values_, request.rows, request.wants_value,
                                                    request.wants_decision)});
}

void InferenceRunner::AnswerTensors(const BatchedCall& call, const serving::TensorList& outputs, Reply& reply) {
  const KeptRequest& request = call.request();
  wanted_.clear();
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto& wanted = request.wanted_outputs;
    if (wanted.empty() || std::find(wanted.begin(), wanted.end(), outputs[i].name) != wanted.end()) {
      wanted_.push_back(outputs[i]);
    }
  }
  reply.Answer({.version = call.version(),
                .id = request.id,
                .event_time = request.event_time,
                .rows = request.rows,
                .outputs = wanted_});
}

void InferenceRunner::CountAbandoned(const BatchedCall& call) {
  const auto& event_times = call.request().event_times_us;
  CountRefusal(call.version(), Unavailable("the client has gone"),
               event_times.empty() ? serving::kNoEventTime : event_times.front(), call.times().start);
}

void InferenceRunner::CountAnswered(const serving::ServedVersion& version, const Answered& answered, std::size_t rows,
                                    std::uint64_t unknown_categories) {
  serving::VersionTally& tally = TallyOf(version);
  tally.CountAnswered(rows, unknown_categories, answered.times);
  const bool failed = version.model->takes_rows() &&
                      !std::all_of(values_.begin(), values_.end(), [](float value) { return std::isfinite(value); });
  if (failed) tally.CountRowFailed();
  Record(version, answered, failed);
}

void InferenceRunner::Record(const serving::ServedVersion& version, const Answered& answered, bool failed) {
  if (recording_ == nullptr || answered.is_probe) return;
  serving::RecordedRequest record;
  record.id = answered.id;
  record.features = answered.features;
  record.predictions = values_;
  if (const auto outputs = static_cast<std::ptrdiff_t>(version.model->num_outputs()); outputs > 1) {
    const bool classes = !version.model->classes().empty();
    recorded_.clear();
    for (auto row = values_.begin(); row != values_.end(); row += outputs) {
      recorded_.push_back(classes ? static_cast<float>(std::max_element(row, row + outputs) - row) : *row);
    }
    record.predictions = recorded_;
    if (classes) record.class_probabilities = values_;
  }
  record.event_times_us = answered.event_times_us;
  record.keys = answered.keys;
  record.start = answered.times.start;
  record.latency = answered.times.answered - answered.times.start;
  record.failed = failed;
  recording_->AddAnswered(version.recorded, answered.rows_per_second_full, record);
}

/// A 4xx is the caller's, anything else the server's own.
void InferenceRunner::CountRefusal(const serving::ServedVersion& version, const Error& error,
                                   std::int64_t event_time_us, Duration start) {
  const bool refused = HttpStatus(error.code) < 500;
  serving::VersionTally& tally = TallyOf(version);
  if (refused) {
    tally.CountRefused();
    if (recording_ != nullptr) recording_->AddRefused(version.recorded, event_time_us, start);
  } else {
    tally.CountFailed();
    if (recording_ != nullptr) recording_->AddFailed(version.recorded, event_time_us, start);
  }
}

/// The client's, or one that no other request has. The prediction id of a row is made of it (wire/window_record.h).
std::string_view InferenceRunner::RequestId() {
  if (!request_.id.empty()) return request_.id;
  char digits[17];
  const auto end = std::to_chars(digits, digits + sizeof digits, ++id_count_, 16);
  next_id_.replace(next_id_.size() - static_cast<std::size_t>(end.ptr - digits), std::string::npos,
                   std::string_view(digits, static_cast<std::size_t>(end.ptr - digits)));
  return next_id_;
}

serving::VersionTally& InferenceRunner::TallyOf(const serving::ServedVersion& version) {
  for (Tally& tally : tallies_) {
    if (tally.of == &version.metrics.requests) return tally.counts;
  }
  return tallies_.emplace_back(Tally{&version.metrics.requests, serving::VersionTally(version.metrics)}).counts;
}

void InferenceRunner::Flush() {
  for (Tally& tally : tallies_) tally.counts.Flush();
  if (tallies_.size() > kTalliesKept) tallies_.clear();
}

}  // namespace mw::api::inference
