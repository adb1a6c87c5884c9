// Names of a version's metrics, and one thread's sums.
#include "serving/version_metrics.h"

#include <utility>

namespace mw::serving {
namespace {

void Bring(std::uint64_t& count, Counter& counter) {
  if (count > 0) counter.Add(std::exchange(count, 0));
}

}  // namespace

VersionMetrics MetricsOf(MetricsRegistry& metrics, const std::string& endpoint, const std::string& version) {
  const Labels labels = {{"model", endpoint}, {"version", version}};
  const auto stage = [&](const char* name) -> Histogram& {
    Labels own = labels;
    own.emplace_back("stage", name);
    return metrics.AddHistogram("millwright_inference_stage_seconds", "The parts of millwright_inference_seconds.",
                                LatencyBuckets(), own);
  };
  return VersionMetrics{
      metrics.AddCounter("millwright_inference_requests_total", "Inference requests, answered or not.", labels),
      metrics.AddCounter("millwright_inference_failures_total",
                         "Valid inference requests that got no prediction, or not for all their rows.", labels),
      metrics.AddCounter("millwright_inference_refused_total",
                         "Inference requests that were refused: because of what they held, or because "
                         "there was no room for them (429).",
                         labels),
      metrics.AddCounter("millwright_inference_rows_total", "Rows predicted.", labels),
      metrics.AddCounter("millwright_inference_unknown_categories_total",
                         "Values that the training data's vocabulary lacks, taken as missing.", labels),
      metrics.AddHistogram("millwright_inference_seconds", "From the whole request to the whole answer.",
                           LatencyBuckets(), labels),
      stage("decode"),
      stage("queue"),
      stage("compute"),
      stage("encode"),
      metrics.AddGauge("millwright_inference_last_answered_timestamp_seconds",
                       "When a request was answered last, in seconds since 1970; 0: none was.", labels)};
}

VersionTally::VersionTally(const VersionMetrics& metrics)
    : metrics_(metrics),
      seconds_(metrics.seconds),
      decode_(metrics.decode_seconds),
      queue_(metrics.queue_seconds),
      compute_(metrics.compute_seconds),
      encode_(metrics.encode_seconds) {}

void VersionTally::CountAnswered(std::uint64_t rows, std::uint64_t unknown_categories, const StageTimes& times) {
  ++requests_;
  rows_ += rows;
  unknown_categories_ += unknown_categories;
  seconds_.Observe(Seconds(times.answered - times.start));
  decode_.Observe(Seconds(times.decoded - times.start));
  if (times.computing != times.decoded) {
    queue_.Observe(Seconds(times.computing - times.decoded));
    waited_ = true;
  }
  compute_.Observe(Seconds(times.computed - times.computing));
  encode_.Observe(Seconds(times.answered - times.computed));
}

void VersionTally::Flush(Timestamp now) {
  if (requests_ > failures_ + refused_) metrics_.last_answered.Set(static_cast<double>(ToMicros(now)) * 1e-6);
  if (requests_ > 0) {
    seconds_.Flush();
    decode_.Flush();
    compute_.Flush();
    encode_.Flush();
  }
  if (std::exchange(waited_, false)) queue_.Flush();
  Bring(requests_, metrics_.requests);
  Bring(failures_, metrics_.failures);
  Bring(refused_, metrics_.refused);
  Bring(rows_, metrics_.rows);
  Bring(unknown_categories_, metrics_.unknown_categories);
}

}  // namespace mw::serving
