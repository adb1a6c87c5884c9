// Logged models by MLflow's API without a server: forms, codes and words. The unmodified client is
// tests/conformance/mlflow_client.py's.
#include <gtest/gtest.h>

#include <string>

#include "api/mlflow/batch_reader.h"
#include "api/mlflow/routes.h"
#include "api/mlflow/testing.h"
#include "base/text.h"
#include "blob/directory_blobs.h"
#include "db/inline_database.h"
#include "db/temporary_database.h"
#include "net/fake_exchange.h"

namespace mw::api::mlflow {
namespace {

class LoggedModelRoutesTest : public ::testing::Test {
 protected:
  LoggedModelRoutesTest() {
    EXPECT_TRUE(database_.Migrate(tracking::Migrations()).ok());
    AddRunRoutes(routes_, tracking_, clock_);
    AddLoggedModelRoutes(routes_, models_);
    AddArtifactRoutes(routes_, tracking_, registry_, artifacts_, door_);
    AddLoggedModelArtifactRoutes(routes_, models_, artifacts_, door_);
  }
  /// The answer, or "status code: message".
  std::string Ask(net::Method method, std::string_view path, std::string body = "") {
    const std::string target = path.starts_with('/') ? std::string(path) : Cat("/api/2.0/mlflow/", path);
    net::FakeRequest request(method, target, std::move(body));
    request.headers.emplace_back("Content-Type", "application/json");
    const net::Response response = net::Ask(routes_, request);
    if (response.status == 200) return response.body;
    const auto json = Json::Parse(response.body);
    EXPECT_TRUE(json.ok()) << response.body;
    return Cat(response.status, " ", json->StringOr("error_code", ""), ": ", json->StringOr("message", ""));
  }
  std::string Post(std::string_view path, std::string body) { return Ask(net::Method::kPost, path, std::move(body)); }
  std::string Get(std::string_view path) { return Ask(net::Method::kGet, path); }
  std::string Make(std::string_view more) {
    const auto json = Json::Parse(Post("logged-models", Cat(R"({"experiment_id":"0")", more, "}")));
    return json->Find("model")->Find("info")->StringOr("model_id", "");
  }
  std::string NewRun() {
    const auto json = Json::Parse(Post("runs/create", R"({"experiment_id":"0","start_time":5})"));
    return json->Find("run")->Find("info")->StringOr("run_id", "");
  }

