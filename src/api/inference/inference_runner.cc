// Chooses, decodes, predicts, counts, records.
#include "api/inference/inference_runner.h"

#include <algorithm>
#include <charconv>
#include <cmath>

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

}  // namespace

InferenceRunner::InferenceRunner(const InferenceContext& context)
    : clock_(context.clock),
      catalog_(context.catalog),
      reader_(context.catalog.NewReader()),
      unknown_models_(context.metrics.AddCounter("millwright_inference_unknown_model_total",
                                                 "Requests for a model or version that is not served here.")),
      recording_(context.recording),
      next_id_(Cat(Hex(RandomBytes(8)), "0000000000000000")) {}

Result<const serving::ServedVersion*> InferenceRunner::Find(const serving::Snapshot& snapshot, std::string_view model,
                                                            std::string_view version) {
  const serving::ServedEndpoint* const endpoint = snapshot.Find(model);
  const serving::Choice choice =
      endpoint == nullptr ? serving::Choice() : serving::Pick(*endpoint, version, {}, ++id_count_);
  if (choice.version != nullptr) [[likely]]
    return choice.version;
  if (choice.entry != nullptr) {
    catalog_.EnsureLoaded(endpoint->name, choice.entry->version, nullptr);
    return NotInMemory(*endpoint, *choice.entry);
  }
  unknown_models_.Add();
  return endpoint == nullptr ? UnknownModel(snapshot, model) : UnknownVersion(*endpoint, version);
}

void InferenceRunner::Run(const InferenceTarget& target, RequestSource& source, Reply& reply) {
  reader_.Read([&](const serving::Snapshot& snapshot) {
    const Result<const serving::ServedVersion*> version = Find(snapshot, target.model, target.version);
    if (!version.ok()) return reply.Refuse(version.error(), Duration{0});
    RunOn(snapshot, **version, source, reply);
  });
}

void InferenceRunner::RunOn(const serving::Snapshot& snapshot, const serving::ServedVersion& version,
                            RequestSource& source, Reply& reply) {
  serving::StageTimes times;
  times.start = clock_.Elapsed();
  request_ = {};
  const Status decoded = source.Decode(*version.model, snapshot.limits, request_);
  if (!decoded.ok()) return Refuse(version, decoded.error(), source, times.start, reply);
  times.decoded = times.computing = clock_.Elapsed();
  values_.resize(request_.rows * version.model->num_outputs());
  version.model->Predict(request_.features, request_.rows, values_);
  times.computed = clock_.Elapsed();
  id_ = RequestId();
  reply.Answer({.version = version,
                .id = id_,
                .event_time = request_.event_time,
                .rows = request_.rows,
                .outputs = row_outputs_.Make(*version.model, values_, request_.rows, request_.wants_value,
                                             request_.wants_decision)});
  times.answered = clock_.Elapsed();
  serving::VersionTally& tally = TallyOf(version);
  tally.CountAnswered(request_.rows, request_.unknown_categories, times);
  const bool failed = !std::all_of(values_.begin(), values_.end(), [](float value) { return std::isfinite(value); });
  if (failed) tally.CountRowFailed();
  Record(version, snapshot.recording.rows_per_second_full, times, failed);
}

void InferenceRunner::Record(const serving::ServedVersion& version, std::int64_t rows_per_second_full,
                             const serving::StageTimes& times, bool failed) {
  if (recording_ == nullptr || request_.id == kProbeId) return;
  serving::RecordedRequest record;
  record.id = id_;
  record.features = request_.features;
  record.predictions = values_;
  if (const std::size_t outputs = version.model->num_outputs(); outputs > 1) {
    recorded_.clear();
    for (auto row = values_.begin(); row != values_.end(); row += static_cast<std::ptrdiff_t>(outputs)) {
      recorded_.push_back(static_cast<float>(std::max_element(row, row + static_cast<std::ptrdiff_t>(outputs)) - row));
    }
    record.predictions = recorded_;
    record.class_probabilities = values_;
  }
  record.event_times_us = request_.event_times_us;
  record.keys = request_.keys;
  record.start = times.start;
  record.latency = times.answered - times.start;
  record.failed = failed;
  recording_->AddAnswered(version.recorded, rows_per_second_full, record);
}

/// A 4xx is the caller's, anything else the server's own.
void InferenceRunner::Refuse(const serving::ServedVersion& version, const Error& error, const RequestSource& source,
                             Duration start, Reply& reply) {
  const bool refused = HttpStatus(error.code) < 500;
  serving::VersionTally& tally = TallyOf(version);
  if (refused) {
    tally.CountRefused();
  } else {
    tally.CountFailed();
  }
  reply.Refuse(error, Duration{0});
  if (recording_ == nullptr) return;
  if (refused) {
    recording_->AddRefused(version.recorded, source.event_time_us(), start);
  } else {
    recording_->AddFailed(version.recorded, source.event_time_us(), start);
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
