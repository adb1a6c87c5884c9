// The registry by MLflow's API without a server: forms, codes and words, and one registry for both ways in. The
// unmodified client is tests/conformance/mlflow_client.py's.
#include <gtest/gtest.h>

#include <string>

#include "api/mlflow/registry_words.h"
#include "api/mlflow/routes.h"
#include "api/mlflow/testing.h"
#include "base/text.h"
#include "db/inline_database.h"
#include "db/temporary_database.h"
#include "net/fake_exchange.h"

namespace mw::api::mlflow {
namespace {

class RegistryRoutesTest : public ::testing::Test {
 protected:
  RegistryRoutesTest() {
    std::vector<db::Migration> all = registry::Migrations();
    for (const db::Migration& migration : tracking::Migrations()) all.push_back(migration);
    EXPECT_TRUE(database_.Migrate(all).ok());
    AddModelRoutes(routes_, registry_);
    AddVersionRoutes(routes_, registry_, tracking_, models_);
    tracking::NewRun run;
    run.id = tracking::RunId("r");
    run.experiment = tracking::ExperimentId("0");
    EXPECT_TRUE(SyncWait(tracking_.CreateRun(std::move(run))).ok());
  }
  /// The answer, or "status code: message".
  std::string Ask(net::Method method, std::string_view path, std::string body = "") {
    net::FakeRequest request(method, Cat("/api/2.0/mlflow/", path), std::move(body));
    request.headers.emplace_back("Content-Type", "application/json");
    const net::Response response = net::Ask(routes_, request);
    if (response.status == 200) return response.body;
    const auto json = Json::Parse(response.body);
    EXPECT_TRUE(json.ok()) << response.body;
    return Cat(response.status, " ", json->StringOr("error_code", ""), ": ", json->StringOr("message", ""));
  }
  std::string Post(std::string_view path, std::string body) { return Ask(net::Method::kPost, path, std::move(body)); }
  std::string Get(std::string_view path) { return Ask(net::Method::kGet, path); }
  void MakeIris() { EXPECT_NE(Post("registered-models/create", R"({"name":"iris"})").find("registered_model"), 0U); }
  std::string Create(std::string_view source) {
    return Post("model-versions/create", Cat(R"({"name":"iris","source":")", source, R"(","run_id":"r"})"));
  }

