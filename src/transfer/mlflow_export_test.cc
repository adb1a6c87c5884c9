// What is exported is read again as it was; what MLflow's tables have no room for is in the report.
#include "transfer/mlflow_export.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/text.h"
#include "db/temporary_database.h"
#include "tracking/set_digest.h"
#include "transfer/mlflow_database.h"
#include "transfer/recorded_sink.h"

namespace mw::transfer {
namespace {

constexpr std::string_view kRun =
    R"({"info":{"run_id":"aa","experiment_id":"1","run_name":"one","user_id":"ada","status":"FINISHED",)"
    R"("lifecycle_stage":"active","start_time":10,"end_time":20,"artifact_uri":"s3://b/1/aa/artifacts",)"
    R"("source_name":"training"},"data":{"params":[{"key":"depth","value":"6"}],"tags":[{"key":"a","value":"b"}],)"
    R"("metrics":[{"key":"auc","value":"nan","timestamp":5,"step":1}]},)"
    R"("inputs":{"dataset_inputs":[{"dataset":{"name":"table","digest":"abc","source_type":"local","source":"{}",)"
    R"("profile":"{}"},"tags":[{"key":"mlflow.data.context","value":"training"}]}],)"
    R"("model_inputs":[{"model_id":"m-0"}]},"outputs":{"model_outputs":[{"model_id":"m-1","step":7}]}})";
constexpr std::string_view kModel =
    R"({"info":{"model_id":"m-1","experiment_id":"1","name":"churner","artifact_uri":"s3://b/1/models/m-1/artifacts",)"
    R"("lifecycle_stage":"deleted","model_type":"forest","source_run_id":"aa","status_message":"no space",)"
    R"("creation_timestamp_ms":10,"last_updated_timestamp_ms":20,"status":"LOGGED_MODEL_UPLOAD_FAILED",)"
    R"("tags":[{"key":"kept","value":"yes"}]},"data":{"params":[{"key":"p","value":"1"}]}})";

ModelMetric Measured(double value, std::int64_t step, std::string dataset) {
  std::string digest = dataset.empty() ? "" : "abc";
  return {"auc", {5, step, value}, "aa", std::move(dataset), std::move(digest)};
}

class ExportTest : public ::testing::Test {
 protected:
  /// Exports this run and this model, and reads what came of it.
  RecordedSink There(const Json& run, const Json& model, const std::vector<ModelMetric>& metrics) {
    auto target = MlflowExport::Begin(directory_.path(), nullptr, report_);
    EXPECT_TRUE(target.ok()) << target.error().ToString();
    MlflowExport& sink = **target;
    const std::vector<Point> points = {{5, 1, std::nan("")}, {6, 2, 0.5}};
    EXPECT_TRUE(sink.Experiments({Json::Make({{"experiment_id", "1"}, {"name", "churn"}})}).ok());
    EXPECT_TRUE(sink.BeginRuns({run}).ok() && sink.Points("aa", "auc", points).ok() && sink.EndRuns().ok());
    EXPECT_TRUE(sink.BeginModels({model}).ok() && sink.ModelMetrics("m-1", metrics).ok() && sink.EndModels().ok());
    EXPECT_TRUE(sink.Finish().ok());
    RecordedSink read;
    const auto database = MlflowDatabase::Open(Cat(directory_.path(), "/mlflow.db"));
    EXPECT_TRUE(database.ok() && (*database)->Send({}, read).ok());
    return read;
  }
  db::TemporaryDirectory directory_;
  Report report_{"here", "there"};
};

TEST_F(ExportTest, RunsAndModelsComeBackAsTheyWere) {
  const std::vector<ModelMetric> metrics = {Measured(std::nan(""), 1, ""), Measured(0, 2, "table"),
                                            Measured(0.5, 3, "table")};
  const Json told_run = *Json::Parse(kRun), told_model = *Json::Parse(kModel);
  const RecordedSink read = There(told_run, told_model, metrics);
  ASSERT_TRUE(read.runs.size() == 1 && read.models.size() == 1);
  const Json &run = read.runs[0], &model = read.models[0];
  for (const char* member : {"info", "inputs", "outputs"}) {
    for (const auto& [key, value] : told_run.Find(member)->AsObject()) {
      const Json* found = run.Find(member)->Find(key);
      ASSERT_NE(found, nullptr) << key;
      EXPECT_EQ(found->Dump(), value.Dump()) << key;
    }
  }
  for (const char* member : {"info", "data"}) {
    for (const auto& [key, value] : told_model.Find(member)->AsObject()) {
      const Json* found = model.Find(member)->Find(key);
      ASSERT_NE(found, nullptr) << key;
      EXPECT_EQ(found->Dump(), value.Dump()) << key;
    }
  }
  std::set<std::string> told, here;
  for (const ModelMetric& metric : metrics) told.insert(tracking::ModelMetricMember(metric));
  for (const ModelMetric& metric : read.metrics.at("m-1")) here.insert(tracking::ModelMetricMember(metric));
  EXPECT_EQ(here, told) << "NaN of a model is found in the run's history, and 0 stays 0";
  EXPECT_TRUE(report_.whole());
  EXPECT_EQ(report_.count("model metric", "exported"), 3);
  EXPECT_EQ(report_.count("model output", "exported"), 1);
}

TEST_F(ExportTest, WhatMlflowHasNoRoomForIsListed) {
  Json run = *Json::Parse(kRun);
  run["outputs"]["model_outputs"].Append(*Json::Parse(R"({"model_id":"m-1","step":8})"));
  ModelMetric elsewhere = Measured(1, 9, "");
  elsewhere.run = "gone";
  const RecordedSink read = There(run, *Json::Parse(kModel), {Measured(1, 3, "a"), Measured(2, 3, "b"), elsewhere});
  EXPECT_EQ(read.metrics.at("m-1").size(), 1U);
  EXPECT_FALSE(report_.whole());
  EXPECT_EQ(report_.count("model output", "skipped"), 1);
  EXPECT_EQ(report_.count("model metric", "skipped"), 2);
  const std::string text = report_.ToText(1);
  EXPECT_NE(text.find("keep one step of a model that a run makes, not step 8 too"), std::string::npos) << text;
  EXPECT_NE(text.find("its run gone is not exported"), std::string::npos) << text;
}

}  // namespace
}  // namespace mw::transfer
