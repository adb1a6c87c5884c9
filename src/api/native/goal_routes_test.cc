// Goals over their routes: as they were applied, how they were last judged, how they do in production.
#include <gtest/gtest.h>

#include "api/native/testing.h"

namespace mw::api::native {
namespace {

class GoalRoutesTest : public ::testing::Test {
 protected:
  void Judge(const std::string& id, double roc_auc, goals::Stage stage = goals::Stage::kEvaluation) {
    goals::Measurements measured;
    measured.model = {{"roc_auc", roc_auc, std::nullopt, std::nullopt, ""},
                      {"ece", 0.01, std::nullopt, std::nullopt, ""}};
    const goals::EvaluationContext context{id, stage, "late", 3, "run-1"};
    const auto verdicts = goals::Judge(*goals::ParseGoal(std::string(kLateGoal), "goal.yaml"), stage, measured);
    ASSERT_TRUE(SyncWait(world_.goals.Record("default", "late", context, verdicts)).ok());
  }
  /// "ranking met, calibration met" of the goal's page.
  std::string Verdicts() {
    std::vector<std::string> words;
    const Json page = world_.Get("/api/v1/goals/late");
    for (const Json& verdict : page.Find("verdicts")->AsArray()) {
      words.push_back(Cat(verdict.StringOr("target", ""), " ", verdict.StringOr("outcome", "")));
    }
    return Join(words, ", ");
  }

  RecordedWorld world_;
};

TEST_F(GoalRoutesTest, NoGoalIsAnAnswerAndAnUnknownOneIsNot) {
  EXPECT_EQ(world_.Say("/api/v1/goals"), R"({"goals":[]})");
  const std::string unknown = world_.Say("/api/v1/goals/late");
  EXPECT_TRUE(unknown.starts_with("404 ")) << unknown;
  EXPECT_NE(unknown.find("millwright apply"), std::string::npos) << unknown;
  EXPECT_TRUE(world_.Say("/api/v1/goals/late/production").starts_with("404 "));
}

TEST_F(GoalRoutesTest, AGoalIsListedBeforeAnythingWasJudged) {
  world_.Apply(kLateGoal);
  EXPECT_EQ(world_.Say("/api/v1/goals"),
            R"({"goals":[{"name":"late","model":"late","outcome":"Nobody waits.","version":1,"targets":2,)"
            R"("missed":0,"judged":null,"production":{"state":"unknown","missed_in":[]}}]})");
  const Json page = world_.Get("/api/v1/goals/late");
  EXPECT_EQ(page.StringOr("source", ""), kLateGoal);
  EXPECT_EQ(page.StringOr("applied_at", ""), "2020-09-13T12:26:40Z");
  EXPECT_TRUE(page.Find("verdicts")->AsArray().empty());
}

TEST_F(GoalRoutesTest, TheLastEvaluationCountsAndNoEarlierOne) {
  world_.Apply(kLateGoal);
  Judge("attempt-1", 0.9);
  EXPECT_EQ(Verdicts(), "ranking met, calibration met");
  world_.Advance(std::chrono::hours(1));
  Judge("attempt-2", 0.6);
  EXPECT_EQ(Verdicts(), "ranking missed, calibration met");
  const Json list = world_.Get("/api/v1/goals");
  const Json& row = list.Find("goals")->AsArray().at(0);
  EXPECT_EQ(row.IntOr("missed", 0), 1);
  EXPECT_EQ(row.StringOr("judged", ""), "2020-09-13T13:26:40Z");
  EXPECT_EQ(row.Find("production")->StringOr("state", ""), "unknown") << "an evaluation says nothing of production";
}

TEST_F(GoalRoutesTest, ProductionIsToldByItsBoardAndNotAmongVerdicts) {
  world_.Apply(kLateGoal);
  Judge("attempt-1", 0.9);
  Judge("window-1", 0.6, goals::Stage::kProduction);
  EXPECT_EQ(Verdicts(), "ranking met, calibration met");
  const Json board = world_.Get("/api/v1/goals/late/production");
  EXPECT_EQ(board.IntOr("pending", -1), 1) << "nothing was measured yet";
  EXPECT_TRUE(board.Find("windows")->AsArray().empty());
}

TEST_F(GoalRoutesTest, AGoalForALabelThatItsModelDoesNotPredictIsWarnedAbout) {
  const auto warnings = [this](std::string goal) {
    const Json file = Json::Make({{"path", "/project/goal.yaml"}, {"text", std::move(goal)}});
    const Json body = Json::Make({{"files", Json(Json::Array{file})}});
    const Result<Json> answer = Json::Parse(world_.Say("/api/v1/apply", net::Method::kPost, body.Dump()));
    EXPECT_TRUE(answer.ok());
    return answer.ok() ? answer->Find("objects")->AsArray().at(0).Find("warnings")->Dump() : "";
  };
  EXPECT_EQ(warnings(std::string(kLateGoal)).find("predict.label"), std::string::npos) << "no version yet";
  const auto info = world_.machine.blobs.Put(R"({"label":"departed_late"})");
  ASSERT_TRUE(info.ok());
  const Json manifest = Json::Make(
      {{"files", Json(Json::Array{Json::Make({{"path", "package.json"}, {"size", 25}, {"digest", *info}})})}});
  registry::NewVersion version;
  version.name.model = "late";
  version.package = *world_.machine.blobs.Put(manifest.Dump());
  ASSERT_TRUE(SyncWait(world_.registry.CreateVersion(std::move(version))).ok());
  const std::string said = warnings(std::string(kLateGoal));
  EXPECT_NE(said.find(R"(predict.label is \"came_late\", but version 1 of late predicts \"departed_late\")"),
            std::string::npos)
      << said;
  std::string right(kLateGoal);
  right.replace(right.find("came_late"), 9, "departed_late");
  EXPECT_EQ(warnings(right).find("predict.label"), std::string::npos);
}

TEST_F(GoalRoutesTest, AVerdictSaysWhatWasJudgedAndWhen) {
  world_.Apply(kLateGoal);
  Judge("attempt-1", 0.6);
  const Json page = world_.Get("/api/v1/goals/late");
  const Json& verdict = page.Find("verdicts")->AsArray().at(0);
  EXPECT_EQ(verdict.StringOr("metric", ""), "roc_auc");
  EXPECT_EQ(verdict.StringOr("stage", ""), "evaluation");
  EXPECT_EQ(verdict.StringOr("model", ""), "late");
  EXPECT_EQ(verdict.IntOr("model_version", 0), 3);
  EXPECT_EQ(verdict.StringOr("run_id", ""), "run-1");
  EXPECT_EQ(verdict.StringOr("recorded_at", ""), "2020-09-13T12:26:40Z");
  EXPECT_EQ(verdict.Find("verdict")->DoubleOr("value", 0), 0.6);
}

}  // namespace
}  // namespace mw::api::native
