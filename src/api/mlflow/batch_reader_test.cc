// Batches read straight from their JSON: what is taken, and what is left to the reader that knows all forms.
#include "api/mlflow/batch_reader.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "api/mlflow/answers.h"
#include "base/text.h"

namespace mw::api::mlflow {
namespace {

TEST(BatchReader, TakesWhatClientsSend) {
  std::string body = R"( {"run_id": "r1", "metrics": [
      {"key": "val/loss", "value": 0.5, "timestamp": 1700000000000, "step": 3},
      {"key": "val/loss", "value": "NaN", "timestamp": 0},
      {"value": "-Infinity", "timestamp": 1, "key": "d\u00e9j\u00e0"},
      {"key": "n", "value": 7, "timestamp": 9223372036854775807, "step": -5}],
    "params": [{"key": "depth", "value": "6"}], "tags": [{"key": "note", "value": "a \"b\"\n"}]} )";
  const auto batch = ReadPlainBatch(body);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->run.text(), "r1");
  ASSERT_EQ(batch->metrics.size(), 4U);
  EXPECT_EQ(batch->metrics[0].key, "val/loss");
  EXPECT_TRUE(Same(batch->metrics[0].point, {1'700'000'000'000, 3, 0.5}));
  EXPECT_TRUE(Same(batch->metrics[1].point, {0, 0, std::nan("")}));
  EXPECT_EQ(batch->metrics[2].key, "d\xC3\xA9j\xC3\xA0");
  EXPECT_EQ(batch->metrics[2].point.value, -std::numeric_limits<double>::infinity()) << "bounded where it is kept";
  EXPECT_TRUE(Same(batch->metrics[3].point, {std::numeric_limits<std::int64_t>::max(), -5, 7}));
  EXPECT_EQ(batch->params.at(0).second, "6");
  EXPECT_EQ(batch->tags.at(0).second, "a \"b\"\n");
}

TEST(BatchReader, LeavesTheUnusualAlone) {
  const std::string metric = R"({"key":"a","value":1,"timestamp":1,"step":1})";
  const auto with = [](const std::string& metrics) { return Cat(R"({"run_id":"r","metrics":[)", metrics, "]}"); };
  std::string good = with(metric);
  ASSERT_TRUE(ReadPlainBatch(good));
  std::string many = metric;
  for (int i = 0; i < 1000; ++i) many += Cat(",", metric);
  const std::vector<std::string> bodies = {
      "",
      "[]",
      "{}",
      "null",
      "\"x\"",
      good + "{}",
      good.substr(0, good.size() - 1),
      good.substr(0, good.size() - 3),
      R"({"run_uuid":"r"})",
      R"({"run_id":"r","run_id":"r"})",
      R"({"run_id":"../x"})",
      R"({"run_id":"r","more":1})",
      R"({"run_id":"r","metrics":{}})",
      R"({"run_id":"r","metrics":[1]})",
      with(many),
      with(R"({"key":"a","value":1})"),
      with(R"({"key":"a","timestamp":1})"),
      with(R"({"value":1,"timestamp":1})"),
      with(R"({"key":"a","value":1,"timestamp":-1})"),
      with(R"({"key":"a","value":1,"timestamp":"1"})"),
      with(R"({"key":"a","value":1,"timestamp":1.5})"),
      with(R"({"key":"a","value":null,"timestamp":1})"),
      with(R"({"key":"a","value":"x","timestamp":1})"),
      with(R"({"key":"../a","value":1,"timestamp":1})"),
      with(R"({"key":"","value":1,"timestamp":1})"),
      with(R"({"key":"a","key":"a","value":1,"timestamp":1})"),
      with(R"({"key":"a","value":1,"timestamp":1,"model_id":7})"),
      with("{\"key\":\"\xFF\",\"value\":1,\"timestamp\":1}"),
      R"({"run_id":"r","params":[{"key":"a","value":"1"},{"key":"a","value":"1"}]})",
      R"({"run_id":"r","params":[{"key":"a"}]})",
      R"({"run_id":"r","tags":[{"key":"a","value":1}]})"};
  for (std::string body : bodies) EXPECT_FALSE(ReadPlainBatch(body)) << body.substr(0, 200);
}

TEST(Answers, ARunAsTextIsTheRunAsJson) {
  tracking::RunDetails run;
  run.run.id = tracking::RunId("r\"1");
  std::string bare;
  AppendRun(bare, run);
  EXPECT_EQ(bare, RunJson(run).Dump());
  run.run.ended = 7;
  run.latest = {{"a\\b", {1, 2, 0.1}}, {"b", {3, -4, std::nan("")}}, {"c", {5, 6, 3}}};
  run.tags = {{"t", "\xE2\x82\xAC\n"}, {"u", ""}};
  std::string text;
  AppendRun(text, run);
  EXPECT_EQ(text, RunJson(run).Dump());
}

}  // namespace
}  // namespace mw::api::mlflow
