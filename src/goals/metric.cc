// The table of metrics and how their values are written.
#include "goals/metric.h"

#include <array>
#include <cmath>
#include <utility>

#include "base/text.h"

namespace mw::goals {
namespace {

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
    Metric{"mae", Kind::kQuality, Unit::kNumber, Better::kLower, false, "mean absolute error"},
    Metric{"rmse", Kind::kQuality, Unit::kNumber, Better::kLower, false, "root of the mean squared error"},
    Metric{"r2", Kind::kQuality, Unit::kNumber, Better::kHigher, false, "share of the variance explained"},
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

constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kElsewhere = {{
    {"auRoc", "roc_auc"},
    {"auc", "roc_auc"},
    {"auPrc", "average_precision"},
    {"pr_auc", "average_precision"},
    {"logLoss", "log_loss"},
    {"f1Score", "f1"},
    {"f1_score", "f1"},
    {"calibration", "ece"},
}};

bool IsRegressionMetric(const Metric& metric) { return metric.id == "mae" || metric.id == "rmse" || metric.id == "r2"; }

std::string_view Meant(std::string_view id, const std::vector<std::string_view>& known) {
  for (const auto& [foreign, own] : kElsewhere) {
    if (EqualsIgnoreCase(foreign, id)) return own;
  }
  return Nearest(id, known);
}

// Enough digits to tell values apart, no more than people compare.
std::string Compact(double value) {
  if (!std::isfinite(value)) return Fixed(value, 0);
  const double size = std::fabs(value);
  if (size != 0 && size < 0.001) return Cat(value);
  std::string text = Fixed(value, size < 10 ? 3 : size < 100 ? 2 : 1);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string FormatSeconds(double seconds) {
  const double size = std::fabs(seconds);
  if (size < 1) return Cat(Compact(seconds * 1e3), " ms");
  if (size < 120) return Cat(Compact(seconds), " s");
  if (size < 7200) return Cat(Compact(seconds / 60), " min");
  if (size < 172800) return Cat(Compact(seconds / 3600), " h");
  return Cat(Compact(seconds / 86400), " d");
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

std::string_view ProblemName(Problem problem) {
  return problem == Problem::kRegression ? "regression" : "binary_classification";
}

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
  return IsRegressionMetric(metric) == (problem == Problem::kRegression);
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

std::string FormatMetric(const Metric& metric, double value, std::string_view currency) {
  if (std::isnan(value)) return "undefined";
  switch (metric.unit) {
    case Unit::kShare:
      if (metric.in_percent) return Cat(std::fabs(value) < 0.01 ? Compact(value * 100) : Fixed(value * 100, 1), " %");
      return Fixed(value, 3);
    case Unit::kNumber: return Fixed(value, 3);
    case Unit::kSeconds: return FormatSeconds(value);
    case Unit::kMoney: return currency.empty() ? Compact(value) : Cat(Compact(value), " ", currency);
    case Unit::kPerSecond: return Cat(Compact(value), "/s");
    case Unit::kCount: return WithThousands(std::llround(value));
  }
  return Compact(value);
}

}  // namespace mw::goals
