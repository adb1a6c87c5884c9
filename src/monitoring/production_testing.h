// For tests: a goal, and windows of production whose truth is known.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/text.h"
#include "monitoring/production.h"

namespace mw::monitoring {

inline goals::Goal TestGoal(std::string_view window = "month") {
  const std::string text = Cat(R"yaml(goal: late
outcome: Nobody waits.
owner: desk
timezone: America/New_York
predict: {label: came_late, threshold: 0.20}
labels: {known_at: due + 15m, expected: 96%}
kpi: {name: saving, require: saving >= 10%, costs: {missed: 900 USD, flagged: 180 USD}}
defaults: {window: )yaml",
                               window, R"yaml(, slices: [place]}
targets:
  - {name: ranking, priority: 1, require: roc_auc >= 0.68, cost_of_miss: 600 USD/h}
  - {name: calibration, priority: 1, require: ece <= 0.06, cost_of_miss: 600 USD/h}
  - {name: speed, priority: 1, require: latency <= 20ms, objective: 99%, peak: 500/s, cost_of_miss: 1000 USD/h,
     calendar: Mon-Sun 04:00-24:00 America/New_York}
  - {name: report-age, priority: 2, require: report.age <= 90m, objective: 99%}
  - {name: model-age, require: model.age <= 45d}
  - {name: spend, require: cost_per_1000_predictions <= 0.05 USD}
)yaml");
  auto goal = goals::ParseGoal(text, "goal.yaml");
  EXPECT_TRUE(goal.ok()) << (goal.ok() ? "" : goal.error().message);
  return goal.ok() ? *std::move(goal) : goals::Goal{};
}

inline VersionFacts TestFacts(std::int64_t version = 1) {
  VersionFacts facts;
  facts.version = version;
  facts.trained_until = *ParseTime("2013-04-17T00:00:00Z");
  facts.training.positive_share = 0.2;
  schema::Column place, age;
  place.name = "place";
  place.type = schema::ColumnType::kCategory;
  place.vocabulary = {"north", "east", "south"};
  age.name = "report_age_minutes";
  facts.schema.columns = {place, age};
  facts.pipeline = "late-training";
  facts.params = {{"train_from", "2013-01-01"}, {"train_until", "2013-04-01"}, {"evaluate_until", "2013-05-01"}};
  return facts;
}

struct TestRows {
  std::size_t rows = 1000;
  double labelled = 1;  ///< share of the rows that have one
  double shift = 0;     ///< added to the true chance, unseen by the model
  std::uint64_t seed = 5;
};

/// July 2013 in New York: a row's chance is spread over 0 to 0.5, the model knows it but for `shift`.
inline ProductionInput TestWindow(const TestRows& options, std::string_view from = "2013-07-01T04:00:00Z",
                                  std::string_view until = "2013-08-01T04:00:00Z", std::string label = "Jul 2013") {
  static const std::vector<VersionFacts> kVersions = {TestFacts()};
  ProductionInput input;
  input.window = {*ParseTime(from), *ParseTime(until), std::move(label)};
  input.seen_until = input.window.until;
  input.versions = &kVersions;
  input.rows.feature_names = {"place", "report_age_minutes"};
  Random random(options.seed);
  const std::int64_t length = (input.window.until - input.window.from).count();
  for (std::size_t row = 0; row < options.rows; ++row) {
    const double chance = 0.5 * random.Uniform() * random.Uniform() + (random.Uniform() < 0.1 ? 0.5 : 0);
    const auto part = static_cast<std::int64_t>(row) * length / static_cast<std::int64_t>(options.rows);
    input.rows.ids.push_back(Cat("p", row));
    input.rows.versions.push_back(1);
    input.rows.event_times_us.push_back(ToMicros(input.window.from) + part);
    input.rows.predictions.push_back(static_cast<float>(chance));
    const bool known = static_cast<double>(row % 100) < options.labelled * 100;
    const bool positive = random.Uniform() < std::min(chance + options.shift, 1.0);
    input.rows.labels.push_back(known ? (positive ? 1 : 0) : std::nan(""));
    input.rows.delays_us.push_back(known ? 900'000'000 : predictions::kNoDelay);
    input.rows.weights.push_back(1);
    input.rows.features.push_back(static_cast<float>(random.Below(3)));
    input.rows.features.push_back(30);
  }
  const auto hours = options.rows == 0 ? 0 : (input.window.until - input.window.from) / std::chrono::hours(1);
  for (std::int64_t hour = 0; hour < hours; ++hour) {
    predictions::WindowSummary summary;
    summary.version = 1;
    summary.window_start = input.window.from + std::chrono::hours(hour);
    summary.window_length = std::chrono::hours(1);
    summary.rows = static_cast<std::int64_t>(options.rows) * (hour + 1) / hours -
                   static_cast<std::int64_t>(options.rows) * hour / hours;
    summary.requests = summary.rows;
    summary.latency.Add(std::chrono::milliseconds(1), static_cast<std::uint64_t>(summary.rows));
    input.hours.push_back(summary);
  }
  return input;
}

inline MeasuredWindow Measured(const goals::Goal& goal, const ProductionInput& input) {
  auto measured = MeasureWindow(goal, input);
  EXPECT_TRUE(measured.ok()) << (measured.ok() ? "" : measured.error().ToString());
  return measured.ok() ? *std::move(measured) : MeasuredWindow{};
}

}  // namespace mw::monitoring