  db::TemporaryDirectory directory_;
  db::InlineDatabase database_{directory_.path() + "/test.db"};
  SimulatedClock clock_{FromMicros(testing::kNow * 1000)};
  registry::Registry registry_{database_, clock_};
  tracking::Tracking tracking_{database_, clock_};
  tracking::LoggedModels models_{database_, clock_};
  net::RouteTable routes_;
};

TEST_F(RegistryRoutesTest, MakesModelsAndVersions) {
  EXPECT_EQ(Post("registered-models/create", R"({"name":"iris","tags":[{"key":"k","value":"v"}]})"),
            R"({"registered_model":{"name":"iris","creation_timestamp":1700000000000,)"
            R"("last_updated_timestamp":1700000000000,"description":"","tags":[{"key":"k","value":"v"}]}})");
  EXPECT_EQ(Post("registered-models/create", R"({"name":"iris"})"),
            "400 RESOURCE_ALREADY_EXISTS: Registered Model (name=iris) already exists.");
  const std::string version = R"({"model_version":{"name":"iris","version":"1","creation_timestamp":1700000000000,)"
                              R"("last_updated_timestamp":1700000000000,"current_stage":"None","description":"first",)"
                              R"("source":"mlflow-artifacts:/0/r/artifacts/m","run_id":"r","status":"READY",)"
                              R"("tags":[{"key":"a","value":"b"}],"run_link":"http://link"}})";
  EXPECT_EQ(Post("model-versions/create",
                 R"({"name":"iris","source":"mlflow-artifacts:/0/r/artifacts/m","run_id":"r","description":"first",)"
                 R"("run_link":"http://link","tags":[{"key":"a","value":"b"}]})"),
            version);
  EXPECT_EQ(Get("model-versions/get?name=iris&version=1"), version);
  EXPECT_EQ(Get("model-versions/get-download-uri?name=iris&version=1"),
            R"({"artifact_uri":"mlflow-artifacts:/0/r/artifacts/m"})");
  EXPECT_EQ(Get("model-versions/get?name=iris&version=7"),
            "404 RESOURCE_DOES_NOT_EXIST: Model Version (name=iris, version=7) not found");
  EXPECT_EQ(Get("model-versions/get?name=iris&version=x"),
            "400 INVALID_PARAMETER_VALUE: Parameter 'version' must be an integer, got 'x'.");
  EXPECT_EQ(Get("registered-models/get?name=rose"),
            "404 RESOURCE_DOES_NOT_EXIST: Registered Model with name=rose not found");
}

TEST_F(RegistryRoutesTest, FollowsVersionsOfVersions) {
  MakeIris();
  EXPECT_NE(Create("mlflow-artifacts:/0/r/artifacts/m").find("READY"), std::string::npos);
  EXPECT_EQ(Post("registered-models/alias", R"({"name":"iris","alias":"best","version":"1"})"), "{}");
  for (const char* source : {"models:/iris/1", "models:/iris@best", "models:/iris/None", "models:/iris/latest"}) {
    const auto made = Json::Parse(Create(source));
    ASSERT_TRUE(made.ok());
    const std::string number = made->Find("model_version")->StringOr("version", "");
    EXPECT_EQ(made->Find("model_version")->StringOr("run_id", ""), "r");
    EXPECT_TRUE(made->Find("model_version")->StringOr("source", "").starts_with("models:/iris/")) << source;
    EXPECT_EQ(Get(Cat("model-versions/get-download-uri?name=iris&version=", number)),
              R"({"artifact_uri":"mlflow-artifacts:/0/r/artifacts/m"})");
  }
  EXPECT_TRUE(Create("models:/rose/1")
                  .starts_with("400 INVALID_PARAMETER_VALUE: Unable to fetch model from model URI "
                               "source artifact location 'models:/rose/1'.Error: "));
  EXPECT_TRUE(Create("/etc/passwd").starts_with("400 INVALID_PARAMETER_VALUE: Invalid model version source: "));
}

TEST_F(RegistryRoutesTest, ASourceBelongsToItsRunOrModel) {
  MakeIris();
  const auto create = [this](std::string_view source, std::string_view more) {
    return Post("model-versions/create", Cat(R"({"name":"iris","source":")", source, "\"", more, "}"));
  };
  const auto refused = [](std::string_view source, std::string_view parameter) {
    return Cat("400 INVALID_PARAMETER_VALUE: Invalid model version source: '", source, "'. The ", parameter,
               " request parameter must identify the resource that contains the source.");
  };
  const std::string files = "mlflow-artifacts:/0/r/artifacts/m";
  const std::string model =
      SyncWait(models_.Create(tracking::NewLoggedModel{tracking::ExperimentId("0"), "forest", "", "r"}))
          ->model.id.text();
  EXPECT_EQ(create(files, ""), refused(files, "run_id"));
  EXPECT_EQ(create(files, R"(,"run_id":"nobody")"), refused(files, "run_id"));
  EXPECT_EQ(create("mlflow-artifacts:/0/r2/artifacts", R"(,"run_id":"r")"),
            refused("mlflow-artifacts:/0/r2/artifacts", "run_id"));
  EXPECT_EQ(create(files, Cat(R"(,"run_id":"r","model_id":")", model, "\"")), refused(files, "model_id"));
  EXPECT_EQ(create("https://h/api/2.0/mlflow-artifacts/artifacts/0/r/artifacts/m", R"(,"run_id":"r")").substr(0, 3),
            "400");
  EXPECT_EQ(create("runs:/other/m", R"(,"run_id":"r")"), refused("runs:/other/m", "run_id"));
  EXPECT_EQ(create("models:/m-other", Cat(R"(,"model_id":")", model, "\"")), refused("models:/m-other", "model_id"));
  EXPECT_NE(create("runs:/r/m", R"(,"run_id":"r")").find("READY"), std::string::npos);
  EXPECT_NE(create("mlflow-artifacts:/0/r/artifact%73/m", R"(,"run_id":"r")").find("READY"), std::string::npos);
  EXPECT_NE(create(Cat("mlflow-artifacts:/0/models/", model, "/artifacts"), Cat(R"(,"model_id":")", model, "\""))
                .find(R"("run_id":"r")"),
            std::string::npos);
  EXPECT_EQ(create("models:/iris/1", R"(,"run_id":"other")"),
            "400 INVALID_PARAMETER_VALUE: Invalid model version source: 'models:/iris/1'. The run_id and model_id "
            "request parameters must match the referenced model version.");
}