  db::TemporaryDirectory directory_;
  db::InlineDatabase database_{directory_.path() + "/test.db"};
  SimulatedClock clock_{FromMicros(testing::kNow * 1000)};
  tracking::Tracking tracking_{database_, clock_};
  tracking::LoggedModels models_{database_, clock_};
  registry::Registry registry_{database_, clock_};
  tracking::Artifacts artifacts_{database_, clock_};
  std::unique_ptr<blob::BlobStore> blobs_ = std::move(*blob::DirectoryBlobs::Open(directory_.path() + "/blobs"));
  testing::AtOnce workers_;
  BlobDoor door_{*blobs_, workers_};
  net::RouteTable routes_;
};

TEST_F(LoggedModelRoutesTest, MakesFinishesAndDeletes) {
  const std::string id =
      Make(R"(,"name":"forest","model_type":"tree","source_run_id":"r","params":[{"key":"p","value":"1"}],)"
           R"("tags":[{"key":"t","value":"2"}])");
  const auto answer = [&](std::string_view status) {
    return Cat(R"({"model":{"info":{"model_id":")", id, R"(","experiment_id":"0","name":"forest",)",
               R"("creation_timestamp_ms":1700000000000,"last_updated_timestamp_ms":1700000000000,)",
               R"("artifact_uri":"mlflow-artifacts:/0/models/)", id, R"(/artifacts","status":")", status,
               R"(","model_type":"tree","source_run_id":"r","tags":[{"key":"t","value":"2"}]},)",
               R"("data":{"params":[{"key":"p","value":"1"}]}}})");
  };
  const std::string path = Cat("logged-models/", id);
  EXPECT_EQ(Get(path), answer("LOGGED_MODEL_PENDING"));
  EXPECT_EQ(Ask(net::Method::kPatch, path, R"({"status":"LOGGED_MODEL_READY"})"), answer("LOGGED_MODEL_READY"));
  EXPECT_EQ(Ask(net::Method::kPatch, path, R"({"status":3})"), answer("LOGGED_MODEL_UPLOAD_FAILED"));
  EXPECT_EQ(Ask(net::Method::kPatch, path, "{}").substr(0, 87),
            "400 INVALID_PARAMETER_VALUE: Missing value for required parameter 'status'. See the API");
  EXPECT_EQ(Ask(net::Method::kPatch, path, R"({"status":"DONE"})").substr(0, 42),
            "400 INVALID_PARAMETER_VALUE: Invalid value");
  EXPECT_EQ(Ask(net::Method::kPatch, Cat(path, "/tags"), R"({"tags":[{"key":"a/b","value":"3"}]})"), "{}");
  EXPECT_EQ(Ask(net::Method::kDelete, Cat(path, "/tags/a/b")), "{}");
  EXPECT_EQ(Ask(net::Method::kDelete, Cat(path, "/tags/a/b")),
            Cat("404 RESOURCE_DOES_NOT_EXIST: No tag with key 'a/b' found for model with ID '", id, "'."));
  EXPECT_EQ(Post(Cat(path, "/params"), R"({"params":[{"key":"p","value":"1"}]})"), "{}");
  EXPECT_EQ(Ask(net::Method::kDelete, path), "{}");
  EXPECT_EQ(Get(path), Cat("404 RESOURCE_DOES_NOT_EXIST: Logged model with ID '", id, "' not found."));
  EXPECT_NE(Get(Cat(path, "?allow_deleted=True")).find(R"("name":"forest")"), std::string::npos);
}

TEST_F(LoggedModelRoutesTest, AClientThatNamesAModelMayAskAgain) {
  const std::string id = "m-0123456789abcdef0123456789abcdef", more = Cat(R"(,"name":"forest","model_id":")", id, "\"");
  EXPECT_EQ(Make(more), id);
  const std::string path = Cat("logged-models/", id);
  Ask(net::Method::kPatch, path, R"({"status":"LOGGED_MODEL_READY"})");
  EXPECT_EQ(Post("logged-models", Cat(R"({"experiment_id":"0")", more, "}")), Get(path)) << "what became of it stays";
  EXPECT_EQ(Post("logged-models", Cat(R"({"experiment_id":"0","source_run_id":"other")", more, "}")),
            Cat(R"(400 RESOURCE_ALREADY_EXISTS: there is another logged model with the ID ")", id, "\""));
  EXPECT_EQ(
      Post("logged-models", R"({"experiment_id":"0","model_id":"m-../x"})"),
      "400 INVALID_PARAMETER_VALUE: Invalid value \"m-../x\" for parameter 'model_id' supplied: a logged model that "
      "its client names has 'm-' and 32 hexadecimal digits.");
}

