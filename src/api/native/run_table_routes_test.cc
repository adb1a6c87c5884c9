// The table of runs over its routes: what the console is told, and what is refused.
#include <gtest/gtest.h>

#include "api/native/routes.h"
#include "base/text.h"
#include "db/temporary_database.h"
#include "net/fake_exchange.h"

namespace mw::api::native {
namespace {

using net::Method;

class RunTableRoutesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    database_ = *driver_.Open();
    ASSERT_TRUE(database_->Migrate(tracking::Migrations()).ok());
    tracking_.emplace(*database_, clock_);
    table_.emplace(*database_);
    views_.emplace(*database_, clock_);
    AddRunTableRoutes(routes_, *table_, *views_);
    tracking::NewRun run;
    run.id = tracking::RunId("one");
    run.experiment = tracking::ExperimentId("0");
    run.name = "a \"b\"\n<i>";
    run.started = 12;
    ASSERT_TRUE(SyncWait(tracking_->CreateRun(run)).ok());
    tracking::LogBatch batch;
    batch.run = run.id;
    batch.metrics.push_back({"loss", {1, 0, 0.5}});
    batch.params.emplace_back("depth", "6");
    ASSERT_TRUE(SyncWait(tracking_->Log(batch)).ok());
  }
  std::string Say(const std::string& target, Method method = Method::kGet, std::string body = "") {
    const net::Response response = net::Ask(routes_, method, Cat("/api/v1/experiments/0/", target), std::move(body));
    if (response.status < 300) return response.body;
    return Cat(response.status, " ", net::ErrorFromResponse(response).message);
  }
  std::string Packed(const std::string& target, Method method = Method::kGet, std::string body = "") {
    net::FakeRequest request(method, Cat("/api/v1/experiments/0/", target), std::move(body));
    request.headers.emplace_back("Accept", "application/octet-stream");
    return net::Ask(routes_, request).body;
  }

  SimulatedClock clock_{FromMicros(0)};
  db::TemporarySqlite driver_;
  std::unique_ptr<db::Database> database_;
  std::optional<tracking::Tracking> tracking_;
  std::optional<tracking::RunTable> table_;
  std::optional<tracking::Views> views_;
  net::RouteTable routes_;
};

TEST_F(RunTableRoutesTest, TellsLinesRowsColumnsAndMatches) {
  EXPECT_EQ(Say("runs"),
            R"({"numbers":[1],"ids":["one"],"names":["a \"b\"\n<i>"],"statuses":["running"],"started":[12],)"
            R"("ended":[null]})");
  EXPECT_NE(Say("runs?rows=40").find(R"("ended":[null],"rows":[{"id":"one","name":"a \"b\"\n<i>")"), std::string::npos);
  EXPECT_EQ(Say("runs?before=12,one"), R"({"numbers":[],"ids":[],"names":[],"statuses":[],"started":[],"ended":[]})");
  EXPECT_EQ(Say("column?metric=loss"), R"({"numbers":[1],"values":[0.5]})");
  EXPECT_EQ(Say("column?param=depth"), R"({"numbers":[1],"values":["6"]})");
  EXPECT_EQ(Say("keys"), R"({"metrics":["loss"],"params":["depth"],"tags":["mlflow.runName"]})");
  EXPECT_EQ(Say("matches", Method::kPost, R"({"filter":"metrics.loss < 1"})"), R"({"numbers":[1]})");
  EXPECT_EQ(Say("matches", Method::kPost, R"({"filter":"metrics.loss < 1","stage":"all"})"), R"({"numbers":[1]})");
  EXPECT_EQ(Say("matches", Method::kPost, R"({"filter":"metrics.loss < 1","stage":"deleted"})"), R"({"numbers":[]})");
  EXPECT_EQ(Say("matches", Method::kPost, R"({"filter":"metrics.loss > 1"})"), R"({"numbers":[]})");
  EXPECT_EQ(Hex(Packed("column?metric=loss")), "000000000000f03f000000000000e03f");  // 1, 0.5
  const std::string texts = Packed("column?param=depth");
  EXPECT_EQ(Hex(texts.substr(0, 8)), "0000000000004040");  // 32
  EXPECT_EQ(texts.substr(8, 32), R"({"values":["6"],"counts":[1]}   )");
  EXPECT_EQ(Hex(texts.substr(40)), "000000000000f03f");
  // Numbers from 0, of which 1 is one.
  EXPECT_EQ(Hex(Packed("matches", Method::kPost, R"({"filter":"metrics.loss < 1"})")),
            "00000000000000000200000000000000");
  EXPECT_EQ(Packed("matches", Method::kPost, R"({"filter":"metrics.loss > 1"})").size(), 8U);
  EXPECT_NE(Say("rows", Method::kPost, R"({"runs":["one","two"]})").find(R"("metrics":{"loss":0.5})"),
            std::string::npos);
}

TEST_F(RunTableRoutesTest, RefusesWhatItDoesNotUnderstand) {
  EXPECT_EQ(Say("runs?stage=gone"), "400 stage is active or deleted, not \"gone\"");
  EXPECT_EQ(Say("runs?before=x"), "400 before is STARTED,ID, not \"x\"");
  EXPECT_EQ(Say("column"), "400 say which column: ?metric=NAME, ?param=NAME or ?tag=NAME");
  EXPECT_EQ(Say("rows", Method::kPost, R"({"runs":[1]})"), "400 \"runs\" is a list of ids, not of 1");
  EXPECT_EQ(Say("matches", Method::kPost, R"({"filter":"metrics.loss <"})").substr(0, 3), "400");
  EXPECT_EQ(Say("views/x", Method::kPut, "[]"), "400 a view is a JSON object, not []");
}

TEST_F(RunTableRoutesTest, KeepsViews) {
  EXPECT_EQ(Say("views/best%20ones", Method::kPut, R"({"columns":["metrics.loss"]})"), "{}");
  EXPECT_EQ(Say("views").substr(0, 66), R"({"views":[{"name":"best ones","state":{"columns":["metrics.loss"]})");
  EXPECT_EQ(Say("views/best%20ones", Method::kDelete), "{}");
  EXPECT_EQ(Say("views/val%2Floss", Method::kPut, "{}"), "{}");
  EXPECT_EQ(Say("views").substr(0, 35), R"({"views":[{"name":"val/loss","state)");
  EXPECT_EQ(Say("views/val%2Floss", Method::kDelete), "{}");
  EXPECT_EQ(Say("views"), R"({"views":[]})");
}

}  // namespace
}  // namespace mw::api::native
