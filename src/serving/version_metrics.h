// What is counted and timed for one version of one endpoint, and one thread's tally of it: requests arrive by the
// hundred thousand a second, so threads add up what they saw and bring it to the shared metrics once in a while.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/metrics.h"

namespace mw::serving {

struct VersionMetrics {
  Counter& requests;            ///< millwright_inference_requests_total
  Counter& failures;            ///< millwright_inference_failures_total: valid, but a row got no prediction
  Counter& refused;             ///< millwright_inference_refused_total: because of what they held, or with 429
  Counter& rows;                ///< millwright_inference_rows_total
  Counter& unknown_categories;  ///< millwright_inference_unknown_categories_total
  Histogram& seconds;           ///< millwright_inference_seconds: from whole request to whole answer
  // The parts of that time: millwright_inference_stage_seconds{stage="..."}.
  Histogram& decode_seconds;   ///< bytes to values
  Histogram& queue_seconds;    ///< waiting for a worker; only of models that have workers
  Histogram& compute_seconds;  ///< the model
  Histogram& encode_seconds;   ///< values to bytes, and the record
  Gauge& last_answered;        ///< millwright_inference_last_answered_timestamp_seconds: since 1970; 0: none yet
};
VersionMetrics MetricsOf(MetricsRegistry& metrics, const std::string& endpoint, const std::string& version);

/// When a request came to which point, by Clock::Elapsed.
struct StageTimes {
  Duration start{0}, decoded{0}, computing{0}, computed{0}, answered{0};
};

/// One thread's. Flush before a reader is to see everything.
class VersionTally {
 public:
  explicit VersionTally(const VersionMetrics& metrics);
  void CountAnswered(std::uint64_t rows, std::uint64_t unknown_categories, const StageTimes& times);
  void CountRefused() { ++requests_, ++refused_; }
  void CountFailed() { ++requests_, ++failures_; }
  /// An answered request with a row that has no prediction.
  void CountRowFailed() { ++failures_; }
  /// `now`: what counts as the moment of everything since the last time.
  void Flush(Timestamp now);

 private:
  const VersionMetrics metrics_;
  std::uint64_t requests_ = 0, failures_ = 0, refused_ = 0, rows_ = 0, unknown_categories_ = 0;
  bool waited_ = false;
  HistogramTally seconds_, decode_, queue_, compute_, encode_;
};

}  // namespace mw::serving