TEST_F(LoggedModelRoutesTest, RefusesInMlflowsWords) {
  EXPECT_EQ(Post("logged-models", R"({"experiment_id":"0","name":"a'b"})"),
            "400 INVALID_PARAMETER_VALUE: Invalid model name (\"a'b\") provided. Model name must be a non-empty string "
            "and cannot contain the following characters: ('/', ':', '.', '%', '\"', \"'\")");
  EXPECT_EQ(Post("logged-models", R"({"experiment_id":"0","name":"a.b"})").substr(0, 55),
            "400 INVALID_PARAMETER_VALUE: Invalid model name ('a.b')");
  EXPECT_EQ(Post("logged-models", R"({"experiment_id":"9"})"),
            "404 RESOURCE_DOES_NOT_EXIST: No Experiment with id=9 exists");
  EXPECT_EQ(Post("logged-models/search", R"({"experiment_ids":["0"],"datasets":[{"dataset_digest":"1"}]})"),
            "400 INVALID_PARAMETER_VALUE: `dataset_name` in the `datasets` clause must be specified.");
  EXPECT_EQ(Post("logged-models/search", R"({"experiment_ids":["0"],"max_results":-1})").substr(0, 3), "400");
  EXPECT_EQ(Post("logged-models/search", R"({"experiment_ids":["0"],"page_token":"x"})").substr(0, 3), "400");
}

TEST_F(LoggedModelRoutesTest, MeasuresByOneMetricAndByBatches) {
  const std::string run = NewRun(), id = Make("");
  const std::string point = Cat(R"("key":"auc","timestamp":7,"model_id":")", id, "\"");
  EXPECT_EQ(Post("runs/log-metric", Cat(R"({"run_id":")", run, R"(","value":0.5,"step":1,"dataset_name":"rows",)",
                                        R"("dataset_digest":"d1",)", point, "}")),
            "{}");
  EXPECT_EQ(Post("runs/log-batch", Cat(R"({"run_id":")", run, R"(","metrics":[{"key":"x","value":1,"timestamp":1},)",
                                       R"({"value":"NaN","step":2,)", point, "}]}")),
            "{}");
  const auto model = Json::Parse(Get(Cat("logged-models/", id)));
  EXPECT_EQ(model->Find("model")->Find("data")->Dump(),
            Cat(R"({"metrics":[{"key":"auc","value":0.5,"timestamp":7,"step":1,"dataset_name":"rows",)",
                R"("dataset_digest":"d1","model_id":")", id, R"(","run_id":")", run,
                R"("},{"key":"auc","value":"NaN","timestamp":7,"step":2,"model_id":")", id, R"(","run_id":")", run,
                R"("}]})"));
  const std::string found = Post("logged-models/search", R"({"experiment_ids":["0"],"filter":"metrics.auc > 0.4",)"
                                                         R"("datasets":[{"dataset_name":"rows"}]})");
  EXPECT_NE(found.find(id), std::string::npos);
  EXPECT_EQ(Post("runs/log-metric",
                 Cat(R"({"run_id":")", run, R"(","key":"a","value":1,"timestamp":1,"model_id":"m-nobody"})")),
            "404 RESOURCE_DOES_NOT_EXIST: Logged model with ID 'm-nobody' not found.");
  const std::string long_name(501, 'x');
  EXPECT_EQ(Post("runs/log-batch", Cat(R"({"run_id":")", run, R"(","metrics":[{"value":1,"dataset_name":")", long_name,
                                       R"(",)", point, "}]}")),
            "400 INVALID_PARAMETER_VALUE: 'metrics[0].dataset_name' exceeds the maximum length of 500 characters");
}

TEST_F(LoggedModelRoutesTest, PagesAreOfOneSearch) {
  for (const char* name : {"a", "b", "c"}) Make(Cat(R"(,"name":")", name, "\""));
  std::string names, token;
  do {
    const auto page = Json::Parse(
        Post("logged-models/search", Cat(R"({"experiment_ids":["0"],"max_results":1,"order_by":[{"field_name":"name",)",
                                         R"("ascending":false}],"page_token":")", token, R"("})")));
    names += page->Find("models")->AsArray().at(0).Find("info")->StringOr("name", "");
    token = page->StringOr("next_page_token", "");
  } while (!token.empty() && names.size() < 9);
  EXPECT_EQ(names, "cba");
}

