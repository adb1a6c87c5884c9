// Databases of older versions of MLflow, in both kinds of database: columns that they lack are left out.
#include "transfer/mlflow_database.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/text.h"
#include "db/temporary_database.h"
#include "transfer/mlflow_run.h"
#include "transfer/mlflow_schema_store.h"
#include "transfer/recorded_sink.h"

namespace mw::transfer {
namespace {

/// As MLflow 1.20 had them.
constexpr std::string_view kOldTables = R"sql(
CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name VARCHAR(256), artifact_location VARCHAR(256),
  lifecycle_stage VARCHAR(32));
CREATE TABLE experiment_tags (key VARCHAR(250), value VARCHAR(5000), experiment_id INTEGER);
CREATE TABLE runs (run_uuid VARCHAR(32) PRIMARY KEY, name VARCHAR(250), user_id VARCHAR(256), status VARCHAR(9),
  start_time BIGINT, end_time BIGINT, lifecycle_stage VARCHAR(20), artifact_uri VARCHAR(200), experiment_id INTEGER);
CREATE TABLE metrics (key VARCHAR(250), value DOUBLE PRECISION, timestamp BIGINT, run_uuid VARCHAR(32), step BIGINT,
  is_nan BOOLEAN);
CREATE TABLE params (key VARCHAR(250), value VARCHAR(250), run_uuid VARCHAR(32));
CREATE TABLE tags (key VARCHAR(250), value VARCHAR(5000), run_uuid VARCHAR(32));
INSERT INTO experiments VALUES (0, 'Default', './mlruns/0', 'active'), (4, 'it''s', 's3://b/4', 'deleted');
INSERT INTO experiment_tags VALUES ('team', 'growth', 4);
INSERT INTO runs VALUES ('aa', 'one', 'ada', 'FINISHED', 10, 20, 'active', './mlruns/0/aa/artifacts', 0);
INSERT INTO runs VALUES ('bb', 'two', NULL, 'RUNNING', 11, NULL, 'deleted', 's3://b/4/bb/artifacts', 4);
INSERT INTO params VALUES ('depth', '6', 'aa');
INSERT INTO tags VALUES ('mlflow.runName', 'one', 'aa');
INSERT INTO metrics VALUES ('loss', 0.5, 100, 'aa', 0, FALSE), ('loss', 0, 101, 'aa', 1, TRUE),
  ('acc', 0.25, 100, 'aa', -3, FALSE), ('loss', 7, 1, 'bb', 0, FALSE);
)sql";

/// Besides, as MLflow 3 has them.
constexpr std::string_view kModelTables = R"sql(
CREATE TABLE inputs (input_uuid VARCHAR(36), source_type VARCHAR(36), source_id VARCHAR(36),
  destination_type VARCHAR(36), destination_id VARCHAR(36), step BIGINT DEFAULT 0 NOT NULL);
CREATE TABLE input_tags (input_uuid VARCHAR(36), name VARCHAR(255), value VARCHAR(500));
CREATE TABLE datasets (dataset_uuid VARCHAR(36), experiment_id INTEGER, name VARCHAR(500), digest VARCHAR(36),
  dataset_source_type VARCHAR(36), dataset_source TEXT, dataset_schema TEXT, dataset_profile TEXT);
CREATE TABLE logged_models (model_id VARCHAR(36), experiment_id INTEGER, name VARCHAR(500),
  artifact_location VARCHAR(1000), creation_timestamp_ms BIGINT, last_updated_timestamp_ms BIGINT, status INTEGER,
  lifecycle_stage VARCHAR(32), model_type VARCHAR(500), source_run_id VARCHAR(32), status_message VARCHAR(1000));
CREATE TABLE logged_model_metrics (model_id VARCHAR(36), metric_name VARCHAR(500), metric_timestamp_ms BIGINT,
  metric_step BIGINT, metric_value DOUBLE PRECISION, experiment_id INTEGER, run_id VARCHAR(32),
  dataset_uuid VARCHAR(36), dataset_name VARCHAR(500), dataset_digest VARCHAR(36));
