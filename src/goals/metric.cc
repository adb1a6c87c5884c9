// The table of metrics and how their values are written.
#include "goals/metric.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/text.h"

namespace mw::goals {
namespace {

constexpr std::array<std::string_view, 3> kProblems = {"binary_classification", "multiclass_classification",
                                                       "regression"};

constexpr std::array kMetrics = {
    Metric{"roc_auc", Kind::kQuality, Unit::kShare, Better::kHigher, false,
           "chance that a positive scores above a negative, ties half"},
    Metric{"average_precision", Kind::kQuality, Unit::kShare, Better::kHigher, false,
           "precision averaged over the steps of recall"},
    Metric{"log_loss", Kind::kQuality, Unit::kNumber, Better::kLower, false,
           "mean negative log likelihood of the labels"},
    Metric{"brier", Kind::kQuality, Unit::kShare, Better::kLower, false,
           "mean squared distance of probability and label"},
    Metric{"ece", Kind::kQuality, Unit::kShare, Better::kLower, false,
           "expected calibration error, 15 bins of equal mass"},
    Metric{"ece_equal_width", Kind::kQuality, Unit::kShare, Better::kLower, false,
           "expected calibration error, 10 bins of equal width"},
    Metric{"precision", Kind::kQuality, Unit::kShare, Better::kHigher, true, "positives among the flagged"},
    Metric{"recall", Kind::kQuality, Unit::kShare, Better::kHigher, true, "flagged among the positives"},
    Metric{"f1", Kind::kQuality, Unit::kShare, Better::kHigher, true, "harmonic mean of precision and recall"},
    Metric{"accuracy", Kind::kQuality, Unit::kShare, Better::kHigher, true, "rows judged right at the threshold"},
    Metric{"mcc", Kind::kQuality, Unit::kNumber, Better::kHigher, false, "Matthews correlation of flags and labels"},
    Metric{"saving", Kind::kQuality, Unit::kShare, Better::kHigher, true,
           "1 - cost / cost of the better of flagging every row and flagging none"},
    Metric{"flagged_share", Kind::kQuality, Unit::kShare, Better::kNeither, true, "rows at or above the threshold"},
    Metric{"positive_share", Kind::kQuality, Unit::kShare, Better::kNeither, true, "rows whose label is positive"},
    Metric{"mean_predicted", Kind::kQuality, Unit::kShare, Better::kNeither, true, "mean of the probabilities"},
    Metric{"rows", Kind::kQuality, Unit::kCount, Better::kNeither, false, "rows evaluated"},
    Metric{"positives", Kind::kQuality, Unit::kCount, Better::kNeither, false, "rows whose label is positive"},
    Metric{"macro_f1", Kind::kQuality, Unit::kShare, Better::kHigher, false, "mean of the classes' f1"},
    Metric{"macro_precision", Kind::kQuality, Unit::kShare, Better::kHigher, false, "mean of the classes' precision"},
    Metric{"macro_recall", Kind::kQuality, Unit::kShare, Better::kHigher, false, "mean of the classes' recall"},
    Metric{"macro_roc_auc", Kind::kQuality, Unit::kShare, Better::kHigher, false,
           "mean of the classes' roc_auc, each against all others"},
    Metric{"rmse", Kind::kQuality, Unit::kNumber, Better::kLower, false, "root of the mean squared error"},
    Metric{"mae", Kind::kQuality, Unit::kNumber, Better::kLower, false, "mean absolute error"},
    Metric{"r2", Kind::kQuality, Unit::kNumber, Better::kHigher, false, "share of the variance explained"},
    Metric{"mape", Kind::kQuality, Unit::kNumber, Better::kLower, true, "mean of the absolute error over the label"},
    Metric{"rmsle", Kind::kQuality, Unit::kNumber, Better::kLower, false,
           "root of the mean squared difference of log(1 + value)"},
    Metric{"absolute_error.p50", Kind::kQuality, Unit::kNumber, Better::kLower, false,
           "absolute error that half of the rows stay within"},
    Metric{"absolute_error.p90", Kind::kQuality, Unit::kNumber, Better::kLower, false,
           "absolute error that 90 % of the rows stay within"},
    Metric{"mean_error", Kind::kQuality, Unit::kNumber, Better::kNeither, false, "mean of prediction less label"},
    Metric{"mean_label", Kind::kQuality, Unit::kNumber, Better::kNeither, false, "mean of the labels"},
    Metric{"latency", Kind::kPerformance, Unit::kSeconds, Better::kLower, false,
           "time from request to answer, for the share of requests named by objective"},
    Metric{"latency.p50", Kind::kPerformance, Unit::kSeconds, Better::kLower, false, "median time to answer"},
    Metric{"latency.p90", Kind::kPerformance, Unit::kSeconds, Better::kLower, false,
           "time within which 90 % of requests are answered"},
    Metric{"latency.p99", Kind::kPerformance, Unit::kSeconds, Better::kLower, false,
           "time within which 99 % of requests are answered"},
    Metric{"error_rate", Kind::kPerformance, Unit::kShare, Better::kLower, true,
           "valid requests that got no prediction"},
    Metric{"throughput", Kind::kPerformance, Unit::kPerSecond, Better::kHigher, false, "predictions per second"},
    Metric{"model.age", Kind::kFreshness, Unit::kSeconds, Better::kLower, false,
           "time since the end of the training data of the version that serves"},
    Metric{"cost_per_1000_predictions", Kind::kCost, Unit::kMoney, Better::kLower, false,
           "machine cost of serving a thousand predictions"},
};

constexpr Metric kSourceAge{"age",          Kind::kFreshness,
                            Unit::kSeconds, Better::kLower,
                            false,          "time since the source's last record when a prediction used it"};

// Quality metrics of the other problems; those not named belong to binary classification alone.
constexpr std::array<std::string_view, 9> kOfClasses = {
    "log_loss", "brier", "ece", "accuracy", "macro_precision", "macro_recall", "macro_f1", "macro_roc_auc", "rows"};
constexpr std::array<std::string_view, 10> kOfRegression = {
    "rmse",       "mae",        "r2",  "mape", "rmsle", "absolute_error.p50", "absolute_error.p90",
    "mean_error", "mean_label", "rows"};
constexpr std::array<std::string_view, 4> kOfClassesAlone = {"macro_precision", "macro_recall", "macro_f1",
                                                             "macro_roc_auc"};

constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kElsewhere = {{
    {"auRoc", "roc_auc"},
    {"auc", "roc_auc"},
    {"auPrc", "average_precision"},
    {"pr_auc", "average_precision"},
    {"logLoss", "log_loss"},
    {"f1Score", "f1"},
    {"f1_score", "f1"},
    {"calibration", "ece"},
    {"rootMeanSquaredError", "rmse"},
    {"r_squared", "r2"},
}};

template <std::size_t kSize>
bool Has(const std::array<std::string_view, kSize>& ids, std::string_view id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

std::string_view Meant(std::string_view id, const std::vector<std::string_view>& known) {
  for (const auto& [foreign, own] : kElsewhere) {
    if (EqualsIgnoreCase(foreign, id)) return own;
  }
  return Nearest(id, known);
}

std::string FormatSeconds(double seconds) {
  const double size = std::fabs(seconds);
  if (size < 1) return Cat(CompactNumber(seconds * 1e3), " ms");
  if (size < 120) return Cat(CompactNumber(seconds), " s");
  if (size < 7200) return Cat(CompactNumber(seconds / 60), " min");
  if (size < 172800) return Cat(CompactNumber(seconds / 3600), " h");
  return Cat(CompactNumber(seconds / 86400), " d");
}

}  // namespace

std::string_view KindName(Kind kind) {
  switch (kind) {
    case Kind::kQuality: return "quality";
    case Kind::kPerformance: return "performance";
    case Kind::kFreshness: return "freshness";
    case Kind::kCost: return "cost";
  }
  return "quality";
}

std::string_view ProblemName(Problem problem) { return kProblems[static_cast<std::size_t>(problem)]; }

std::optional<Problem> ProblemFromName(std::string_view name) {
  for (std::size_t i = 0; i < kProblems.size(); ++i) {
    if (kProblems[i] == name) return static_cast<Problem>(i);
  }
  return std::nullopt;
}

std::vector<std::string_view> ProblemNames() { return {kProblems.begin(), kProblems.end()}; }

const Metric* FindMetric(std::string_view id) {
  for (const Metric& metric : kMetrics) {
    if (metric.id == id) return &metric;
  }
  constexpr std::string_view kSuffix = ".age";
  if (id.size() > kSuffix.size() && id.ends_with(kSuffix)) return &kSourceAge;
  return nullptr;
}

bool IsComputable(const Metric& metric, Problem problem) {
  if (metric.kind != Kind::kQuality || metric.id == "rows") return true;
  switch (problem) {
    case Problem::kMulticlassClassification: return Has(kOfClasses, metric.id);
    case Problem::kRegression: return Has(kOfRegression, metric.id);
    case Problem::kBinaryClassification: break;
  }
  return !Has(kOfRegression, metric.id) && !Has(kOfClassesAlone, metric.id);
}

std::vector<std::string_view> MetricIds(Problem problem) {
  std::vector<std::string_view> ids;
  for (const Metric& metric : kMetrics) {
    if (IsComputable(metric, problem)) ids.push_back(metric.id);
  }
  return ids;
}

std::string UnknownMetric(std::string_view id, Problem problem) {
  const std::vector<std::string_view> known = MetricIds(problem);
  const std::string_view meant = Meant(id, known);
  std::string what = Cat("unknown metric ", Quoted(id));
  if (!meant.empty()) return Cat(what, "; did you mean ", meant, "?");
  CatTo(what, "; known for ", ProblemName(problem), ":");
  for (const std::string_view other : known) CatTo(what, " ", other);
  return Cat(what, ", and SOURCE.age");
}

// Enough digits to tell values apart, no more than people compare.
std::string CompactNumber(double value) {
  if (!std::isfinite(value)) return Fixed(value, 0);
  const double size = std::fabs(value);
  if (size != 0 && size < 0.001) return Cat(value);
  std::string text = Fixed(value, size < 10 ? 3 : size < 100 ? 2 : 1);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string FormatMetric(const Metric& metric, double value, std::string_view currency) {
  if (std::isnan(value)) return "undefined";
  switch (metric.unit) {
    case Unit::kShare:
      if (metric.in_percent)
        return Cat(std::fabs(value) < 0.01 ? CompactNumber(value * 100) : Fixed(value * 100, 1), " %");
      return Fixed(value, 3);
    case Unit::kNumber:
      if (metric.in_percent) return Cat(CompactNumber(value * 100), " %");
      return std::fabs(value) < 10 ? Fixed(value, 3) : CompactNumber(value);
    case Unit::kSeconds: return FormatSeconds(value);
    case Unit::kMoney: return currency.empty() ? CompactNumber(value) : Cat(CompactNumber(value), " ", currency);
    case Unit::kPerSecond: return Cat(CompactNumber(value), "/s");
    case Unit::kCount: return WithThousands(std::llround(value));
  }
  return CompactNumber(value);
}

}  // namespace mw::goals
