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

}  // namespace
}  // namespace mw::data