CREATE TABLE logged_model_params (model_id VARCHAR(36), experiment_id INTEGER, param_key VARCHAR(255),
  param_value TEXT);
CREATE TABLE logged_model_tags (model_id VARCHAR(36), experiment_id INTEGER, tag_key VARCHAR(255), tag_value TEXT);
INSERT INTO datasets VALUES ('d', 0, 'table', 'abc', 'local', '{"path":"x"}', NULL, '{"num_rows":2}');
INSERT INTO inputs VALUES ('i1', 'DATASET', 'd', 'RUN', 'aa', 0), ('i2', 'RUN_INPUT', 'aa', 'MODEL_INPUT', 'm-0', 0),
  ('i3', 'RUN_OUTPUT', 'aa', 'MODEL_OUTPUT', 'm-1', 7), ('i4', 'DATASET', 'd', 'RUN', 'bb', 0);
INSERT INTO input_tags VALUES ('i1', 'mlflow.data.context', 'training');
INSERT INTO logged_models VALUES ('m-1', 0, 'churner', '/there/m-1', 10, 20, 2, 'active', 'forest', 'aa', NULL),
  ('m-2', 4, 'other', 's3://b/m-2', 11, 21, 3, 'deleted', NULL, NULL, 'no space');
INSERT INTO logged_model_metrics VALUES ('m-1', 'loss', 100, 0, 0.5, 0, 'aa', 'd', 'table', 'abc'),
  ('m-1', 'loss', 101, 1, 0, 0, 'aa', NULL, NULL, NULL), ('m-1', 'zero', 101, 1, 0, 0, 'aa', NULL, NULL, NULL);
INSERT INTO logged_model_params VALUES ('m-1', 0, 'p', '1');
INSERT INTO logged_model_tags VALUES ('m-1', 0, 'kept', 'yes');
)sql";

class SqliteTables {
 public:
  SqliteTables() : path_(Cat(directory_.path(), "/mlflow.db")) {
    auto database = db::ForeignDatabase::Create(path_);
    EXPECT_TRUE(database.ok() && (*database)->RunScript(kOldTables).ok() && (*database)->Commit().ok());
  }
  void AddModelTables() {
    path_ = Cat(directory_.path(), "/models.db");
    auto database = db::ForeignDatabase::Create(path_);
    EXPECT_TRUE(database.ok() && (*database)->RunScript(kOldTables).ok());
    EXPECT_TRUE((*database)->RunScript(kModelTables).ok() && (*database)->Commit().ok());
  }
  [[nodiscard]] std::string url() const { return Cat("sqlite:///", path_); }

 private:
  db::TemporaryDirectory directory_;
  std::string path_;
};

class PostgresTables {
 public:
  PostgresTables() : schema_(Cat("test_", NewIdText(RealClock()))) {
    db::TemporaryPostgres::RunOnServer(
        Cat("CREATE SCHEMA ", schema_, "; SET search_path = ", schema_, ";", kOldTables));
  }
  void AddModelTables() { db::TemporaryPostgres::RunOnServer(Cat("SET search_path = ", schema_, ";", kModelTables)); }
  ~PostgresTables() { db::TemporaryPostgres::RunOnServer(Cat("DROP SCHEMA ", schema_, " CASCADE")); }
  PostgresTables(const PostgresTables&) = delete;
  PostgresTables& operator=(const PostgresTables&) = delete;
  /// As SQLAlchemy has it.
  [[nodiscard]] std::string url() const {
    const std::string server = db::TemporaryPostgres::server();
    std::string url = Cat("postgresql+psycopg2:///?options=-csearch_path%3D", schema_);
    for (const std::string_view pair : Split(server, ' ')) CatTo(url, "&", pair);
    return url;
  }

 private:
  std::string schema_;
};

