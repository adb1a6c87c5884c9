// Where the cuts of a split fall and which rows each part gets.
#include "data/split.h"

#include <gtest/gtest.h>

#include "data/testing.h"

namespace mw::data {
namespace {

Timestamp At(std::string_view text) { return *ParseTime(text); }

TEST(PlanSplitTest, PutsTheEndOfLearningAside) {
  const auto plan = PlanSplit({At("2013-01-01"), At("2013-04-01")}, At("2013-03-18"), At("2013-05-01"));
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->train, (TimeRange{At("2013-01-01"), At("2013-03-18")}));
  EXPECT_EQ(plan->stop_early, (TimeRange{At("2013-03-18"), At("2013-04-01")}));
  EXPECT_EQ(plan->evaluate, (TimeRange{At("2013-04-01"), At("2013-05-01")}));
  EXPECT_EQ(plan->labels_known_by, At("2013-04-01"));
}

TEST(PlanSplitTest, WithoutEarlyStoppingOrEvaluationThosePartsAreEmpty) {
  const Timestamp until = At("2013-04-01");
  const auto plan = PlanSplit({At("2013-01-01"), until}, until, until);
  ASSERT_TRUE(plan.ok());
  EXPECT_TRUE(plan->stop_early.empty());
  EXPECT_TRUE(plan->evaluate.empty());
}

TEST(PlanSplitTest, RefusesTimesThatLeaveNothingToTrainOn) {
  const TimeRange learn{At("2013-01-01"), At("2013-04-01")};
  EXPECT_FALSE(PlanSplit({learn.until, learn.from}, learn.from, learn.until).ok());
  EXPECT_FALSE(PlanSplit(learn, learn.from, At("2013-05-01")).ok());
  EXPECT_FALSE(PlanSplit(learn, At("2013-04-02"), At("2013-05-01")).ok());
  EXPECT_FALSE(PlanSplit(learn, At("2013-03-18"), At("2013-03-31")).ok());
}

// Rows an hour apart from midnight, labels known two hours and a quarter after the row.
class PartTest : public ::testing::Test {
 protected:
  std::string Rows(const Roles& roles, Timestamp known_by) {
    auto session = OpenOver({});
    EXPECT_TRUE(session
                    .Materialise("t",
                                 "SELECT i AS id, TIMESTAMPTZ '2013-01-01 00:00:00Z' + to_hours(i) AS at,"
                                 " \"at\" + INTERVAL '2 hours 15 minutes' AS known,"
                                 " CASE WHEN i <> 2 THEN i % 2 END AS label FROM range(24) AS r(i)")
                    .ok());
    const TimeRange part{At("2013-01-01T01:00:00Z"), At("2013-01-01T08:00:00Z")};
    const auto rows = session.Query(
        Cat("SELECT string_agg(id, ' ' ORDER BY id) FROM t WHERE ", PartCondition(roles, part, known_by)));
    EXPECT_TRUE(rows.ok()) << rows.error().ToString();
    return (*rows)[0][0].AsString();
  }
};

TEST_F(PartTest, TakesFromTheFirstMomentToBeforeTheLast) {
  EXPECT_EQ(Rows({"at", "", "", ""}, kNever), "1 2 3 4 5 6 7");
}

TEST_F(PartTest, LeavesOutRowsThatNeverGotALabel) {
  EXPECT_EQ(Rows({"at", "known", "id", "label"}, kNever), "1 3 4 5 6 7");
}

// The label of the row at 05:00 is known at 07:15, of that at 06:00 at 08:15: too late for training at 08:00.
TEST_F(PartTest, LeavesOutLabelsThatWereNotKnownYet) {
  EXPECT_EQ(Rows({"at", "known", "id", "label"}, At("2013-01-01T08:00:00Z")), "1 3 4 5");
  EXPECT_EQ(Rows({"at", "known", "id", "label"}, At("2013-01-01T08:15:00Z")), "1 3 4 5 6");
}

std::int64_t CountWhere(DuckdbSession& session, const std::string& condition) {
  const auto rows = session.Query("SELECT count(*) FROM t WHERE " + condition);
  EXPECT_TRUE(rows.ok()) << rows.error().ToString();
  return (*rows)[0][0].AsInt();
}

TEST(HashSplitTest, CutsEveryLabelledRowIntoOnePartOfItsShare) {
  DuckdbSession session = OpenOver({});
  ASSERT_TRUE(session
                  .Execute("CREATE TABLE t AS SELECT i AS \"the id\", CASE WHEN i % 10 > 0 THEN i % 2 END AS y "
                           "FROM range(20000) r(i)")
                  .ok());
  const HashSplit split{{"the id"}, 1, 0.2, 0.15};
  const std::int64_t evaluate = CountWhere(session, HashCondition(split, "y", 0, 0.2));
  const std::int64_t stop_early = CountWhere(session, HashCondition(split, "y", 0.2, 0.35));
  const std::int64_t train = CountWhere(session, HashCondition(split, "y", 0.35, 1));
  EXPECT_EQ(evaluate + stop_early + train, 18000);
  EXPECT_NEAR(static_cast<double>(evaluate), 3600, 200);
  EXPECT_NEAR(static_cast<double>(stop_early), 2700, 200);
  HashSplit other = split;
  other.seed = 2;
  const std::int64_t both =
      CountWhere(session, HashCondition(split, "y", 0, 0.2) + " AND " + HashCondition(other, "y", 0, 0.2));
  EXPECT_NEAR(static_cast<double>(both), 720, 120) << "another seed draws anew";
}

TEST(HashSplitTest, EqualNamesStayTogetherAndMissingIsNotEmpty) {
  DuckdbSession session = OpenOver({});
  ASSERT_TRUE(session.Execute("CREATE TABLE t AS SELECT i, (i % 50)::VARCHAR AS customer FROM range(5000) r(i)").ok());
  const std::string part = HashCondition({{"customer"}, 1, 0.3, 0.1}, "", 0, 0.3);
  const auto cut = session.Query(
      "SELECT count(*) FROM (SELECT customer FROM t GROUP BY customer HAVING "
      "count(*) FILTER (" +
      part + ") NOT IN (0, 100))");
  ASSERT_TRUE(cut.ok());
  EXPECT_EQ((*cut)[0][0].AsInt(), 0);
  // Two rows that differ only in where an empty text and a missing value stand.
  ASSERT_TRUE(
      session.Execute("CREATE OR REPLACE TABLE t AS SELECT * FROM (VALUES ('', NULL), (NULL, '')) v(a, b)").ok());
  int apart = 0;
  for (std::int64_t seed = 0; seed < 40; ++seed) {
    if (CountWhere(session, HashCondition({{"a", "b"}, seed, 0.5, 0}, "", 0, 0.5)) == 1) ++apart;
  }
  EXPECT_GT(apart, 5);
}

TEST(HashSplitTest, RefusesSharesThatLeaveNothing) {
  EXPECT_FALSE(Check(HashSplit{{"a"}, 1, 0.6, 0.4}).ok());
  EXPECT_FALSE(Check(HashSplit{{"a"}, 1, -0.1, 0.4}).ok());
  EXPECT_TRUE(Check(HashSplit{{"a"}, 1, 0.6, 0.3}).ok());
}

}  // namespace
}  // namespace mw::data
