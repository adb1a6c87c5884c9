// Requirements, money and rates: what is read, what is refused and with which remedy.
#include "goals/require.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace mw::goals {
namespace {

constexpr Problem kBinary = Problem::kBinaryClassification;

Requirement ParsedRequirement(std::string_view text) {
  auto result = ParseRequirement(text, kBinary);
  EXPECT_TRUE(result.ok()) << text << ": " << (result.ok() ? "" : result.error().message);
  return result.ok() ? *result : Requirement{};
}

std::string RefusedRequirement(std::string_view text, Problem problem = kBinary) {
  auto result = ParseRequirement(text, problem);
  EXPECT_FALSE(result.ok()) << text;
  return result.ok() ? "" : result.error().message;
}

TEST(Requirement, ReadsEveryUnit) {
  const struct {
    std::string_view text;
    std::string_view metric;
    double value;
  } cases[] = {
      {"roc_auc >= 0.68", "roc_auc", 0.68},
      {"recall >= 45%", "recall", 0.45},
      {"ece<=0.06", "ece", 0.06},
      {"saving >= -5%", "saving", -0.05},
      {"latency <= 20ms", "latency", 0.02},
      {"latency.p99 <= 1.5s", "latency.p99", 1.5},
      {"weather.age <= 90m", "weather.age", 5400},
      {"model.age <= 45d", "model.age", 45 * 86400.0},
      {"error_rate <= 0.1%", "error_rate", 0.001},
      {"throughput >= 500/s", "throughput", 500},
      {"throughput >= 120/m", "throughput", 2},
      {"log_loss <= 0.5", "log_loss", 0.5},
      {"rows >= 1000", "rows", 1000},
  };
  for (const auto& c : cases) {
    const Requirement requirement = ParsedRequirement(c.text);
    EXPECT_EQ(requirement.metric, c.metric) << c.text;
    EXPECT_NEAR(requirement.value, c.value, 1e-12) << c.text;
  }
}

TEST(Requirement, MoneyKeepsItsCurrencyAndTheTextIsTidied) {
  const Requirement requirement = ParsedRequirement("  cost_per_1000_predictions   <=  0.05 USD ");
  EXPECT_EQ(requirement.currency, "USD");
  EXPECT_DOUBLE_EQ(requirement.value, 0.05);
  EXPECT_EQ(requirement.text, "cost_per_1000_predictions <= 0.05 USD");
  EXPECT_EQ(requirement.Need(), "<= 0.05 USD");
}

TEST(Requirement, BoundsAreInclusiveAndNaNNeverHolds) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Requirement at_least = ParsedRequirement("roc_auc >= 0.68");
  EXPECT_TRUE(at_least.Holds(0.68));
  EXPECT_FALSE(at_least.Holds(std::nextafter(0.68, 0)));
  EXPECT_FALSE(at_least.Holds(nan));
  const Requirement at_most = ParsedRequirement("ece <= 0.06");
  EXPECT_TRUE(at_most.Holds(0.06));
  EXPECT_FALSE(at_most.Holds(std::nextafter(0.06, 1)));
  EXPECT_FALSE(at_most.Holds(nan));
  EXPECT_NEAR(at_most.Margin(0.05), 0.01, 1e-15);
  EXPECT_NEAR(at_least.Margin(0.66), -0.02, 1e-15);
}

