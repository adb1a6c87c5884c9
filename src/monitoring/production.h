// Decide: how a model did in one window of production, for one goal. Every metric that evaluation knows for the goal's
// problem on the rows whose labels came, with intervals from whole blocks (an hour of event time and a value of the
// goal's first slice column; a row, where the training rows did not say when they were), slices, calibration and what
// no model would have reached; latency, errors and ages of what the answers were made of; and, until enough labels are
// there, what the metrics will probably be. Held against the goal.
//
// A window is provisional until its labels cover kCoveredShare of what the goal expects, or until 95 % of labels have
// had the time that they take. Fewer than evaluation::kClassMin positives or negatives (rows, where there are not two
// classes), or than evaluation::kBlocksMin blocks, measure nothing: fails closed.
// Pure and deterministic; any thread; milliseconds for some ten thousand rows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "evaluation/answers.h"
#include "evaluation/report.h"
#include "goals/goal.h"
#include "goals/verdict.h"
#include "goals/window.h"
#include "monitoring/version_facts.h"
#include "predictions/joined_rows.h"

namespace mw::monitoring {

inline constexpr double kCoveredShare = 0.9;
/// Replicates of the bootstrap in production: enough for an interval that people look at.
inline constexpr int kProductionReplicates = 200;
/// A column with more values than this is no slice.
inline constexpr std::size_t kSliceValuesMax = 50;

/// Everything that happened in one window at the goal's endpoint.
struct ProductionInput {
  goals::Window window;
  Timestamp seen_until{};  ///< the newest event time of the endpoint: the window may still be open
  std::optional<double> label_delay_p95_s;
  predictions::JoinedRows rows;
  std::vector<predictions::WindowSummary> hours;
  const std::vector<VersionFacts>* versions = nullptr;  ///< those that served; outlives the call
  /// Of earlier windows, from which the estimate learns what probabilities mean; without blocks.
  evaluation::AnsweredRows reference;
};

/// The rows that have a label, as evaluation takes them, but for blocks.
struct LabelledRows {
  evaluation::AnsweredRows answered;
  std::vector<std::size_t> origin;  ///< their places among the joined rows, ascending
  std::int64_t impossible = 0;   ///< left out: labels that are neither 0 nor 1 of two classes, or no class of several
  std::string first_impossible;  ///< "prediction \"r3\" has the label 99"; empty without
};
/// Of several classes, rows that were recorded without probabilities are left out.
LabelledRows Labelled(goals::Problem problem, const predictions::JoinedRows& rows);

/// Rows with one value in one column: what was expected and what came.
struct SliceGap {
  std::string column, value;
  std::int64_t rows = 0;
  double predicted = 0;  ///< mean answer; of several classes, mean probability of the likeliest
  double observed = 0;   ///< mean label; of several classes, the share of rows whose likeliest is right
};

/// A target in one window.
struct MeasuredTarget {
  goals::TargetVerdict verdict;
  std::optional<double> within;     ///< share of requests or rows that keep the bound, where that is what is promised
  std::optional<double> miss_cost;  ///< of a miss so far, in the goal's currency
  /// What the value will probably be: while the window is provisional.
  std::optional<evaluation::MetricValue> estimate;
};

struct MeasuredWindow {
  goals::Window window;
  goals::Stage stage = goals::Stage::kProduction;
  std::int64_t version = 0;            ///< that answered most rows
  std::vector<std::int64_t> versions;  ///< all that answered, ascending
  std::int64_t rows = 0;               ///< predictions, sampled or not
  std::int64_t labelled = 0;
  double coverage = 0;          ///< labelled share of the rows that were kept
  std::int64_t impossible = 0;  ///< labels that nothing was measured with; see LabelledRows
  std::string first_impossible;
  bool provisional = true;
  bool open = true;            ///< event time has not passed its end
  double hours = 0;            ///< of event time that have passed
  evaluation::Report report;   ///< of the labelled rows; calibration, slices, no model
  std::vector<SliceGap> gaps;  ///< the greatest share of the miscalibration first
  /// The saving if the probabilities had been recalibrated on the earlier windows' labels; absent without them.
  std::optional<double> recalibrated_saving;
  std::vector<MeasuredTarget> targets;  ///< the KPI first, then the targets in the goal's order
};

struct ProductionOptions {
  int replicates = kProductionReplicates;  ///< 0: no intervals
};

/// Errors: kInvalidArgument for answers that are no probabilities.
Result<MeasuredWindow> MeasureWindow(const goals::Goal& goal, const ProductionInput& input,
                                     const ProductionOptions& options = {});

/// The window that the version's evaluation looked at, judged at that stage; nothing without a report.
std::optional<MeasuredWindow> EvaluationWindow(const goals::Goal& goal, const VersionFacts& facts);

/// The KPI as if it were a target: first of what is judged.
std::vector<goals::Target> LinesOf(const goals::Goal& goal);

}  // namespace mw::monitoring