TEST_F(RegistryRoutesTest, ShowsWhatWasRegisteredAsPackages) {
  registry::NewVersion packed;
  packed.name.model = "iris";
  packed.package = Cat("sha256:", std::string(64, 'a'));
  packed.alias = "candidate";
  ASSERT_TRUE(SyncWait(registry_.CreateVersion(packed)).ok());
  const auto found = Json::Parse(Get("registered-models/alias?name=iris&alias=candidate"));
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->Find("model_version")->StringOr("source", ""), Cat("millwright:/packages/", packed.package));
  EXPECT_NE(Get("registered-models/search?filter=name%20%3D%20'iris'").find(R"("latest_versions":[{"name":"iris")"),
            std::string::npos);
}

TEST_F(RegistryRoutesTest, MovesAliasesAndStages) {
  MakeIris();
  for (int i = 0; i < 2; ++i) Create("s3://bucket/m");
  EXPECT_EQ(Get("registered-models/alias?name=iris&alias=best"),
            "400 INVALID_PARAMETER_VALUE: Registered model alias best not found.");
  EXPECT_EQ(Post("registered-models/alias", R"({"name":"iris","alias":"best","version":"7"})"),
            "404 RESOURCE_DOES_NOT_EXIST: Model Version (name=iris, version=7) not found");
  for (const char* alias : {"latest", "LATEST", "v1", "a b", "7"}) {
    EXPECT_TRUE(Post("registered-models/alias", Cat(R"({"name":"iris","version":"1","alias":")", alias, R"("})"))
                    .starts_with("400 INVALID_PARAMETER_VALUE: "))
        << alias;
  }
  EXPECT_EQ(Ask(net::Method::kDelete, "registered-models/alias", R"({"name":"iris","alias":"best"})"), "{}");
  EXPECT_EQ(Ask(net::Method::kDelete, "registered-models/alias", R"({"name":"rose","alias":"best"})"),
            "404 RESOURCE_DOES_NOT_EXIST: Registered Model with name=rose not found");
  const auto move = [&](std::string_view version, std::string_view stage, std::string_view archive) {
    return Post("model-versions/transition-stage", Cat(R"({"name":"iris","version":")", version, R"(","stage":")",
                                                       stage, R"(","archive_existing_versions":)", archive, "}"));
  };
  EXPECT_NE(move("1", "production", "false").find(R"("current_stage":"Production")"), std::string::npos);
  EXPECT_NE(move("2", "PRODUCTION", "true").find(R"("current_stage":"Production")"), std::string::npos);
  EXPECT_NE(Get("model-versions/get?name=iris&version=1").find(R"("current_stage":"Archived")"), std::string::npos);
  EXPECT_EQ(move("1", "archived", "true"),
            "400 INVALID_PARAMETER_VALUE: Model version transition cannot archive existing model versions because "
            "'archived' is not an Active stage. Valid stages are ['Staging', 'Production']");
}