TEST(Requirement, RefusalsNameTheRemedy) {
  const struct {
    std::string_view text;
    std::string_view says;
  } cases[] = {
      {"", "no requirement"},
      {"roc_auc", "no requirement"},
      {">= 0.5", "no requirement"},
      {"roc_auc >=", "no requirement"},
      {"roc_acu >= 0.5", "did you mean roc_auc?"},
      {"auRoc >= 0.5", "did you mean roc_auc?"},
      {"logLoss <= 0.5", "did you mean log_loss?"},
      {"qqqqqqqq >= 0.5", "known for binary_classification: roc_auc"},
      {"roc_auc > 0.5", "write roc_auc >= 0.5"},
      {"ece < 0.5", "write ece <= 0.5"},
      {"ece == 0.5", "not known"},
      {"roc_auc <= 0.5", "better when higher, and require states the healthy condition; write roc_auc >= 0.5"},
      {"ece >= 0.5", "better when lower, and require states the healthy condition; write ece <= 0.5"},
      {"roc_auc >= 68", "write 68% or 0.68"},
      {"roc_auc >= -0.1", "between 0 and 1"},
      {"roc_auc >= nan", "no share"},
      {"roc_auc >= inf", "no share"},
      {"latency <= 20", "write 20ms"},
      {"latency <= -5ms", "write 20ms"},
      {"log_loss <= nan", "no number"},
      {"throughput >= 500", "write it as 500/s"},
      {"cost_per_1000_predictions <= 5", "write it as 900 USD"},
      {"cost_per_1000_predictions <= 5 usd", "write it as 900 USD"},
      {"rmse <= 3", "cannot be computed for binary_classification; choose from roc_auc"},
  };
  for (const auto& c : cases)
    EXPECT_NE(RefusedRequirement(c.text).find(c.says), std::string::npos)
        << c.text << " -> " << RefusedRequirement(c.text);
}

TEST(Requirement, MetricsBelongToTheirProblem) {
  EXPECT_TRUE(ParseRequirement("rmse <= 3", Problem::kRegression).ok());
  EXPECT_NE(RefusedRequirement("roc_auc >= 0.5", Problem::kRegression).find("choose from rows, rmse, mae, r2"),
            std::string::npos);
  EXPECT_TRUE(ParseRequirement("macro_f1 >= 0.5", Problem::kMulticlassClassification).ok());
  EXPECT_TRUE(ParseRequirement("log_loss <= 0.5", Problem::kMulticlassClassification).ok());
  EXPECT_NE(RefusedRequirement("roc_auc >= 0.5", Problem::kMulticlassClassification).find("accuracy"),
            std::string::npos);
  EXPECT_NE(RefusedRequirement("macro_f1 >= 0.5").find("cannot be computed for binary_classification"),
            std::string::npos);
  EXPECT_EQ(ParseRequirement("mape <= 20%", Problem::kRegression)->value, 0.2);
  EXPECT_TRUE(ParseRequirement("latency <= 3ms", Problem::kRegression).ok());
}

TEST(Money, ReadsAndWrites) {
  EXPECT_EQ(*ParseMoney("900 USD"), (Money{900, "USD"}));
  EXPECT_EQ(*ParseMoneyPerHour("600 USD/h"), (Money{600, "USD"}));
  EXPECT_FALSE(ParseMoney("900").ok());
  EXPECT_FALSE(ParseMoney("-3 USD").ok());
  EXPECT_FALSE(ParseMoney("nan USD").ok());
  EXPECT_FALSE(ParseMoney("900 dollars").ok());
  EXPECT_FALSE(ParseMoneyPerHour("600 USD").ok());
  EXPECT_FALSE(ParseRate("5/w").ok());
  EXPECT_FALSE(ParseRate("/s").ok());
  EXPECT_EQ(FormatMoney(449812.4, "USD"), "449,812 USD");
  EXPECT_EQ(FormatMoney(12'345'678, "EUR"), "12.3 MEUR");
}

TEST(Metric, ValuesReadAsPeopleCompareThem) {
  const auto shown = [](std::string_view id, double value) { return FormatMetric(*FindMetric(id), value, "USD"); };
  EXPECT_EQ(shown("roc_auc", 0.71512), "0.715");
  EXPECT_EQ(shown("saving", 0.1494), "14.9 %");
  EXPECT_EQ(shown("error_rate", 0.0001), "0.01 %");
  EXPECT_EQ(shown("latency", 0.02), "20 ms");
  EXPECT_EQ(shown("model.age", 45 * 86400.0), "45 d");
  EXPECT_EQ(shown("weather.age", 5400), "90 min");
  EXPECT_EQ(shown("cost_per_1000_predictions", 0.05), "0.05 USD");
  EXPECT_EQ(shown("rows", 27662), "27,662");
  EXPECT_EQ(shown("roc_auc", std::nan("")), "undefined");
}

}  // namespace
}  // namespace mw::goals