TEST_F(LoggedModelRoutesTest, FilesAreListedAndSent) {
  const std::string id = Make("");
  const std::string below = Cat("0/models/", id, "/artifacts/");
  const std::string uploaded = Cat("/api/2.0/mlflow-artifacts/artifacts/", below, "data/model.pkl");
  EXPECT_EQ(Ask(net::Method::kPut, uploaded, "bytes"), "{}");
  EXPECT_EQ(Get(Cat("logged-models/", id, "/artifacts/directories")),
            Cat(R"({"files":[{"path":"data","is_dir":true}],"root_uri":"mlflow-artifacts:/0/models/)", id,
                R"(/artifacts"})"));
  EXPECT_EQ(Get(Cat("logged-models/", id, "/artifacts/directories?artifact_directory_path=data")),
            Cat(R"({"files":[{"path":"data/model.pkl","is_dir":false,"file_size":5}],)",
                R"("root_uri":"mlflow-artifacts:/0/models/)", id, R"(/artifacts"})"));
  const std::string file = Cat("/ajax-api/2.0/mlflow/logged-models/", id, "/artifacts/files");
  EXPECT_EQ(Get(Cat(file, "?artifact_file_path=data/model.pkl")), "bytes");
  EXPECT_EQ(Get(file), "400 INVALID_PARAMETER_VALUE: Request must include the \"artifact_file_path\" query parameter.");
  EXPECT_EQ(Get(Cat(file, "?artifact_file_path=../../x")).substr(0, 3), "400");
  EXPECT_EQ(Get("logged-models/m-nobody/artifacts/directories").substr(0, 3), "404");
}

TEST_F(LoggedModelRoutesTest, TheOlderWayKeepsWhereAModelIs) {
  const std::string run = NewRun();
  const auto log = [&](std::string_view model) {
    return Post("runs/log-model", Cat(R"({"run_id":")", run, R"(","model_json":)", Json(model).Dump(), "}"));
  };
  EXPECT_EQ(log(R"({"run_id":"r","artifact_path":"m","utc_time_created":"t","flavors":{"f":{"x":1,"config":{"y":2}}},)"
                R"("signature":"s"})"),
            "{}");
  EXPECT_NE(Get(Cat("runs/get?run_id=", run))
                .find(R"([{\"run_id\":\"r\",\"artifact_path\":\"m\",\"utc_time_created\":\"t\",)"
                      R"(\"flavors\":{\"f\":{\"x\":1}}}])"),
            std::string::npos);
  EXPECT_EQ(log("no").substr(0, 59), "400 INVALID_PARAMETER_VALUE: Malformed model info. \n \"no\" \n");
  EXPECT_EQ(log("{}"),
            "400 INVALID_PARAMETER_VALUE: Model json is missing mandatory fields: {'artifact_path', 'flavors', "
            "'run_id', 'utc_time_created'}");
}

TEST(PlainBatchesOfModels, AreReadStraight) {
  std::string body =
      R"({"run_id":"r1","metrics":[{"key":"a","value":1,"timestamp":1},)"
      R"({"key":"b","value":2,"timestamp":1,"model_id":"m-1","dataset_name":"rows","dataset_digest":"d"},)"
      R"({"key":"c","value":2,"timestamp":1,"dataset_name":"of no model"},)"
      R"({"key":"d","value":2,"timestamp":1,"model_id":"m-2"}]})";
  const auto batch = ReadPlainBatch(body);
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(batch->metrics.size(), 4U);
  ASSERT_EQ(batch->model_points.size(), 2U);
  EXPECT_EQ(batch->model_points[0].metric, 1U);
  EXPECT_EQ(batch->model_points[0].model, "m-1");
  EXPECT_EQ(batch->model_points[0].dataset_name, "rows");
  EXPECT_EQ(batch->model_points[0].dataset_digest, "d");
  EXPECT_EQ(batch->model_points[1].metric, 3U);
  EXPECT_EQ(batch->model_points[1].dataset_name, "");
  for (const char* more : {R"("model_id":1)", R"("model_id":"a","model_id":"b")", R"("other":"x")"}) {
    std::string odd = Cat(R"({"run_id":"r1","metrics":[{"key":"a","value":1,"timestamp":1,)", more, "}]}");
    EXPECT_FALSE(ReadPlainBatch(odd).has_value()) << more;
  }
}

}  // namespace
}  // namespace mw::api::mlflow
