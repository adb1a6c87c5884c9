// Datasets over their routes: what the console is told, and what is refused.
#include <gtest/gtest.h>

#include "api/native/routes.h"
#include "base/text.h"
#include "db/temporary_database.h"
#include "lineage/lineage.h"
#include "net/fake_exchange.h"
#include "tracking/inputs.h"

namespace mw::api::native {
namespace {

TEST(DatasetRoutesTest, TellsLinesUsesAndRefusals) {
  SimulatedClock clock{FromMicros(0)};
  db::TemporarySqlite driver;
  const std::unique_ptr<db::Database> database = *driver.Open();
  ASSERT_TRUE(database->Migrate(tracking::Migrations()).ok());
  tracking::Tracking tracking(*database, clock);
  tracking::Inputs inputs(*database);
  tracking::Datasets datasets(*database);
  net::RouteTable routes;
  AddDatasetRoutes(routes, *database, datasets);
  tracking::NewRun run;
  run.id = tracking::RunId("one");
  run.experiment = tracking::ExperimentId("0");
  run.name = "first";
  run.started = 12;
  ASSERT_TRUE(SyncWait(tracking.CreateRun(run)).ok());
  for (const char* digest : {"d1", "d2"}) {
    tracking::DatasetInput input;
    input.dataset = std::make_shared<const tracking::Dataset>(
        tracking::Dataset{"a/b <i>", digest, "local", R"({"uri":"/x.csv"})", "[1]", "{}"});
    input.tags = {{std::string(tracking::kContextTag), "training"}};
    tracking::LoggedInputs logged{run.id};
    logged.datasets.push_back(input);
    ASSERT_TRUE(SyncWait(inputs.Log(logged)).ok());
  }
  const auto say = [&](const std::string& target) {
    const net::Response response = net::Ask(routes, net::Method::kGet, target, "");
    if (response.status < 300) return response.body;
    return Cat(response.status, " ", net::ErrorFromResponse(response).message);
  };
  const std::string use = R"({"run_id":"one","name":"first","experiment_id":"0","status":"running","stage":"active",)"
                          R"("started":12,"context":)";
  EXPECT_EQ(
      say("/api/v1/datasets?experiment=0&limit=1"),
      Cat(R"({"datasets":[{"number":2,"experiment_id":"0","name":"a/b <i>","digest":"d2","source_type":"local",)",
          R"("source":"{\"uri\":\"/x.csv\"}","runs":1,"contexts":["training"],"newest":)", use, R"(""}}],"next":2})"));
  EXPECT_EQ(say("/api/v1/datasets?before=1"), R"({"datasets":[],"next":null})");
  EXPECT_EQ(say("/api/v1/dataset?name=a/b%20%3Ci%3E&digest=d1"),
            Cat(R"({"name":"a/b <i>","digest":"d1","source_type":"local","source":"{\"uri\":\"/x.csv\"}",)",
                R"("schema":"[1]","profile":"{}","experiments":["0"],"runs":[)", use,
                R"("training"}],"runs_in_all":1,"models":[]})"));
  EXPECT_EQ(say("/api/v1/dataset?digest=d1"), "400 say which dataset: ?name=NAME&digest=DIGEST");
  EXPECT_EQ(say("/api/v1/dataset?name=a&digest=d1"), R"(404 no run has logged a dataset "a" of digest "d1")");
  EXPECT_EQ(say("/api/v1/datasets?limit=many"), R"(400 limit is a number, not "many")");
  EXPECT_EQ(say("/api/v1/datasets?limit=1001"), "400 limit is 1 to 1000, not 1001");
}

TEST(DatasetRoutesTest, TellsWhatPipelinesMade) {
  const SimulatedClock clock{FromMicros(0)};
  db::TemporarySqlite driver;
  const std::unique_ptr<db::Database> database = *driver.Open();
  ASSERT_TRUE(database->Migrate(lineage::Migrations()).ok());
  tracking::Datasets datasets(*database);
  net::RouteTable routes;
  AddDatasetRoutes(routes, *database, datasets);
  std::string first, second;
  const Status recorded = SyncWait(database->Write([&](db::Transaction& t) -> Status {
    const lineage::Lineage lineage(clock);
    lineage::NewExecution step;
    step.id = lineage::ExecutionId("attempt");
    step.type = "import";
    step.name = "flights/import";
    step.outputs = {{"rows", "dataset", "sha256:a", Json::Make({{"rows", 7}})}, {"more", "dataset", "sha256:b"}};
    step.contexts = {{"default", "run", "r1"}, {"default", "pipeline", "flights"}};
    const auto made = TRY(lineage.RecordExecution(t, step));
    first = made.outputs.at("rows").text();
    second = made.outputs.at("more").text();
    if (first < second) std::swap(first, second);
    return Ok();
  }));
  ASSERT_TRUE(recorded.ok()) << recorded.error().ToString();
  const auto say = [&](const std::string& target) {
    const net::Response response = net::Ask(routes, net::Method::kGet, target, "");
    if (response.status < 300) return response.body;
    return Cat(response.status, " ", net::ErrorFromResponse(response).message);
  };
  const std::string all = say("/api/v1/datasets/made");
  EXPECT_NE(all.find(R"("digest":"sha256:a","uri":"","metadata":{"rows":7},"created":"1970-01-01T00:00:00Z",)"
                     R"("maker":{"execution":"attempt","type":"import","name":"flights/import","port":"rows",)"
                     R"("pipeline":"flights","run":"r1","started":"1970-01-01T00:00:00Z"},"readers":0})"),
            std::string::npos)
      << all;
  EXPECT_NE(all.find(R"("next":null)"), std::string::npos);
  EXPECT_NE(say("/api/v1/datasets/made?limit=1").find(Cat(R"("next":")", first)), std::string::npos);
  const std::string rest = say(Cat("/api/v1/datasets/made?before=", first));
  EXPECT_EQ(rest.find(first), std::string::npos) << rest;
  EXPECT_NE(rest.find(second), std::string::npos) << rest;
  EXPECT_EQ(say("/api/v1/datasets/made?before=none"), R"(404 lineage has no artifact "none" to go on behind)");
  EXPECT_EQ(say("/api/v1/datasets/made?limit=0"), "400 limit is 1 to 1000, not 0");
}

}  // namespace
}  // namespace mw::api::native
