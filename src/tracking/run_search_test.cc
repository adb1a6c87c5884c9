// Searches on both databases: each kind of clause, each kind of order, and pages that stay right while runs are added.
#include "tracking/run_search.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "db/temporary_database.h"
#include "tracking/testing.h"
#include "tracking/tracking.h"

namespace mw::tracking {
namespace {

template <typename Driver>
class RunSearchTest : public db::StoreTest<Driver> {
 protected:
  RunSearchTest() : db::StoreTest<Driver>(Migrations()) {}
  void Begin() override { tracking_.emplace(*this->database_, clock_); }

  /// Runs a to e, one a second; loss is missing in c and no number in d.
  void MakeRuns() {
    Make("a", 1, 0.5, {{"kind", "tree"}}, {{"team", "ops"}});
    Make("b", 2, 0.25, {{"kind", "linear"}}, {{"team", "Ops"}, {"note", std::string(100, 'x')}});
    Make("c", 3, {}, {{"kind", "tree"}}, {});
    Make("d", 4, kNan, {}, {{"team", "ml"}});
    Make("e", 5, 0.5, {{"kind", "Tree"}}, {{"team", ""}});
    RunChange ended;
    ended.status = RunStatus::kFinished;
    ended.ended = 9000;
    EXPECT_TRUE(SyncWait(tracking_->UpdateRun(RunId("b"), ended)).ok());
  }
  void Make(const std::string& id, std::int64_t second, std::optional<double> loss,
            std::vector<std::pair<std::string, std::string>> params,
            std::vector<std::pair<std::string, std::string>> tags) {
    NewRun run;
    run.id = RunId(id);
    run.experiment = ExperimentId("0");
    run.name = Cat("run ", id);
    run.user = id == "e" ? "ada" : "bob";
    run.started = second * 1000;
    EXPECT_TRUE(SyncWait(tracking_->CreateRun(run)).ok());
    LogBatch batch{RunId(id), {}, std::move(params), std::move(tags)};
    if (loss) batch.metrics.push_back({"loss", {1, 0, *loss}});
    EXPECT_TRUE(SyncWait(tracking_->Log(batch)).ok());
  }
  RunQuery Query(const std::string& filter, const std::vector<std::string>& order = {}) {
    RunQuery query;
    query.experiments = {ExperimentId("0"), ExperimentId("77")};
    auto parsed = search::ParseRunFilter(filter);
    EXPECT_TRUE(parsed.ok()) << filter << ": " << parsed.error().ToString();
    query.filter = *parsed;
    auto ordered = search::ParseRunOrderBy(order);
    EXPECT_TRUE(ordered.ok()) << ordered.error().ToString();
    query.order = *ordered;
    return query;
  }
  RunPage Ask(const RunQuery& query) {
    auto page = SyncWait(tracking_->SearchRuns(query));
    EXPECT_TRUE(page.ok()) << page.error().ToString();
    return page.ok() ? *page : RunPage{};
  }
  static std::string Ids(const RunPage& page) {
    std::string ids;
    for (const RunDetails& run : page.runs) ids += run.run.id.text();
    return ids;
  }
  std::string Found(const std::string& filter, const std::vector<std::string>& order = {"start_time ASC"}) {
    return Ids(Ask(Query(filter, order)));
  }

