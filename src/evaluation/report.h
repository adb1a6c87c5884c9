// The report of one evaluation: what report.json holds, what the gate decides from and what people read. One
// shape for all problems; what a problem does not have is empty, and absent from its JSON.
// Plain values; reading checks what others may have written. Pure; any thread.
//
// Every metric has a value, or a reason why there is none. `low` and `high` bound it at the report's
// confidence; they are absent where the data are too few for an interval.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "evaluation/bootstrap.h"
#include "goals/verdict.h"

namespace mw::evaluation {

inline constexpr std::int64_t kReportFormatVersion = 1;
inline constexpr std::size_t kSlicesMax = 1000;
inline constexpr std::size_t kCurvePointsMax = 200;
inline constexpr std::size_t kClassesMax = 100;
inline constexpr std::size_t kFitBinsMax = 20;
inline constexpr std::size_t kDrawsMax = 10'000;

struct MetricValue {
  std::string metric;
  std::optional<double> value{}, low{}, high{};
  std::int64_t rows = 0;  ///< rows that the value is a mean over: for precision the flagged ones
  std::string reason{};   ///< why there is no value
};
/// Every metric without a value, for that reason.
std::vector<MetricValue> Withheld(const std::vector<std::string>& metrics, std::int64_t rows,
                                  const std::string& reason);
const MetricValue* FindMetric(const std::vector<MetricValue>& among, std::string_view metric);

struct Counts {
  std::int64_t rows = 0;
  std::int64_t positives = 0;  ///< of two classes; else 0
  std::int64_t blocks = 0;
};

/// Rows with one value in one column. Too few of them: `sufficient` is false and no metric has a value.
struct SliceReport {
  std::string column;
  std::string value;
  Counts counts;
  bool sufficient = true;
  std::string reason{};  ///< why it is not sufficient
  std::vector<MetricValue> metrics{};
};

/// What a rule or a constant reaches on the same rows.
struct Baseline {
  std::string rule;  ///< "flag none", "flag every row", "every row 21.4 %", "every row setosa"
  std::vector<MetricValue> metrics;
};

/// One threshold of the curves (ROC, precision-recall, money), from the strictest down.
struct CurvePoint {
  double threshold = 0;
  double false_positive_rate = 0, recall = 0, precision = 0, flagged_share = 0;
  std::optional<double> saving;
};

/// Rows of one bin of equal mass, from the lowest probabilities up.
struct CalibrationBin {
  std::int64_t rows = 0;
  double low = 0, high = 0;  ///< of the predicted probabilities
  double mean_predicted = 0;
  double positive_share = 0;
};

/// Of several classes, one: against all others. Its metrics: precision, recall, f1, roc_auc.
struct ClassReport {
  std::string name;
  std::int64_t rows = 0;
  std::int64_t predicted = 0;  ///< rows of which it is the likeliest class
  std::vector<MetricValue> metrics;
};

/// So many of the rows have at most that prediction less label.
struct ErrorQuantile {
  double share = 0;
  double error = 0;
};

/// Rows of one bin of equal mass by predicted number, from the lowest up.
struct FitBin {
  std::int64_t rows = 0;
  double low = 0, high = 0;  ///< of the predictions
  double mean_predicted = 0;
  double mean_label = 0;
};

struct Report {
  std::string model;
  std::string label;
  std::string data_digest;  ///< of the dataset; empty when unknown
  goals::Problem problem = goals::Problem::kBinaryClassification;
  double threshold = 0.5;  ///< of two classes
  double confidence = 0.95;
  int replicates = 0;
  std::uint64_t seed = 0;
  std::string block;        ///< what makes a block: "hour of predicted_at"
  std::string from, until;  ///< event time of the first and last row; empty when unknown
  Counts counts;
  std::vector<MetricValue> overall;
  /// By metric, its value in each replicate, NaN where it has none; to seven digits. Empty: they were not kept.
  std::map<std::string, std::vector<double>> draws;
  std::vector<SliceReport> slices;
  Baseline no_model, trivial_model;
  std::optional<double> rule_cost;  ///< of the better rule without a model, in the goal's currency
  std::optional<double> cost;       ///< of the model's flags
  std::string currency;
  std::vector<CurvePoint> curve;
  std::vector<CalibrationBin> calibration;           ///< of several classes: of the likeliest one, against being right
  std::vector<ClassReport> classes;                  ///< of several classes; so is the next
  std::vector<std::vector<std::int64_t>> confusion;  ///< rows by class and likeliest class
  std::vector<ErrorQuantile> errors;                 ///< of a regression; so is the next
  std::vector<FitBin> fit;
};

Json ToJson(const Report& report);
/// Null where there is none, or it is not finite.
Json NumberJson(const std::optional<double>& value);
/// Errors: kInvalidArgument naming what is missing or wrong; kFailedPrecondition for a newer format;
/// kResourceExhausted beyond the limits above.
Result<Report> ReportFromJson(const Json& json);

/// As goals::Judge takes it.
goals::Measurements ToMeasurements(const Report& report);
/// For people: overall beside no model and the trivial model, then the slices; at most 110 columns.
std::string ReportTable(const Report& report);
/// "27,662 rows, roc_auc 0.715 [0.706, 0.724], ece 0.052 [0.047, 0.057]".
std::string Summary(const Report& report);

}  // namespace mw::evaluation