template <typename Tables>
class MlflowDatabaseTest : public ::testing::Test {
 protected:
  RecordedSink Send(const Selection& selection = {}) {
    RecordedSink sink;
    const auto database = MlflowDatabase::Open(tables_.url());
    EXPECT_TRUE(database.ok()) << database.error().ToString();
    const Status sent = (*database)->Send(selection, sink);
    EXPECT_TRUE(sent.ok()) << sent.error().ToString();
    return sink;
  }
  Tables tables_;
};
using Kinds = ::testing::Types<SqliteTables, PostgresTables>;
TYPED_TEST_SUITE(MlflowDatabaseTest, Kinds);

TYPED_TEST(MlflowDatabaseTest, AnOldDatabaseIsRead) {
  const RecordedSink sink = this->Send();
  ASSERT_EQ(sink.experiments.size(), 2U);
  EXPECT_EQ(sink.experiments[1].Dump(),
            R"({"experiment_id":"4","name":"it's","artifact_location":"s3://b/4","lifecycle_stage":"deleted",)"
            R"("tags":[{"key":"team","value":"growth"}]})");
  ASSERT_EQ(sink.runs.size(), 2U);
  EXPECT_EQ(sink.runs[0].Find("info")->Dump(),
            R"({"run_id":"aa","experiment_id":"0","run_name":"one","user_id":"ada","status":"FINISHED",)"
            R"("lifecycle_stage":"active","start_time":10,"end_time":20,"artifact_uri":"./mlruns/0/aa/artifacts"})");
  EXPECT_EQ(sink.runs[0].Find("data")->Find("params")->Dump(), R"([{"key":"depth","value":"6"}])");
  EXPECT_EQ(sink.runs[1].Find("info")->Find("end_time"), nullptr);
  ASSERT_EQ(sink.points.at({"aa", "loss"}).size(), 2U);
  EXPECT_TRUE(std::isnan(sink.points.at({"aa", "loss"})[1].value));
  EXPECT_EQ(sink.points.at({"aa", "acc"})[0].step, -3);
  EXPECT_TRUE(sink.registered.empty() && sink.models.empty() && sink.skipped.empty());
}

TYPED_TEST(MlflowDatabaseTest, WhatRunsReadAndMadeIsTold) {
  this->tables_.AddModelTables();
  const RecordedSink sink = this->Send();
  ASSERT_EQ(sink.runs.size(), 2U);
  EXPECT_EQ(sink.runs[0].Find("inputs")->Dump(),
            R"({"dataset_inputs":[{"dataset":{"name":"table","digest":"abc","source_type":"local",)"
            R"("source":"{\"path\":\"x\"}","profile":"{\"num_rows\":2}"},)"
            R"("tags":[{"key":"mlflow.data.context","value":"training"}]}],"model_inputs":[{"model_id":"m-0"}]})");
  EXPECT_EQ(sink.runs[0].Find("outputs")->Dump(), R"({"model_outputs":[{"model_id":"m-1","step":7}]})");
  EXPECT_EQ(ListIn(sink.runs[1].Find("inputs"), "dataset_inputs").size(), 1U);
  EXPECT_EQ(ListIn(sink.runs[1].Find("inputs"), "model_inputs").size(), 0U);
  EXPECT_NE(sink.runs[0].StringOr("fingerprint", ""), sink.runs[1].StringOr("fingerprint", ""));
}

