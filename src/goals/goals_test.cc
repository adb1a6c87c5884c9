// The door on both databases: applying, diffing, recording verdicts, reading them back.
#include "goals/goals.h"

#include <gtest/gtest.h>

#include "base/task.h"
#include "base/text.h"
#include "db/temporary_database.h"
#include "goals/goals_schema.h"

namespace mw::goals {
namespace {

constexpr std::string_view kSource = R"yaml(goal: late
outcome: x
owner: y
predict: {label: late}
targets:
  - {name: ranking, priority: 1, require: roc_auc >= 0.68}
  - {name: catch, require: recall >= 45%}
)yaml";

template <typename Driver>
class GoalsTest : public db::StoreTest<Driver> {
 protected:
  GoalsTest() : db::StoreTest<Driver>(Migrations()) {}
  void Begin() override { goals_ = std::make_unique<Goals>(*this->database_, clock_); }
  Result<Applied> Apply(std::string_view source) {
    return SyncWait(goals_->Apply("default", std::string(source), "goal.yaml"));
  }
  std::vector<TargetVerdict> Judged(double roc_auc) {
    Measurements measured;
    measured.model = {{"roc_auc", roc_auc, roc_auc - 0.01, roc_auc + 0.01, ""}};
    return Judge(*ParseGoal(kSource, "goal.yaml"), Stage::kEvaluation, measured);
  }

  SimulatedClock clock_{FromMicros(1'700'000'000'000'000)};
  std::unique_ptr<Goals> goals_;
};
TYPED_TEST_SUITE(GoalsTest, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(GoalsTest, ApplyingTwiceChangesNothing) {
  const auto first = this->Apply(kSource);
  ASSERT_TRUE(first.ok()) << first.error().ToString();
  EXPECT_TRUE(first->created);
  EXPECT_EQ(first->version, 1);
  const auto again = this->Apply(kSource);
  EXPECT_FALSE(again->changed);
  EXPECT_EQ(again->version, 1);
  EXPECT_TRUE(again->changes.empty());
}

TYPED_TEST(GoalsTest, AChangeMakesAVersionAndIsNamed) {
  ASSERT_TRUE(this->Apply(kSource).ok());
  std::string source(kSource);
  source.replace(source.find("0.68"), 4, "0.70");
  const auto planned = SyncWait(this->goals_->Plan("default", source, "goal.yaml"));
  EXPECT_TRUE(planned->changed);
  EXPECT_EQ(planned->version, 1) << "planning changes nothing";
  const auto applied = this->Apply(source);
  EXPECT_EQ(applied->version, 2);
  ASSERT_EQ(applied->changes.size(), 1u);
  EXPECT_EQ(applied->changes[0].path, "targets.ranking.require");
  const auto comment = this->Apply(source + "# checked in May\n");
  EXPECT_TRUE(comment->changed);
  EXPECT_TRUE(comment->changes.empty()) << "the text is kept, nothing else differs";
}

TYPED_TEST(GoalsTest, ABrokenFileChangesNothing) {
  EXPECT_EQ(this->Apply("goal: late\n").error().code, Code::kInvalidArgument);
  EXPECT_TRUE(SyncWait(this->goals_->List("default"))->empty());
}

TYPED_TEST(GoalsTest, GetNamesWhatThereIs) {
  EXPECT_NE(SyncWait(this->goals_->Get("default", "late")).error().message.find("millwright apply"), std::string::npos);
  ASSERT_TRUE(this->Apply(kSource).ok());
  const auto goal = SyncWait(this->goals_->Get("default", "late"));
  EXPECT_EQ(goal->source, kSource);
  EXPECT_EQ(goal->parsed.StringOr("owner", ""), "y");
  EXPECT_NE(SyncWait(this->goals_->Get("default", "lat")).error().message.find("goals: late"), std::string::npos);
  EXPECT_EQ(SyncWait(this->goals_->Get("other", "late")).error().code, Code::kNotFound) << "projects are apart";
  EXPECT_EQ(SyncWait(this->goals_->List("default"))->size(), 1u);
}

TYPED_TEST(GoalsTest, VerdictsAreRecordedOnceAndReadInOrder) {
  ASSERT_TRUE(this->Apply(kSource).ok());
  EvaluationContext context{"attempt1", Stage::kEvaluation, "late", std::nullopt, "run1"};
  EXPECT_TRUE(SyncWait(this->goals_->Record("default", "late", context, this->Judged(0.70))).ok());
  EXPECT_TRUE(SyncWait(this->goals_->Record("default", "late", context, this->Judged(0.10))).ok());
  this->clock_.Advance(std::chrono::hours(1));
  context.id = "attempt2";
  context.model_version = 3;
  EXPECT_TRUE(SyncWait(this->goals_->Record("default", "late", context, this->Judged(0.60))).ok());

  const auto history = SyncWait(this->goals_->History("default", "late", "ranking", 100));
  ASSERT_TRUE(history.ok()) << history.error().ToString();
  ASSERT_EQ(history->size(), 2u);
  EXPECT_EQ(history->at(0).outcome, "met");
  EXPECT_EQ(history->at(0).verdict.DoubleOr("value", 0), 0.70) << "the second call under one id changed nothing";
  EXPECT_FALSE(history->at(0).model_version.has_value());
  EXPECT_EQ(history->at(1).outcome, "missed");
  EXPECT_EQ(history->at(1).model_version, 3);
  EXPECT_EQ(SyncWait(this->goals_->History("default", "late", "", 100))->size(), 4u);
  const auto latest = SyncWait(this->goals_->History("default", "late", "", 1));
  ASSERT_EQ(latest->size(), 1u);
  EXPECT_EQ(latest->at(0).target, "catch");
  EXPECT_EQ(latest->at(0).outcome, "not measurable yet");
}

TYPED_TEST(GoalsTest, VerdictsNeedTheirGoal) {
  const EvaluationContext context{"attempt1", Stage::kEvaluation, "late", std::nullopt, "run1"};
  EXPECT_EQ(SyncWait(this->goals_->Record("default", "late", context, this->Judged(0.7))).error().code,
            Code::kNotFound);
}

}  // namespace
}  // namespace mw::goals
