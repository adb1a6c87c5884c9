// Decide: what a window shows that its baseline did not. Pure: window and baseline in, states and findings out.
//
// Distances (drift of features and predictions) count when they exceed both their threshold and the noise floor, in
// `windows_in_a_row` closed windows one after the other; faults of the data count at once. What is an alert and what a
// note: finding.h. One fault is one finding: a column that is gone does not drift as well, and columns that went
// missing together are one finding that names them all.
//
// A column over windows:   ok --exceeds--> warning --exceeds again--> finding (note, or alert with impact)
//                           ^________________|____does not exceed_________|        no data: stays what it was
// Immutable after construction, any thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "monitoring/column.h"
#include "monitoring/column_reference.h"
#include "monitoring/finding.h"

namespace mw::monitoring {

/// How far a distance may go, whatever the noise: vertex 0.3 (what Vertex AI has), strict 0.1, sensitive 0.02. The
/// noise floor comes on top in each.
enum class Sensitivity : std::uint8_t { kVertex, kStrict, kSensitive };
/// Errors: kInvalidArgument naming the three.
Result<Sensitivity> SensitivityFromName(std::string_view name);
double ThresholdOf(Sensitivity sensitivity);

struct DetectOptions {
  Sensitivity sensitivity = Sensitivity::kSensitive;
  /// For one column, 0 to 1. 0 is legal: whatever exceeds the floor counts.
  std::map<std::string, double, std::less<>> thresholds = {};
  int windows_in_a_row = 2;
  double rows_min = 100;                   ///< a window with fewer is insufficient_data
  double floor_quantile = kBlockQuantile;  ///< of the distances of healthy stretches; 1 for slices
};
/// Errors: kInvalidArgument for a threshold that is no share, fewer than 1 window or 1 row.
Status Check(const DetectOptions& options);

/// One column in one window.
struct Cell {
  std::string column;
  ColumnKind kind = ColumnKind::kNumber;
  State state = State::kOk;
  Comparison comparison;
  double threshold = 0;
  bool exceeds = false;
  int windows_in_a_row = 0;  ///< that exceeded, this one included
  std::optional<double> attribution;
};

/// What a window was held against.
struct BaselineSummary {
  std::string source;  ///< "training" or "production"
  Timestamp from{};
  Timestamp until{};
  double rows = 0;
  std::size_t blocks = 0;
  std::string reason;  ///< why there is no baseline; empty: there is one
  /// Whether distances to the one say anything about distances to the other.
  [[nodiscard]] bool SameAs(const BaselineSummary& other) const;
};
BaselineSummary SummaryOf(const BaselineView& view);

/// One slice of a window.
struct SliceCell {
  Slice slice;
  State state = State::kOk;
  double rows = 0;  ///< of those that were looked at
  /// Of the columns that exceeded, `prediction` too, this window included.
  std::map<std::string, int, std::less<>> windows_in_a_row = {};
};

/// What a window shows. Before any data of it are looked at: no cells.
struct Evaluation {
  Timestamp from{};
  Timestamp until{};
  bool closed = true;
  State state = State::kOk;
  double rows = 0;
  std::optional<double> predictions_mean;
  std::vector<Cell> features;  ///< by position as BaselineView::features
  std::optional<Cell> prediction;
  int attribution_windows_in_a_row = 0;
  BaselineSummary baseline;
  std::vector<SliceCell> slices;
  std::vector<Finding> findings;  ///< in the order of RankFindings
};

class Detectors {
 public:
  /// `window_length`: of the windows to come; a whole number of the baseline's blocks gives floors by blocks.
  Detectors(BaselineView baseline, Duration window_length, DetectOptions options = {});
  /// `previous`: the evaluation of the window before, nullptr when there was none.
  [[nodiscard]] Evaluation Detect(const WindowView& window, const Evaluation* previous) const;

  [[nodiscard]] const BaselineView& baseline() const { return baseline_; }
  [[nodiscard]] const std::vector<ColumnReference>& features() const { return features_; }
  [[nodiscard]] const std::optional<ColumnReference>& prediction() const { return prediction_; }
  [[nodiscard]] const DetectOptions& options() const { return options_; }
  /// Of a feature: its share of the attribution, an even one when that is unknown. 0 to 1.
  [[nodiscard]] double Weight(std::size_t feature) const;

 private:
  [[nodiscard]] Cell CellOf(const ColumnReference& reference, const ColumnPeriod* period, const Cell* before,
                            bool counts) const;

  BaselineView baseline_;
  DetectOptions options_;
  std::vector<ColumnReference> features_;
  std::optional<ColumnReference> prediction_;
};

/// A window without a baseline: what can be said is that there is none, and why.
Evaluation WithoutBaseline(const WindowView& window, BaselineSummary baseline = {});

/// A drifted feature is an alert by itself when this much of the model's attribution moved with it.
inline constexpr double kAttributedDrift = 0.05;

/// After findings were added: gives them the window, ranks them, marks the columns' cells and the window's state.
void Settle(Evaluation& evaluation);

}  // namespace mw::monitoring
