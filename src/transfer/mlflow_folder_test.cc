// The file store's own forms: what was measured of models, and inputs whose datasets are gone.
#include "transfer/mlflow_folder.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/file.h"
#include "base/text.h"
#include "db/temporary_database.h"
#include "transfer/mlflow_run.h"
#include "transfer/recorded_sink.h"

namespace mw::transfer {
namespace {

TEST(ModelMetricFile, IsReadLineByLine) {
  const auto metrics =
      ParseModelMetricFile("auc", "5 0.5 1 r1\n5 0.5 1 r1\n6 nan 2 r1 a table d1\n7 inf 0 r2 b d2\n\n");
  ASSERT_TRUE(metrics.ok()) << metrics.error().ToString();
  ASSERT_EQ(metrics->size(), 3U) << "each once";
  EXPECT_EQ(metrics->at(0).key, "auc");
  EXPECT_EQ(metrics->at(0).point.step, 1);
  EXPECT_EQ(metrics->at(0).run, "r1");
  EXPECT_EQ(metrics->at(0).dataset_name, "");
  EXPECT_TRUE(std::isnan(metrics->at(1).point.value));
  EXPECT_EQ(metrics->at(1).dataset_name, "a table");
  EXPECT_EQ(metrics->at(1).dataset_digest, "d1");
  EXPECT_GT(metrics->at(2).point.value, 1e308);
  for (const char* bad : {"5 0.5 1", "x 0.5 1 r1", "5 0.5 1 r1 table", "5 y 1 r1"}) {
    EXPECT_FALSE(ParseModelMetricFile("auc", bad).ok()) << bad;
  }
}

class FolderTest : public ::testing::Test {
 protected:
  void Put(const std::string& path, const std::string& text) {
    const std::string whole = Cat(directory_.path(), "/", path);
    ASSERT_TRUE(MakeDirectories(whole.substr(0, whole.rfind('/'))).ok());
    ASSERT_TRUE(WriteFileDurably(whole, text).ok());
  }
  db::TemporaryDirectory directory_;
};

TEST_F(FolderTest, ModelsAndInputsAreTold) {
  Put("1/meta.yaml", "name: churn\nartifact_location: /there\nlifecycle_stage: active\n");
  Put("1/aa/meta.yaml", "run_id: aa\nstatus: 3\nlifecycle_stage: active\nstart_time: 5\n");
  Put("1/aa/inputs/x/meta.yaml", "source_type: DATASET\nsource_id: d\ntags: {mlflow.data.context: training}\n");
  Put("1/aa/inputs/y/meta.yaml", "source_type: DATASET\nsource_id: gone\ntags: {}\n");
  Put("1/aa/inputs/z/meta.yaml", "source_type: MODEL\nsource_id: m-0\ntags: {}\n");
  Put("1/aa/outputs/m-1/meta.yaml", "source_type: RUN_OUTPUT\nsource_id: m-1\ndestination_id: m-1\nstep: 3\n");
  Put("1/datasets/d/meta.yaml", "name: table\ndigest: '12'\nsource_type: local\nsource: '{}'\nprofile: '{}'\n");
  Put("1/models/m-1/meta.yaml",
      "model_id: m-1\nexperiment_id: '1'\nname: churner\nartifact_location: /there/m-1\nstatus: 2\n"
      "creation_timestamp: 10\nlast_updated_timestamp: 20\nlifecycle_stage: active\nsource_run_id: aa\n");
  Put("1/models/m-1/params/p", "1");
  Put("1/models/m-1/tags/kept", "yes");
  Put("1/models/m-1/metrics/val/auc", "5 0.5 1 aa a table d1\n");
  Put("1/models/m-1/metrics/bad", "5 0.5\n");
  RecordedSink sink;
  const auto folder = MlflowFolder::Open(directory_.path());
  ASSERT_TRUE(folder.ok() && (*folder)->Send({}, sink).ok());
  ASSERT_EQ(sink.runs.size(), 1U);
  EXPECT_EQ(sink.runs[0].Find("inputs")->Dump(),
            R"({"dataset_inputs":[{"dataset":{"name":"table","digest":"12","source_type":"local","source":"{}",)"
            R"("profile":"{}"},"tags":[{"key":"mlflow.data.context","value":"training"}]}],)"
            R"("model_inputs":[{"model_id":"m-0"}]})");
  EXPECT_EQ(sink.runs[0].Find("outputs")->Dump(), R"({"model_outputs":[{"model_id":"m-1","step":3}]})");
  ASSERT_EQ(sink.models.size(), 1U);
  EXPECT_EQ(sink.models[0].Find("info")->StringOr("status", ""), "LOGGED_MODEL_READY");
  EXPECT_EQ(sink.models[0].Find("data")->Dump(), R"({"params":[{"key":"p","value":"1"}]})");
  ASSERT_EQ(sink.metrics.at("m-1").size(), 1U);
  EXPECT_EQ(sink.metrics.at("m-1")[0].key, "val/auc");
  ASSERT_EQ(sink.skipped.size(), 2U) << "the run is there without the dataset, the model without the metric";
  EXPECT_TRUE(sink.skipped[0].starts_with("dataset input aa gone: "));
  EXPECT_TRUE(sink.skipped[1].starts_with("model metric m-1 bad: "));
}

}  // namespace
}  // namespace mw::transfer
