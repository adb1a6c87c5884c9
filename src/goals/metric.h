// The metric ids that goals, gates, reports and charts share: one id means the same number at every
// stage. A fixed table, so a misspelt id is found when a file is read and not when a model is released.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mw::goals {

/// What a target is about; a release is stopped by kind and priority.
enum class Kind : std::uint8_t { kQuality, kPerformance, kFreshness, kCost };
std::string_view KindName(Kind kind);

/// What the model predicts. Metrics of other problems are known too, to be refused by name.
enum class Problem : std::uint8_t { kBinaryClassification, kMulticlassClassification, kRegression };
/// As goals and packages write it: "binary_classification", "multiclass_classification", "regression".
std::string_view ProblemName(Problem problem);
std::optional<Problem> ProblemFromName(std::string_view name);
/// Every name, in the order of the enum.
std::vector<std::string_view> ProblemNames();

/// How a metric's numbers are written. Values are kept as fraction, plain number, seconds, money, per
/// second, or count.
enum class Unit : std::uint8_t { kShare, kNumber, kSeconds, kMoney, kPerSecond, kCount };

enum class Better : std::uint8_t { kHigher, kLower, kNeither };

struct Metric {
  std::string_view id;
  Kind kind = Kind::kQuality;
  Unit unit = Unit::kNumber;
  Better better = Better::kHigher;
  /// People read it as 45 % rather than 0.45.
  bool in_percent = false;
  std::string_view meaning;
};

/// The entry of that id, or nullptr. "weather.age" and the age of any other source are found too.
const Metric* FindMetric(std::string_view id);
/// Whether the metric can be computed for such a model: quality metrics belong to one or some problems,
/// all others to every model.
bool IsComputable(const Metric& metric, Problem problem);
/// The ids computable for the problem, in the table's order.
std::vector<std::string_view> MetricIds(Problem problem);
/// What is wrong with an unknown id and what was probably meant: "unknown metric \"auRoc\"; ...".
std::string UnknownMetric(std::string_view id, Problem problem);
/// As few digits as tell values apart: "0.715", "53.94", "1300.2".
std::string CompactNumber(double value);
/// The value as people read it: "0.715", "14.9 %", "20 ms", "0.05 USD". `currency` is used by money alone.
std::string FormatMetric(const Metric& metric, double value, std::string_view currency = {});

}  // namespace mw::goals