  SimulatedClock clock_{FromMicros(0)};
  std::optional<Tracking> tracking_;
};

TYPED_TEST_SUITE(RunSearchTest, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(RunSearchTest, EachKindOfClauseFindsItsRuns) {
  this->MakeRuns();
  const std::string long_note(100, 'x');
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "abcde"},
      {"metrics.loss = 0.5", "ae"},
      {"metrics.loss < 0.5", "b"},
      {"metrics.loss >= 0.25 AND metrics.loss <= 0.5", "abe"},
      {"metrics.loss != 0.5", "b"},
      {"metrics.nothing > 0", ""},
      {"params.kind = 'tree'", "ac"},
      {"params.kind != 'tree'", "be"},
      {"params.kind LIKE 't%'", "ac"},
      {"params.kind ILIKE 'T%'", "ace"},
      {"params.kind IS NULL", "d"},
      {"params.kind IS NOT NULL", "abce"},
      {"params.nothing IS NULL", "abcde"},
      {"params.nothing IS NOT NULL", ""},
      {"tags.team = ''", "e"},
      {"tags.team ILIKE 'OPS'", "ab"},
      {Cat("tags.note = '", long_note, "'"), "b"},
      {Cat("tags.note = '", long_note, "x'"), ""},
      {"tags.mlflow.runName = 'run c'", "c"},
      {"attributes.run_name LIKE 'run _'", "abcde"},
      {"run_id IN ('a', 'c', 'x')", "ac"},
      {"run_id NOT IN ('a', 'c')", "bde"},
      {"run_id IN ('A')", ""},
      {"status = 'FINISHED'", "b"},
      {"status != 'FINISHED'", "acde"},
      {"attributes.status ILIKE 'run%'", "acde"},
      {"user_id = 'ada'", "e"},
      {"start_time > 2000 AND start_time <= 4000", "cd"},
      {"start_time > 2000.5", "cde"},
      {"end_time = 9000", "b"},
      {"end_time > 0", "b"},
      {"artifact_uri LIKE 'mlflow-artifacts:/0/c/%'", "c"},
      {"params.kind = 'tree' AND metrics.loss > 0 AND tags.team = 'ops'", "a"},
      {"datasets.name = 'nobody logged one'", ""},
  };
  for (const auto& [filter, ids] : cases) EXPECT_EQ(this->Found(filter), ids) << filter;
}

TYPED_TEST(RunSearchTest, EachKindOfOrderPutsWhatIsMissingLast) {
  this->MakeRuns();
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"metrics.loss", "beadc"},  // of one value the newest first; NaN, then none
      {"metrics.loss DESC", "eabdc"}, {"params.kind ASC", "ebcad"}, {"params.kind DESC", "cabed"},
      {"tags.team", "ebdac"},         {"run_name DESC", "edcba"},   {"attributes.end_time", "bedca"},
      {"metrics.nothing", "edcba"},   {"user_id", "edcba"},         {"run_id", "abcde"},
  };
  for (const auto& [order, ids] : cases) {
    EXPECT_EQ(this->Found("", {order}), ids) << order;
  }
  EXPECT_EQ(this->Found("", {"status ASC", "start_time ASC"}), "bacde");
  EXPECT_EQ(this->Found("", {"params.kind ASC", "metrics.loss ASC"}), "ebacd");
  EXPECT_EQ(this->Found("", {}), "edcba") << "the newest first";
}

TYPED_TEST(RunSearchTest, PagesStayRightWhileRunsAreAdded) {
  this->MakeRuns();
  for (const char* order : {"metrics.loss", "metrics.loss DESC", "params.kind", "params.kind DESC", "end_time",
                            "start_time", "run_name DESC", "tags.team DESC"}) {
    RunQuery query = this->Query("tags.late IS NULL", {order});
    const std::string whole = this->Ids(this->Ask(query));
    query.limit = 1;
    std::string pages;
    for (int page = 0; page < 10; ++page) {
      const RunPage found = this->Ask(query);
      pages += this->Ids(found);
      if (!found.next) break;
      const auto again = ParsePageToken(PageToken(*found.next), query.order);
      ASSERT_TRUE(again.ok()) << again.error().ToString();
      EXPECT_EQ(*again, *found.next);
      query.after = *again;
    }
    EXPECT_EQ(pages, whole) << order;
  }
  RunQuery query = this->Query("", {"start_time DESC"});
  query.limit = 2;
  RunPage page = this->Ask(query);
  EXPECT_EQ(this->Ids(page), "ed");
  this->Make("f", 6, {}, {}, {});
  query.after = page.next;
  EXPECT_EQ(this->Ids(this->Ask(query)), "cb") << "one that came in front moves nothing";
}

TYPED_TEST(RunSearchTest, DeletedRunsAreSeenWhenTheyAreAskedFor) {
  this->MakeRuns();
  ASSERT_TRUE(SyncWait(this->tracking_->DeleteRun(RunId("c"))).ok());
  RunQuery query = this->Query("");
  EXPECT_EQ(this->Ids(this->Ask(query)), "edba");
  query.view = StageView::kDeletedOnly;
  EXPECT_EQ(this->Ids(this->Ask(query)), "c");
  query.view = StageView::kAll;
  EXPECT_EQ(this->Ids(this->Ask(query)), "edcba");
  query.experiments = {ExperimentId("not a number")};
  EXPECT_EQ(this->Ids(this->Ask(query)), "");
}

TEST(PageTokens, WhatIsNoneIsRefused) {
  const search::OrderBy order{{search::Entity::kMetric, "loss", true}};
  const std::string good = PageToken({{{0, 0.5}}, 5, "a"});
  EXPECT_TRUE(ParsePageToken(good, order).ok());
  EXPECT_FALSE(ParsePageToken(good, {}).ok()) << "of another order";
  for (const std::string& bad : {std::string("?"), std::string("abc"), good.substr(0, good.size() - 2), good + "00",
                                 std::string(200'000, 'a')}) {
    EXPECT_EQ(ParsePageToken(bad, order).error().code, Code::kInvalidArgument);
  }
}

}  // namespace
}  // namespace mw::tracking
