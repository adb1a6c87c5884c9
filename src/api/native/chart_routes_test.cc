// What a console's chart page is told, to the letter.
#include <gtest/gtest.h>

#include <cmath>

#include "api/native/routes.h"
#include "base/text.h"
#include "db/inline_database.h"
#include "db/temporary_database.h"
#include "net/fake_exchange.h"

namespace mw::api::native {
namespace {

class ChartRoutesTest : public ::testing::Test {
 protected:
  ChartRoutesTest() {
    EXPECT_TRUE(database_.Migrate(tracking::Migrations()).ok());
    AddChartRoutes(routes_, tracking_);
    tracking::NewRun run;
    run.id = tracking::RunId("r1");
    run.experiment = tracking::ExperimentId("0");
    EXPECT_TRUE(SyncWait(tracking_.CreateRun(run)).ok());
    tracking::LogBatch batch{run.id, {}, {}, {}};
    const double values[] = {4, 2, std::nan(""), 3, std::nan(""), 0.5};
    const std::int64_t steps[] = {0, 1, 2, 3, 6, 9};
    for (int i = 0; i < 6; ++i) batch.metrics.push_back({"a/\"b\"", {1000 + i, steps[i], values[i]}});
    EXPECT_TRUE(SyncWait(tracking_.Log(batch)).ok());
  }
  std::string Say(std::string body) {
    const net::Response response = net::Ask(routes_, net::Method::kPost, "/api/v1/charts", std::move(body));
    if (response.status < 300) return response.body;
    return Cat(response.status, " ", net::ErrorFromResponse(response).message);
  }

  db::TemporaryDirectory directory_;
  db::InlineDatabase database_{directory_.path() + "/test.db"};
  SimulatedClock clock_{FromMicros(0)};
  tracking::Tracking tracking_{database_, clock_};
  net::RouteTable routes_;
};

TEST_F(ChartRoutesTest, TellsColumnsOfBuckets) {
  EXPECT_EQ(Say(R"({"runs":["none","r1"],"metrics":["a/\"b\"","c"],"buckets":4})"),
            R"({"x":"step","series":[{"run_id":"r1","metric":"a/\"b\"","points":6,"begin":0,"end":9,"width":3,)"
            R"("x":[0,3,6,9],"first":[4.0,3.0,null,0.5],"last":[null,3.0,null,0.5],"min":[2.0,3.0,null,0.5],)"
            R"("max":[4.0,3.0,null,0.5],"nans":[0,2]}]})");
  EXPECT_EQ(Say(R"({"runs":["r1"],"metrics":["a/\"b\""],"x":"time","from":1003,"to":1005})"),
            R"({"x":"time","series":[{"run_id":"r1","metric":"a/\"b\"","points":6,"begin":1000,"end":1005,"width":1,)"
            R"("x":[1003,1004,1005],"first":[3.0,null,0.5],"last":[3.0,null,0.5],"min":[3.0,null,0.5],)"
            R"("max":[3.0,null,0.5],"nans":[1]}]})");
  EXPECT_EQ(Say(R"({"runs":[],"metrics":[]})"), R"({"x":"step","series":[]})");
}

TEST_F(ChartRoutesTest, SaysWhatIsWrong) {
  EXPECT_EQ(Say("{}"), "400 runs must be a list of texts");
  EXPECT_EQ(Say(R"({"runs":["r1"],"metrics":[1]})"), "400 metrics must be a list of texts");
  EXPECT_EQ(Say(R"({"runs":["r1"],"metrics":["a"],"x":"wall"})"), "400 x is step or time, not \"wall\"");
  EXPECT_EQ(Say(R"({"runs":["r1"],"metrics":["a"],"buckets":1})"), "400 1 buckets; ask for 2 to 10000");
}

}  // namespace
}  // namespace mw::api::native
