// Counts, records, writes down.
#include "api/inference/bookkeeper.h"

#include <algorithm>
#include <cmath>

namespace mw::api::inference {
namespace {

/// More versions than that are rarely asked between two flushes; a few are kept so that a tally is not made anew.
constexpr std::size_t kTalliesKept = 64;

serving::Outcome OutcomeOf(const Error& error) {
  return HttpStatus(error.code) < 500 ? serving::Outcome::kRefused : serving::Outcome::kFailed;
}

}  // namespace

void Bookkeeper::CountAnswered(const serving::ServedVersion& version, const Answered& answered) {
  serving::VersionTally& tally = TallyFor(version).counts;
  tally.CountAnswered(answered.rows, answered.unknown_categories, answered.times);
  const bool failed = version.model->takes_rows() && !std::all_of(answered.values.begin(), answered.values.end(),
                                                                  [](float value) { return std::isfinite(value); });
  if (failed) tally.CountRowFailed();
  const auto& event_times = answered.event_times_us;
  scribe_.Answered({.asker = answered.asker,
                    .endpoint = version.endpoint,
                    .version = version.version,
                    .id = answered.id,
                    .rows = answered.rows,
                    .event_time_us = event_times.empty() ? serving::kNoEventTime : event_times.front(),
                    .outcome = failed ? serving::Outcome::kFailed : serving::Outcome::kAnswered},
                   {.times = answered.times, .bytes = answered.bytes, .from_cache = answered.from_cache});
  Record(version, answered, failed);
}

void Bookkeeper::Record(const serving::ServedVersion& version, const Answered& answered, bool failed) {
  if (recording_ == nullptr || answered.is_probe) return;
  serving::RecordedRequest record;
  record.id = answered.id;
  record.features = answered.features;
  record.predictions = answered.values;
  if (const auto outputs = static_cast<std::ptrdiff_t>(version.model->num_outputs()); outputs > 1) {
    const bool classes = !version.model->classes().empty();
    recorded_.clear();
    for (auto row = answered.values.begin(); row != answered.values.end(); row += outputs) {
      recorded_.push_back(classes ? static_cast<float>(std::max_element(row, row + outputs) - row) : *row);
    }
    record.predictions = recorded_;
    if (classes) record.class_probabilities = answered.values;
  }
  record.event_times_us = answered.event_times_us;
  record.keys = answered.keys;
  record.start = answered.times.start;
  record.latency = answered.times.answered - answered.times.start;
  record.failed = failed;
  recording_->AddAnswered(version.recorded, answered.rows_per_second_full, record);
}

void Bookkeeper::CountRefused(const serving::ServedVersion& version, AccessScribe::Request request, const Error& error,
                              Duration start) {
  request.endpoint = version.endpoint;
  request.version = version.version;
  request.outcome = OutcomeOf(error);
  scribe_.Refused(request, error, start, clock_.Elapsed());
  serving::VersionTally& tally = TallyFor(version).counts;
  if (request.outcome == serving::Outcome::kRefused) {
    tally.CountRefused();
    if (recording_ != nullptr) recording_->AddRefused(version.recorded, request.event_time_us, start);
  } else {
    tally.CountFailed();
    if (recording_ != nullptr) recording_->AddFailed(version.recorded, request.event_time_us, start);
  }
}

void Bookkeeper::CountUnserved(AccessScribe::Request request, const Error& error, Duration start) {
  request.outcome = OutcomeOf(error);
  scribe_.Refused(request, error, start, clock_.Elapsed());
}

Bookkeeper::Tally& Bookkeeper::TallyFor(const serving::ServedVersion& version) {
  for (Tally& tally : tallies_) {
    if (tally.of == &version.metrics.requests) return tally;
  }
  return tallies_.emplace_back(Tally{&version.metrics.requests, serving::VersionTally(version.metrics),
                                     serving::CacheMetrics(metrics_, version.endpoint, version.version_text)});
}

void Bookkeeper::Flush() {
  if (tallies_.empty()) return;
  const Timestamp now = clock_.Now();
  for (Tally& tally : tallies_) tally.counts.Flush(now);
  if (tallies_.size() > kTalliesKept) tallies_.clear();
}

}  // namespace mw::api::inference
