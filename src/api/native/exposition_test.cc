// What a registry exposes is read back: counters, histograms and reasons, by version of one endpoint.
#include "api/native/exposition.h"

#include <gtest/gtest.h>

#include "base/metrics.h"

namespace mw::api::native {
namespace {

Labels Of(const std::string& model, const std::string& version) { return {{"model", model}, {"version", version}}; }

TEST(Exposition, WhatARegistryExposesIsReadBack) {
  MetricsRegistry metrics;
  metrics.AddCounter("millwright_inference_requests_total", "Requests.", Of("late", "1")).Add(7);
  metrics.AddCounter("millwright_inference_requests_total", "Requests.", Of("late", "2")).Add(5);
  metrics.AddCounter("millwright_inference_requests_total", "Requests.", Of("other", "1")).Add(99);
  metrics.AddCounter("millwright_inference_unknown_model_total", "No label.").Add(3);
  Labels reason = Of("late", "2");
  reason.emplace_back("reason", "queue_full");
  metrics.AddCounter("millwright_inference_rejections_total", "Rejections.", reason).Add(4);
  Histogram& total = metrics.AddHistogram("millwright_inference_seconds", "Time.", {0.1, 1, 10}, Of("late", "2"));
  for (const double value : {0.05, 0.5, 0.6, 20.0}) total.Observe(value);
  Labels stage = Of("late", "2");
  stage.emplace_back("stage", "queue");
  metrics.AddHistogram("millwright_inference_stage_seconds", "Time.", {0.1, 1}, stage).Observe(0.2);
  metrics.AddHistogram("millwright_inference_batch_rows", "Rows.", {1, 2}, Of("late", "2")).Observe(2);

  const EndpointReading reading = ReadExposition(metrics.Expose(), "late");
  ASSERT_EQ(reading.size(), 2U);
  EXPECT_EQ(reading.at("1").counters.at("requests"), 7);
  const VersionReading& second = reading.at("2");
  EXPECT_EQ(second.counters.at("requests"), 5);
  EXPECT_EQ(second.rejections.at("queue_full"), 4);
  EXPECT_EQ(second.stages.at("total").bounds, (std::vector<double>{0.1, 1, 10}));
  EXPECT_EQ(second.stages.at("total").counts, (std::vector<double>{1, 2, 0, 1}));
  EXPECT_DOUBLE_EQ(second.stages.at("total").sum, 21.15);
  EXPECT_EQ(second.stages.at("queue").counts, (std::vector<double>{0, 1, 0}));
  EXPECT_EQ(second.batch_rows.counts, (std::vector<double>{0, 1, 0}));
}

TEST(Exposition, NamesMayHoldWhateverLabelsMay) {
  MetricsRegistry metrics;
  const std::string name = "a\"b\\c\nd,e}f";
  metrics.AddCounter("millwright_inference_requests_total", "Requests.", Of(name, "1")).Add(7);
  const EndpointReading reading = ReadExposition(metrics.Expose(), name);
  ASSERT_EQ(reading.size(), 1U);
  EXPECT_EQ(reading.at("1").counters.at("requests"), 7);
}

TEST(Exposition, WhatIsNoSampleIsPassedOver) {
  const std::string text =
      "millwright_inference_requests_total{model=\"late\",version=\"1\"} 3\n"
      "millwright_inference_requests_total{model=\"late\",version=\"1\"\n"
      "millwright_inference_requests_total{model=\"late\",version=\"1\"} many\n"
      "millwright_inference_requests_total{model=\"late\",version=\"1\"} +Inf\n"
      "millwright_inference_requests_total{model=\"late\",version=\"1\"} -1\n"
      "millwright_inference_requests_total{model=\"late\",version=\"1\"} 1e300\n"
      "millwright_inference_requests_total{model=\"late\n"
      "millwright_inference_\n"
      "millwright_inference_rows_total{model=\"late\",version=\"1\"} 4 1700000000\n"
      "something_else{model=\"late\",version=\"1\"} 5\n";
  const EndpointReading reading = ReadExposition(text, "late");
  ASSERT_EQ(reading.size(), 1U);
  EXPECT_EQ(reading.at("1").counters, (std::map<std::string, double>{{"requests", 3}, {"rows", 4}}));
}

TEST(Exposition, ServersAreAddedUp) {
  HistogramReading a{{1, 2}, {1, 2, 3}, 10};
  a.Merge({{1, 2}, {1, 1, 1}, 5});
  EXPECT_EQ(a.counts, (std::vector<double>{2, 3, 4}));
  EXPECT_EQ(a.sum, 15);
  a.Merge({{1, 3}, {9, 9, 9}, 5});
  EXPECT_EQ(a.counts, (std::vector<double>{2, 3, 4})) << "of other bounds, so of another version of the program";
  HistogramReading none;
  none.Merge(a);
  EXPECT_EQ(none.counts, a.counts);
}

}  // namespace
}  // namespace mw::api::native
