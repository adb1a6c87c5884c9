// Datasets and models of runs in MLflow's API: forms, limits and words.
#include <gtest/gtest.h>

#include <string>

#include "api/mlflow/routes.h"
#include "base/text.h"
#include "db/inline_database.h"
#include "db/temporary_database.h"
#include "net/fake_exchange.h"

namespace mw::api::mlflow {
namespace {

constexpr std::string_view kInvalid = "400 INVALID_PARAMETER_VALUE: ";

class InputRoutesTest : public ::testing::Test {
 protected:
  InputRoutesTest() {
    EXPECT_TRUE(database_.Migrate(tracking::Migrations()).ok());
    AddRunRoutes(routes_, tracking_, clock_);
    AddInputRoutes(routes_, inputs_);
    tracking::NewRun run;
    run.id = tracking::RunId("r1");
    run.experiment = tracking::ExperimentId("0");
    EXPECT_TRUE(SyncWait(tracking_.CreateRun(run)).ok());
  }
  /// The answer, or "status code: message".
  std::string Ask(net::Method method, std::string_view path, std::string body) {
    net::FakeRequest request(method, Cat("/api/2.0/mlflow/", path), std::move(body));
    request.headers.emplace_back("Content-Type", "application/json");
    const net::Response response = net::Ask(routes_, request);
    if (response.status == 200) return response.body;
    const Result<Json> json = Json::Parse(response.body);
    EXPECT_TRUE(json.ok()) << response.body;
    return Cat(response.status, " ", json->StringOr("error_code", ""), ": ", json->StringOr("message", ""));
  }
  std::string Post(std::string_view path, std::string body) { return Ask(net::Method::kPost, path, std::move(body)); }
  std::string LogOne(std::string_view dataset, std::string_view tags = "") {
    return Post("runs/log-inputs",
                Cat(R"({"run_id":"r1","datasets":[{"dataset":)", dataset, R"(,"tags":[)", tags, "]}]}"));
  }

  db::TemporaryDirectory directory_;
  db::InlineDatabase database_{directory_.path() + "/test.db"};
  SimulatedClock clock_{FromMicros(1'700'000'000'000'000)};
  tracking::Tracking tracking_{database_, clock_};
  tracking::Inputs inputs_{database_};
  net::RouteTable routes_;
};

TEST_F(InputRoutesTest, WhatIsLoggedIsReadInRunsAndSearches) {
  const std::string dataset =
      R"({"name":"rows","digest":"d1","source_type":"local","source":"{}","schema":"{\"columns\":[]}"})";
  EXPECT_EQ(LogOne(dataset, R"({"key":"mlflow.data.context","value":"training"})"), "{}");
  EXPECT_EQ(Post("runs/log-inputs", R"({"run_id":"r1","models":[{"model_id":"m-1"}]})"), "{}");
  EXPECT_EQ(Post("runs/outputs", R"({"run_id":"r1","models":[{"model_id":"m-2","step":"3"}]})"), "{}");
  const std::string both = Cat(
      R"("inputs":{"dataset_inputs":[{"tags":[{"key":"mlflow.data.context","value":"training"}],"dataset":)", dataset,
      R"(}],"model_inputs":[{"model_id":"m-1"}]},"outputs":{"model_outputs":[{"model_id":"m-2","step":3}]}})");
  const std::string got = Ask(net::Method::kGet, "runs/get?run_id=r1", "");
  EXPECT_NE(got.find(both), std::string::npos) << got;
  const std::string found = Post(
      "runs/search", R"({"experiment_ids":["0"],"filter":"dataset.context = 'training' and dataset.name='rows'"})");
  EXPECT_NE(found.find(both), std::string::npos) << found;
  EXPECT_EQ(Post("experiments/search-datasets", R"({"experiment_ids":["0","9"]})"),
            R"({"dataset_summaries":[{"experiment_id":"0","name":"rows","digest":"d1","context":"training"}]})");
}

TEST_F(InputRoutesTest, LimitsAreMlflows) {
  const auto dataset = [](std::string_view name, std::size_t length) {
    Json made = Json::Make({{"name", "n"}, {"digest", "d"}, {"source_type", "t"}, {"source", "s"}});
    made[name] = std::string(length, 'x');
    return made.Dump();
  };
  for (const auto& [name, most] : {std::pair("name", 500), std::pair("digest", 36), std::pair("source", 65'535),
                                   std::pair("schema", 1'048'575), std::pair("profile", 16'777'215)}) {
    const auto length = static_cast<std::size_t>(most);
    EXPECT_EQ(LogOne(dataset(name, length)), "{}") << name;
    EXPECT_EQ(LogOne(dataset(name, length + 1)),
              Cat(kInvalid, "'", name, "' exceeds the maximum length of ", most, " characters"));
  }
  EXPECT_EQ(LogOne(dataset("name", 1), Cat(R"({"key":")", std::string(256, 'k'), R"(","value":"v"})")),
            Cat(kInvalid, "'key' exceeds the maximum length of 255 characters"));
  EXPECT_EQ(LogOne(dataset("name", 1), Cat(R"({"key":"k","value":")", std::string(501, 'v'), R"("})")),
            Cat(kInvalid, "'value' exceeds the maximum length of 500 characters"));
}

TEST_F(InputRoutesTest, WhatIsMissingIsNamed) {
  EXPECT_EQ(LogOne("null"), Cat(kInvalid, "Dataset cannot be None"));
  EXPECT_EQ(LogOne(R"({"name":"n"})"), Cat(kInvalid, "Dataset digest cannot be None"));
  EXPECT_EQ(LogOne(R"({"digest":"n"})"), Cat(kInvalid, "Dataset name cannot be None"));
  EXPECT_EQ(LogOne(R"({"name":"n","digest":"d","source":"s"})"), Cat(kInvalid, "Dataset source_type cannot be None"));
  EXPECT_EQ(LogOne(R"({"name":"n","digest":"d","source_type":"t"})"), Cat(kInvalid, "Dataset source cannot be None"));
  EXPECT_EQ(LogOne(R"({"name":"n","digest":"d","source_type":"t","source":"s"})", R"({"value":"v"})"),
            Cat(kInvalid, "InputTag key cannot be None"));
  EXPECT_TRUE(LogOne("[]").starts_with(Cat(kInvalid, "Invalid value [] for parameter 'datasets[0].dataset'")));
  EXPECT_TRUE(
      Post("runs/log-inputs", "{}").starts_with(Cat(kInvalid, "Missing value for required parameter 'run_id'")));
  EXPECT_TRUE(Post("runs/outputs", R"({"run_id":"r1","models":[{"model_id":"m"}]})")
                  .starts_with(Cat(kInvalid, "Missing value for required parameter 'models[0].step'")));
  EXPECT_EQ(Post("runs/outputs", R"({"run_id":"none","models":[]})"),
            "404 RESOURCE_DOES_NOT_EXIST: Run with id=none not found");
  EXPECT_EQ(Post("experiments/search-datasets", "{}"),
            Cat(kInvalid, "SearchDatasets request must specify at least one experiment_id."));
  std::string many = R"("1")";
  for (int i = 0; i < 20; ++i) many += R"(,"1")";
  EXPECT_EQ(
      Post("experiments/search-datasets", Cat(R"({"experiment_ids":[)", many, "]}")),
      Cat(kInvalid, "SearchDatasets request cannot specify more than 20 experiment_ids. Received 21 experiment_ids."));
}

}  // namespace
}  // namespace mw::api::mlflow