TYPED_TEST(MlflowDatabaseTest, LoggedModelsAreTold) {
  this->tables_.AddModelTables();
  const RecordedSink sink = this->Send();
  ASSERT_EQ(sink.models.size(), 2U);
  EXPECT_EQ(sink.models[0].Find("info")->Dump(),
            R"({"model_id":"m-1","experiment_id":"0","name":"churner","artifact_uri":"/there/m-1",)"
            R"("lifecycle_stage":"active","model_type":"forest","source_run_id":"aa","creation_timestamp_ms":10,)"
            R"("last_updated_timestamp_ms":20,"status":"LOGGED_MODEL_READY","tags":[{"key":"kept","value":"yes"}]})");
  EXPECT_EQ(sink.models[0].Find("data")->Dump(), R"({"params":[{"key":"p","value":"1"}]})");
  EXPECT_EQ(sink.models[1].Find("info")->StringOr("status", ""), "LOGGED_MODEL_UPLOAD_FAILED");
  EXPECT_EQ(sink.models[1].Find("info")->StringOr("status_message", ""), "no space");
  EXPECT_EQ(sink.models[1].Find("info")->StringOr("lifecycle_stage", ""), "deleted");
  ASSERT_EQ(sink.metrics.size(), 1U);
  const std::vector<ModelMetric>& metrics = sink.metrics.at("m-1");
  ASSERT_EQ(metrics.size(), 3U);
  for (const ModelMetric& metric : metrics) {
    EXPECT_EQ(metric.run, "aa");
    EXPECT_EQ(metric.dataset_name, metric.point.step == 0 ? "table" : "");
    // 0 in the table: the run's own history says which is none.
    EXPECT_EQ(std::isnan(metric.point.value), metric.key == "loss" && metric.point.step == 1) << metric.key;
  }
}

TYPED_TEST(MlflowDatabaseTest, OneExperimentByItsName) {
  const RecordedSink sink = this->Send(Selection{{"it's"}});
  ASSERT_EQ(sink.runs.size(), 1U);
  EXPECT_EQ(sink.runs[0].Find("info")->StringOr("run_id", ""), "bb");
  EXPECT_EQ(sink.points.size(), 1U);
}

TEST(MlflowDatabase, ItsNameHasNoSecrets) {
  const std::string server = db::TemporaryPostgres::server();
  std::string url = "postgresql://?password=s3cret&application_name=a%40b";
  for (const std::string_view pair : Split(server, ' ')) CatTo(url, "&", pair);
  const auto refused = MlflowDatabase::Open(url);
  ASSERT_FALSE(refused.ok()) << "it has no tables";
  EXPECT_NE(refused.error().message.find("application_name=a%40b"), std::string::npos) << refused.error().message;
  EXPECT_EQ(refused.error().message.find("s3cret"), std::string::npos) << refused.error().message;
}

TEST(MlflowDatabase, WhatIsNoneIsRefused) {
  const db::TemporaryDirectory directory;
  const std::string path = Cat(directory.path(), "/other.db");
  auto other = db::ForeignDatabase::Create(path);
  ASSERT_TRUE(other.ok() && (*other)->RunScript("CREATE TABLE t (a INTEGER)").ok() && (*other)->Commit().ok());
  other->reset();
  EXPECT_NE(MlflowDatabase::Open(path).error().message.find("it has no table experiments"), std::string::npos);
  EXPECT_EQ(MlflowDatabase::Open("mysql://h/d").error().code, Code::kInvalidArgument);
  EXPECT_EQ(MlflowDatabase::Open(path + "x").error().code, Code::kNotFound);
}

TEST(MlflowSchema, MakesADatabaseThatIsReadAgain) {
  const db::TemporaryDirectory directory;
  const std::string path = Cat(directory.path(), "/mlflow.db");
  auto made = db::ForeignDatabase::Create(path);
  ASSERT_TRUE(made.ok());
  const Status written = (*made)->RunScript(MlflowSchema());
  ASSERT_TRUE(written.ok()) << written.error().ToString();
  ASSERT_TRUE((*made)->Commit().ok());
  made->reset();
  RecordedSink sink;
  const auto database = MlflowDatabase::Open(path);
  ASSERT_TRUE(database.ok()) << database.error().ToString();
  EXPECT_TRUE((*database)->Send({}, sink).ok());
  EXPECT_TRUE(sink.experiments.empty());
}

}  // namespace
}  // namespace mw::transfer
