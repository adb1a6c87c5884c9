// The nouns of predictions: hours of traffic, rows with what became of them, how much is covered. Plain values.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/clock.h"
#include "wire/window_record.h"

namespace mw::predictions {

/// Some windows of an endpoint: those that begin in [from, until).
struct WindowRange {
  std::string endpoint;
  std::int64_t version = 0;  ///< 0: every version
  Timestamp from = Timestamp::min();
  Timestamp until = kNever;
};

/// One version's predictions of one window of event time, everything merged that has come so far.
struct WindowSummary {
  std::string endpoint;
  std::string model;
  std::int64_t version = 0;
  Timestamp window_start{};
  Duration window_length{0};
  std::int64_t pieces = 0;
  std::int64_t rows = 0;           ///< all predictions
  std::int64_t sampled_rows = 0;   ///< of them with id and features
  std::int64_t dropped_rows = 0;   ///< rows that a full queue on the server kept out of the sample
  std::int64_t repeated_rows = 0;  ///< sampled, and made again later (same id and event time): not joined
  std::int64_t labelled = 0;       ///< sampled rows with a label
  std::int64_t requests = 0;
  std::int64_t failures = 0;  ///< of `requests`: valid, but they got no prediction, or not for all their rows
  std::int64_t refused = 0;   ///< of `requests`: because of what they held
  std::int64_t flagged_rows = 0;
  std::int64_t future_rows = 0;        ///< their event time was ahead of the clock: the time of receipt counts
  double label_sum = 0;                ///< of the labelled rows; independent of the order of arrival
  double labelled_prediction_sum = 0;  ///< of the labelled rows; independent of the order of arrival
  bool settled = false;                ///< too old for further labels
  wire::LatencyHistogram latency;      ///< wall time
  Timestamp first_received{};          ///< wall time
  Timestamp last_received{};
  std::int64_t changed = 0;  ///< see Predictions::ChangedSince
};

inline constexpr std::int64_t kNoDelay = std::numeric_limits<std::int64_t>::min();

/// The sampled rows of some windows, columnar, by window, version, arrival.
/// Invariant: all columns have size() entries; `features` has size() * feature_names.size(), `class_probabilities`
/// size() * classes.size(), row by row.
struct JoinedRows {
  std::vector<std::string> ids;
  std::vector<std::string> keys;  ///< empty where the request had none
  std::vector<std::int64_t> versions;
  std::vector<std::int64_t> event_times_us;
  std::vector<float> predictions;          ///< of several classes, the likeliest one's place in `classes`
  std::vector<double> labels;              ///< NaN: none yet; of several classes, the place in `classes`
  std::vector<std::int64_t> delays_us;     ///< from event time to label time; kNoDelay: no label, or one without time
  std::vector<float> weights;              ///< how many predictions the row stands for: 1 / sample rate
  std::vector<std::string> feature_names;  ///< of all versions in the range; a version without one has NaN there
  std::vector<float> features;             ///< as the model saw them; empty when not asked for
  /// The endpoint's list of classes: it only ever grows, so a place in it means the same in every version and window.
  /// Empty when no version had several classes.
  std::vector<std::string> classes;
  /// As answered, in the order of `classes`; 0 for a class that the row's version lacks. A row whose prediction was
  /// recorded without them is NaN throughout, and its place is that of the version's own order.
  std::vector<float> class_probabilities;
  [[nodiscard]] std::size_t size() const { return ids.size(); }
};

enum class JoinedColumns : std::uint8_t { kAll, kWithoutFeatures };

/// How much of what was predicted is known by now, and how labels behave.
struct LabelCoverage {
  std::int64_t predictions = 0;  ///< sampled rows, repeated ones left out
  std::int64_t labelled = 0;
  [[nodiscard]] double coverage() const {
    return predictions == 0 ? 0 : static_cast<double>(labelled) / static_cast<double>(predictions);
  }
  /// Event time from a prediction to its label, of labels with a time, in seconds; NaN without any.
  double delay_p50_s = std::numeric_limits<double>::quiet_NaN();
  double delay_p90_s = std::numeric_limits<double>::quiet_NaN();
  double delay_p95_s = std::numeric_limits<double>::quiet_NaN();
  double delay_p99_s = std::numeric_limits<double>::quiet_NaN();
  double delay_max_s = std::numeric_limits<double>::quiet_NaN();
  std::int64_t duplicates = 0;      ///< labels beyond the first of a prediction
  std::int64_t contradictions = 0;  ///< predictions that got labels of different values
  std::int64_t early = 0;           ///< predictions whose label came first
  // Of the whole endpoint, whatever the range:
  std::int64_t unknown = 0;   ///< labels that wait for a prediction of their id
  std::int64_t expired = 0;   ///< labels that waited in vain
  std::int64_t too_late = 0;  ///< labels of predictions that were settled already
};

/// A window that changed; where it is found again.
struct ChangedWindow {
  std::string endpoint;
  std::int64_t version = 0;
  Timestamp window_start{};
  Duration window_length{0};
  std::int64_t changed = 0;
};

}  // namespace mw::predictions
