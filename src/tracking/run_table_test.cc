// The table of runs and its views on both databases: pages that join without a gap, columns of one experiment only,
// matches as the search has them, views by name.
#include "tracking/run_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "db/temporary_database.h"
#include "tracking/tracking.h"
#include "tracking/views.h"

namespace mw::tracking {
namespace {

template <typename Driver>
class RunTableTest : public db::StoreTest<Driver> {
 protected:
  RunTableTest() : db::StoreTest<Driver>(Migrations()) {}
  void Begin() override {
    tracking_.emplace(*this->database_, clock_);
    table_.emplace(*this->database_);
    views_.emplace(*this->database_, clock_);
    NewExperiment other;
    other.name = "other";
    other_ = *SyncWait(tracking_->CreateExperiment(other));
  }
  void Run(const std::string& id, const ExperimentId& experiment, std::int64_t started, double loss) {
    NewRun run;
    run.id = RunId(id);
    run.experiment = experiment;
    run.name = Cat("name of ", id);
    run.started = started;
    ASSERT_TRUE(SyncWait(tracking_->CreateRun(run)).ok());
    LogBatch batch;
    batch.run = run.id;
    batch.metrics.push_back({"loss", {started, 0, loss}});
    batch.params.emplace_back("depth", Cat(started % 3));
    batch.tags.emplace_back(Cat("team/", id), "x");
    ASSERT_TRUE(SyncWait(tracking_->Log(batch)).ok());
  }
  std::string Ids(const std::vector<RunLine>& lines) {
    std::string out;
    for (const RunLine& line : lines) CatTo(out, out.empty() ? "" : " ", line.id.text());
    return out;
  }

  SimulatedClock clock_{FromMicros(7'000)};
  std::optional<Tracking> tracking_;
  std::optional<RunTable> table_;
  std::optional<Views> views_;
  ExperimentId zero_{"0"}, other_;
};

TYPED_TEST_SUITE(RunTableTest, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(RunTableTest, PagesOfLinesJoinWithoutGapAlsoWhereRunsBeganTogether) {
  for (const char* id : {"a", "b", "c", "d"}) this->Run(id, this->zero_, 100, 1);
  this->Run("e", this->zero_, 50, 1);
  this->Run("f", this->other_, 75, 1);
  this->Run("g", this->zero_, 200, 1);
  ASSERT_TRUE(SyncWait(this->tracking_->DeleteRun(RunId("c"))).ok());
  const auto all = *SyncWait(this->table_->Lines(this->zero_, Stage::kActive, std::nullopt, 100));
  EXPECT_EQ(this->Ids(all), "g d b a e");
  EXPECT_EQ(all[0].name, "name of g");
  EXPECT_EQ(all[0].status, RunStatus::kRunning);
  std::vector<RunLine> joined;
  std::optional<LinePlace> place;
  for (int page = 0; page < 4; ++page) {
    const auto lines = *SyncWait(this->table_->Lines(this->zero_, Stage::kActive, place, 2));
    joined.insert(joined.end(), lines.begin(), lines.end());
    if (!lines.empty()) place = LinePlace{lines.back().started, lines.back().id};
  }
  EXPECT_EQ(this->Ids(joined), "g d b a e");
  EXPECT_EQ(this->Ids(*SyncWait(this->table_->Lines(this->zero_, Stage::kDeleted, std::nullopt, 9))), "c");
  EXPECT_EQ(this->Ids(*SyncWait(this->table_->LinesSince(this->zero_, all[2].number))), "d e g");
}

TYPED_TEST(RunTableTest, AColumnIsOfItsExperimentAndKeepsNaN) {
  this->Run("a", this->zero_, 1, 0.5);
  this->Run("b", this->other_, 2, 0.25);
  this->Run("c", this->zero_, 3, std::nan(""));
  this->Run("d", this->zero_, 4, -2);
  const auto losses = *SyncWait(this->table_->Metrics(this->zero_, "loss"));
  ASSERT_EQ(losses.size(), 3U);
  EXPECT_EQ(losses[0].second, -2);
  EXPECT_EQ(losses[1].second, 0.5);
  EXPECT_TRUE(std::isnan(losses[2].second));
  EXPECT_TRUE(SyncWait(this->table_->Metrics(this->zero_, "never"))->empty());
  const auto depths = *SyncWait(this->table_->Texts(this->other_, ColumnKind::kParam, "depth"));
  ASSERT_EQ(depths.size(), 1U);
  EXPECT_EQ(depths[0].second, "2");
  const RunKeys keys = *SyncWait(this->table_->Keys(this->zero_));
  EXPECT_EQ(keys.metrics, std::vector<std::string>{"loss"});
  EXPECT_EQ(keys.params, std::vector<std::string>{"depth"});
  EXPECT_EQ(keys.tags, (std::vector<std::string>{"mlflow.runName", "team/a", "team/c", "team/d"}));
}

TYPED_TEST(RunTableTest, RowsComeInTheOrderAskedForAndMatchesAreTheSearchs) {
  for (int i = 0; i < 9; ++i) this->Run(Cat("r", i), this->zero_, i, i / 10.0);
  const auto rows = *SyncWait(this->table_->Rows({RunId("r5"), RunId("never"), RunId("r2")}));
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].run.id.text(), "r5");
  EXPECT_EQ(rows[1].latest[0].second.value, 0.2);
  const auto filter = *search::ParseRunFilter("metrics.loss < 0.65 AND params.depth = '1'");
  const std::vector<std::int64_t> matches = *SyncWait(this->table_->Matches(this->zero_, Stage::kActive, filter));
  EXPECT_EQ(matches.size(), 2U);
  EXPECT_TRUE(std::is_sorted(matches.begin(), matches.end()));
  const std::vector<RunId> many(RunTable::kRowsMax + 1, RunId("x"));
  EXPECT_EQ(SyncWait(this->table_->Rows(many)).error().code, Code::kInvalidArgument);
}

TYPED_TEST(RunTableTest, ViewsAreSavedReplacedAndDeletedByName) {
  EXPECT_TRUE(SyncWait(this->views_->Save({this->zero_, "best", "{\"a\":1}", "ann", 0})).ok());
  EXPECT_TRUE(SyncWait(this->views_->Save({this->zero_, "all", "{}", "ann", 0})).ok());
  EXPECT_TRUE(SyncWait(this->views_->Save({this->zero_, "best", "{\"a\":2}", "bob", 0})).ok());
  const auto views = *SyncWait(this->views_->List(this->zero_));
  ASSERT_EQ(views.size(), 2U);
  EXPECT_EQ(views[1].name, "best");
  EXPECT_EQ(views[1].state, "{\"a\":2}");
  EXPECT_EQ(views[1].saved_by, "bob");
  EXPECT_EQ(views[1].updated, 7);
  EXPECT_TRUE(SyncWait(this->views_->List(this->other_))->empty());
  EXPECT_TRUE(SyncWait(this->views_->Delete(this->zero_, "best")).ok());
  EXPECT_EQ(SyncWait(this->views_->Delete(this->zero_, "best")).error().message,
            "the experiment 0 has no view \"best\"");
  EXPECT_EQ(SyncWait(this->views_->Save({ExperimentId("77"), "x", "{}", "", 0})).error().code, Code::kNotFound);
  EXPECT_EQ(SyncWait(this->views_->Save({this->zero_, "", "{}", "", 0})).error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace mw::tracking