TEST_F(RegistryRoutesTest, SearchesInPages) {
  MakeIris();
  for (int i = 0; i < 3; ++i) Create("s3://bucket/m");
  const auto first = Json::Parse(Get("model-versions/search?max_results=2&order_by=version_number"));
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->Find("model_versions")->AsArray().size(), 2U);
  Create("s3://bucket/m");
  const std::string rest = Get(Cat("model-versions/search?order_by=version_number&page_token=",
                                   net::PercentEncode(first->StringOr("next_page_token", ""))));
  EXPECT_NE(rest.find(R"("version":"3")"), std::string::npos);
  EXPECT_NE(rest.find(R"("version":"4")"), std::string::npos);
  EXPECT_EQ(rest.find("next_page_token"), std::string::npos);
  for (const char* path : {"registered-models/search?max_results=1001", "registered-models/search?max_results=0",
                           "model-versions/search?max_results=200001", "model-versions/search?page_token=x",
                           "model-versions/search?filter=flavour%20%3D%201"}) {
    EXPECT_TRUE(Get(path).starts_with("400 INVALID_PARAMETER_VALUE: ")) << path;
  }
}

TEST_F(RegistryRoutesTest, ChecksNames) {
  EXPECT_EQ(Post("registered-models/create", R"({"name":"a/b"})"),
            "400 INVALID_PARAMETER_VALUE: Invalid model name 'a/b'. Names cannot contain '/' or ':'.");
  EXPECT_TRUE(Post("registered-models/create", R"({"name":".."})").starts_with("400 INVALID_PARAMETER_VALUE: Invalid"));
  EXPECT_TRUE(Post("registered-models/create", R"({"name":"  "})").starts_with("400 INVALID_PARAMETER_VALUE: Missing"));
  EXPECT_EQ(Post("registered-models/create", R"({"name":"gr\u00f6\u00dfe b.c%g#h"})").find("registered_model"), 2U);
  MakeIris();
  EXPECT_TRUE(Post("registered-models/set-tag", Cat(R"({"name":"iris","key":"k","value":")",
                                                    std::string(kRegistryTagCharactersMax + 1, 'x'), R"("})"))
                  .starts_with("400 INVALID_PARAMETER_VALUE: 'value' exceeds"));
  EXPECT_EQ(Post("registered-models/set-tag", R"({"name":"rose","key":"k","value":"v"})"),
            "404 RESOURCE_DOES_NOT_EXIST: Registered Model with name=rose not found");
}

TEST_F(RegistryRoutesTest, AVersionOfALoggedModelHasItsFilesAndItsRun) {
  MakeIris();
  tracking::NewLoggedModel forest{tracking::ExperimentId("0"), "forest", "", "run7"};
  const tracking::LoggedModel model = SyncWait(models_.Create(forest))->model;
  const std::string id = model.id.text();
  const auto create = [&](const std::string& more) {
    const auto json = Json::Parse(Post("model-versions/create", Cat(R"({"name":"iris",)", more, "}")));
    return *json->Find("model_version");
  };
  const Json by_uri = create(Cat(R"("source":"models:/)", id, "\""));
  EXPECT_EQ(by_uri.StringOr("source", ""), Cat("models:/", id));
  EXPECT_EQ(by_uri.StringOr("run_id", ""), "run7");
  EXPECT_EQ(by_uri.StringOr("model_id", ""), id);
  EXPECT_EQ(Get("model-versions/get-download-uri?name=iris&version=1"),
            Cat(R"({"artifact_uri":"mlflow-artifacts:/0/models/)", id, R"(/artifacts"})"));
  EXPECT_EQ(create(Cat(R"("run_id":"own","source":"models:/)", id, "\"")).StringOr("run_id", ""), "own");
  const Json by_id = create(Cat(R"("model_id":")", id, R"(","source":"s3://bucket/forest")"));
  EXPECT_EQ(by_id.StringOr("run_id", ""), "run7");
  EXPECT_EQ(Get("model-versions/get-download-uri?name=iris&version=3"), R"({"artifact_uri":"s3://bucket/forest"})");
  EXPECT_EQ(Create("models:/m-nobody"),
            "400 INVALID_PARAMETER_VALUE: Unable to fetch model from model URI source artifact location "
            "'models:/m-nobody'.Error: Logged model with ID 'm-nobody' not found.");
  EXPECT_EQ(Post("model-versions/create", R"({"name":"iris","model_id":"m-nobody","source":"s3://bucket/forest"})"),
            "404 RESOURCE_DOES_NOT_EXIST: Logged model with ID 'm-nobody' not found.");
}

}  // namespace
}  // namespace mw::api::mlflow
