// Data that pipelines made, on both databases: who made it first, who read it, page by page.
#include "lineage/made.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/text.h"
#include "db/temporary_database.h"
#include "lineage/lineage.h"

namespace mw::lineage {
namespace {

template <typename Driver>
class MadeTest : public db::StoreTest<Driver> {
 protected:
  MadeTest() : db::StoreTest<Driver>(Migrations()) {}

  /// kDays of a pipeline that imports two datasets and trains on one; each again from the cache; and what is none of
  /// that: a dataset with a title, a model, and data that nobody here made.
  void Begin() override {
    const Status made = this->Write([&](db::Transaction& transaction) -> Status {
      const Lineage lineage(clock_);
      for (int day = 0; day < kDays; ++day) {
        if (day % 2 == 0) clock_.Advance(std::chrono::seconds(1));  // two days at the same time
        NewExecution step;
        step.id = ExecutionId(Cat("import-", day));
        step.type = "import";
        step.name = "flights/import";
        step.outputs = {{"rows", "dataset", Cat("sha256:rows", day)}, {"weather", "dataset", Cat("sha256:w", day)}};
        step.contexts = {{"default", "run", Cat("run-", day)}, {"default", "pipeline", "flights"}};
        const Recorded recorded = TRY(lineage.RecordExecution(transaction, step));
        const ArtifactId rows = recorded.outputs.at("rows");
        NewExecution again = step;
        again.id = ExecutionId(Cat("import-again-", day));
        again.state = ExecutionState::kCached;
        again.outputs = {{"rows", "dataset", Cat("sha256:rows", day), Json::MakeObject(), rows}};
        again.contexts = {{"default", "run", "another"}};
        TRY(lineage.RecordExecution(transaction, again));
        NewExecution train;
        train.id = ExecutionId(Cat("train-", day));
        train.type = "train";
        train.inputs = {{"rows", rows, "", ""}, {"again", rows, "", ""}};
        train.outputs = {{"model", "model", Cat("sha256:m", day)}};
        TRY(lineage.RecordExecution(transaction, train));
      }
      NewExecution other;
      other.id = ExecutionId("other");
      other.type = "run";
      other.inputs = {{"named", {}, "dataset", "sha256:n", "named"}, {"brought", {}, "dataset", "sha256:brought"}};
      clock_.Advance(std::chrono::seconds(1));
      TRY(lineage.RecordExecution(transaction, other));
      return Ok();
    });
    ASSERT_TRUE(made.ok()) << made.error().ToString();
  }

  Result<std::vector<Made>> List(const MadeQuery& query) {
    return this->Read([&](db::Snapshot& s) { return ListMade(s, query); });
  }

  static constexpr int kDays = 6;
  SimulatedClock clock_{FromMicros(1'700'000'000'000'000)};
};

TYPED_TEST_SUITE(MadeTest, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(MadeTest, SaysWhoMadeItFirstAndHowManyReadIt) {
  const auto all = this->List({});
  ASSERT_TRUE(all.ok()) << all.error().ToString();
  ASSERT_EQ(all->size(), 2U * this->kDays + 1);
  EXPECT_EQ(all->front().artifact.digest, "sha256:brought");
  EXPECT_FALSE(all->front().maker.has_value());
  EXPECT_EQ(all->front().readers, 1);
  const auto first =
      std::find_if(all->begin(), all->end(), [](const Made& m) { return m.artifact.digest == "sha256:rows0"; });
  ASSERT_NE(first, all->end());
  ASSERT_TRUE(first->maker.has_value());
  EXPECT_EQ(first->maker->id.text(), "import-0") << "not the one that took it from its cache";
  EXPECT_EQ(first->maker->port, "rows");
  EXPECT_EQ(first->maker->name, "flights/import");
  EXPECT_EQ(first->maker->pipeline, "flights");
  EXPECT_EQ(first->maker->run, "run-0");
  EXPECT_EQ(first->readers, 1) << "by two ports, once";
  EXPECT_EQ(all->back().artifact.created, FromMicros(1'700'000'001'000'000));
}

TYPED_TEST(MadeTest, PagesAreTheWholeListEachOnce) {
  const auto all = this->List({});
  std::vector<std::string> expected, paged;
  for (const Made& made : *all) expected.push_back(made.artifact.id.text());
  MadeQuery query;
  query.limit = 3;
  while (true) {
    const auto page = this->List(query);
    ASSERT_TRUE(page.ok()) << page.error().ToString();
    for (const Made& made : *page) paged.push_back(made.artifact.id.text());
    if (page->size() < 3) break;
    query.before = page->back().artifact.id;
  }
  EXPECT_EQ(paged, expected);
}

TYPED_TEST(MadeTest, RefusesWhatItCannotGoOnFrom) {
  MadeQuery query;
  query.limit = MadeQuery::kMost + 1;
  EXPECT_EQ(this->List(query).error().code, Code::kInvalidArgument);
  query.limit = 1;
  query.before = ArtifactId("none");
  EXPECT_EQ(this->List(query).error().code, Code::kNotFound);
}

}  // namespace
}  // namespace mw::lineage
