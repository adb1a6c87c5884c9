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
  EXPECT_EQ(depths[0].text, "2");
  EXPECT_EQ(depths[0].runs.size(), 1U);
  const RunKeys keys = *SyncWait(this->table_->Keys(this->zero_));
  EXPECT_EQ(keys.metrics, std::vector<std::string>{"loss"});
  EXPECT_EQ(keys.params, std::vector<std::string>{"depth"});
  EXPECT_EQ(keys.tags, (std::vector<std::string>{"mlflow.runName", "team/a", "team/c", "team/d"}));
}

TYPED_TEST(RunTableTest, AColumnOfTextsHasEachOnceInOrderLongOnesToo) {
  const std::string head(70, 'm');
  const std::vector<std::string> texts = {"z", Cat(head, "2"), "a", Cat(head, "1"), "z", Cat(head, "2"), ""};
  for (std::size_t i = 0; i < texts.size(); ++i) {
    this->Run(Cat("r", i), this->zero_, static_cast<std::int64_t>(i), 1);
    LogBatch batch;
    batch.run = RunId(Cat("r", i));
    batch.params.emplace_back("text", texts[i]);
    ASSERT_TRUE(SyncWait(this->tracking_->Log(batch)).ok());
  }
  const auto lines = *SyncWait(this->table_->LinesSince(this->zero_, 0));
  const auto column = *SyncWait(this->table_->Texts(this->zero_, ColumnKind::kParam, "text"));
  std::string seen;
  for (const TextGroup& group : column) {
    CatTo(seen, group.text.size() > 9 ? group.text.substr(69) : group.text, ":");
    for (const std::int64_t run : group.runs) CatTo(seen, " ", run - lines[0].number);
    seen += "; ";
  }
  EXPECT_EQ(seen, ": 6; a: 2; m1: 3; m2: 1 5; z: 0 4; ");
}

TYPED_TEST(RunTableTest, KeysAreOfTheNewestRunsAndOfOthersAllOverTheTime) {
  const Status made = SyncWait(this->database_->Write([&](db::Transaction& t) -> Status {
    for (int i = 0; i < 400; ++i) {
      NewRun run;
      run.id = RunId(Cat("r", i));
      run.experiment = this->zero_;
      run.started = i;
      run.tags = {{Cat("team/r", i), "x"}};
      TRY(this->tracking_->CreateRun(t, run));
    }
    return Ok();
  }));
  ASSERT_TRUE(made.ok());
  const RunKeys keys = *SyncWait(this->table_->Keys(this->zero_));
  const auto has = [&](int i) { return std::count(keys.tags.begin(), keys.tags.end(), Cat("team/r", i)) == 1; };
  EXPECT_TRUE(has(399) && has(300) && (has(150) || has(151)) && (has(2) || has(3)));
  EXPECT_LE(keys.tags.size(), static_cast<std::size_t>(RunTable::kSampledMax) + 1);
  EXPECT_GT(keys.tags.size(), 250U);
}

TYPED_TEST(RunTableTest, RowsComeInTheOrderAskedForAndMatchesAreTheSearchs) {
  for (int i = 0; i < 9; ++i) this->Run(Cat("r", i), this->zero_, i, i / 10.0);
  const auto rows = *SyncWait(this->table_->Rows({RunId("r5"), RunId("never"), RunId("r2")}));
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].run.id.text(), "r5");
  EXPECT_EQ(rows[1].latest[0].second.value, 0.2);
  const auto filter = *search::ParseRunFilter("metrics.loss < 0.65 AND params.depth = '1'");
  EXPECT_EQ(SyncWait(this->table_->Matches(this->zero_, Stage::kActive, filter))->Count(), 2U);
  const std::vector<RunId> many(RunTable::kRowsMax + 1, RunId("x"));
  EXPECT_EQ(SyncWait(this->table_->Rows(many)).error().code, Code::kInvalidArgument);
}

TYPED_TEST(RunTableTest, MembersAreKeptAndNewOnesJoinThem) {
  const ExperimentId& other = this->other_;
  const auto count = [&](const ExperimentId& experiment) {
    return SyncWait(this->table_->Metrics(experiment, "loss"))->size();
  };
  const auto members = [&](const ExperimentId& experiment) {
    return SyncWait(this->table_->Matches(experiment, std::nullopt, {}))->Count();
  };
  EXPECT_EQ(members(this->zero_), 0U);
  this->Run("a", this->zero_, 1, 0.1);
  this->Run("b", other, 2, 0.2);
  this->Run("c", this->zero_, 3, 0.3);
  for (int asked = 0; asked < 2; ++asked) {
    EXPECT_EQ(count(this->zero_), 2U);
    EXPECT_EQ(count(other), 1U);
  }
  this->Run("d", other, 4, 0.4);
  this->Run("e", this->zero_, 5, 0.5);
  EXPECT_EQ(count(this->zero_), 3U);
  EXPECT_EQ(members(this->zero_), 3U);
  EXPECT_EQ(members(other), 2U);
  // Of more experiments than are kept, each is right when it is asked for again.
  for (std::size_t i = 0; i <= ExperimentMembers::kKept; ++i) {
    EXPECT_EQ(members(*SyncWait(this->tracking_->CreateExperiment({.name = Cat("n", i)}))), 0U);
  }
  EXPECT_EQ(members(other), 2U);
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
