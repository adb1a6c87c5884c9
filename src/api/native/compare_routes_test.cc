// Comparing over its routes: two runs, a version against what is in production, a pinned baseline, and how to make a
// run again.
#include <gtest/gtest.h>

#include "api/native/testing.h"
#include "lineage/lineage.h"
#include "lineage/recorder.h"

namespace mw::api::native {
namespace {

using net::Method;

/// What is posted has happened when it is awaited.
class WorksAtOnce final : public Executor {
 public:
  void Post(std::function<void()> work) override { work(); }
};

class CompareRoutesTest : public ::testing::Test {
 protected:
  CompareRoutesTest() {
    AddCompareRoutes(world_.routes, {world_.database, world_.registry, tracking_, artifacts_, *world_.machine.pipelines,
                                     world_.machine.blobs, workers_});
    experiment_ = SyncWait(tracking_.CreateExperiment({.name = "trees"}))->text();
    Train("one", "6", 0.75, "d1");
    Train("two", "8", 0.5, "d2");
  }

  /// A run of the experiment that read the dataset "rows", with a lock of its environment beside it.
  void Train(const std::string& id, const std::string& depth, double auc, const std::string& digest) {
    tracking::NewRun run;
    run.id = tracking::RunId(id);
    run.experiment = tracking::ExperimentId(experiment_);
    run.name = id;
    run.tags = {{"mlflow.source.git.commit", "abc"}, {"mlflow.source.name", "train.py"}};
    ASSERT_TRUE(SyncWait(tracking_.CreateRun(std::move(run))).ok());
    tracking::LogBatch batch;
    batch.run = tracking::RunId(id);
    batch.metrics.push_back({"auc", {1, 0, auc}});
    batch.params = {{"depth", depth}, {"rate", "0.1"}};
    ASSERT_TRUE(SyncWait(tracking_.Log(std::move(batch))).ok());
    const Status told = SyncWait(world_.database.Write([&](db::Transaction& t) -> Status {
      lineage::ToldArtifact rows{.port = "training", .title = "rows", .digest = digest};
      TRY(lineage::RecordRun(t, world_.machine.clock, {.id = id, .name = id}));
      return lineage::RecordRunInput(t, world_.machine.clock, id, rows);
    }));
    ASSERT_TRUE(told.ok()) << told.error().ToString();
    const std::string lock = Cat("xgboost==", depth, ".0\n");
    const std::string path = Cat(experiment_, "/", id, "/artifacts/environment/requirements.txt");
    const auto stored = world_.machine.blobs.Put(lock);
    ASSERT_TRUE(stored.ok());
    ASSERT_TRUE(SyncWait(artifacts_.Put({path, *stored, static_cast<std::int64_t>(lock.size())})).ok());
  }
  /// Entries of a part: "depth changed 6 8; ".
  static std::string Told(const Json& answer, const char* part, const char* name) {
    std::string told;
    for (const Json& one : answer.Find(part)->AsArray()) {
      const auto side = [&one](const char* key) {
        const Json& value = *one.Find(key);
        if (!value.IsObject()) return value.IsString() ? value.AsString() : value.Dump();
        return value.StringOr("digest", "");
      };
      CatTo(told, one.StringOr(name, ""), " ", one.StringOr("state", ""), " ", side("a"), " ", side("b"), "; ");
    }
    return told;
  }

  RecordedWorld world_;
  WorksAtOnce workers_;
  tracking::Tracking tracking_{world_.database, world_.machine.clock};
  tracking::Artifacts artifacts_{world_.database, world_.machine.clock};
  std::string experiment_;
};

TEST_F(CompareRoutesTest, RunsDifferInWhatWentInAndInWhatCameOut) {
  const Json answer = world_.Get("/api/v1/compare?a=run:one&b=two");
  EXPECT_EQ(answer.Find("a")->StringOr("ref", ""), "run:one");
  EXPECT_EQ(answer.Find("b")->StringOr("kind", ""), "run");
  EXPECT_EQ(Told(answer, "config", "name"), "depth changed 6 8; rate same 0.1 0.1; ");
  EXPECT_EQ(Told(answer, "data", "name"), "training: rows changed d1 d2; ");
  EXPECT_EQ(Told(answer, "environment", "name"), "xgboost changed 6.0 8.0; ");
  EXPECT_EQ(Told(answer, "code", "name"), "git commit same abc abc; program same train.py train.py; ");
  const Json& metric = answer.Find("metrics")->AsArray().at(0);
  EXPECT_EQ(metric.StringOr("metric", ""), "auc");
  EXPECT_DOUBLE_EQ(metric.DoubleOr("difference", 0), -0.25);
  EXPECT_EQ(metric.StringOr("interval", ""), "none");
  EXPECT_NE(metric.StringOr("reason", ""), "");
}

TEST_F(CompareRoutesTest, TheBaselineIsWhatIsComparedWithWhenNothingIsNamed) {
  const std::string place = Cat("/api/v1/experiments/", experiment_, "/baseline");
  EXPECT_EQ(world_.Say("/api/v1/compare?b=two"),
            Cat("400 a=... is missing, and experiment \"", experiment_, "\" has no baseline; pin one: millwright ",
                "baseline ", experiment_, " RUN"));
  EXPECT_EQ(world_.Say(place), Cat(R"({"experiment":")", experiment_, R"(","run":null})"));
  EXPECT_EQ(world_.Say(place, Method::kPut, R"({"run":"one"})"),
            Cat(R"({"experiment":")", experiment_, R"(","run":"one"})"));
  EXPECT_EQ(world_.Get("/api/v1/compare?b=two").Find("a")->StringOr("run_id", ""), "one");
  EXPECT_TRUE(world_.Say("/api/v1/compare?b=one").starts_with("400 a=... is missing"))
      << "it is not held against itself";
  EXPECT_TRUE(world_.Say("/api/v1/experiments/0/baseline", Method::kPut, R"({"run":"one"})")
                  .starts_with("400 run \"one\" is of experiment"));
  EXPECT_TRUE(world_.Say(place, Method::kPut, R"({"run":"none"})").starts_with("404 Run with id=none not found"));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(world_.Say(place, Method::kDelete), Cat(R"({"experiment":")", experiment_, R"(","run":null})"));
  }
  EXPECT_TRUE(world_.Say("/api/v1/compare?b=two").starts_with("400 a=... is missing"));
}

TEST_F(CompareRoutesTest, AVersionIsComparedWithTheOneInProduction) {
  for (const char* run : {"one", "two"}) {
    registry::NewVersion version;
    version.name.model = "late";
    version.run_id = run;
    version.source_uri = Cat("mlflow-artifacts:/1/", run, "/artifacts/model");
    ASSERT_TRUE(SyncWait(world_.registry.CreateVersion(std::move(version))).ok());
  }
  EXPECT_TRUE(world_.Say("/api/v1/compare?b=late@2").starts_with("404 "));
  ASSERT_TRUE(
      SyncWait(world_.registry.SetAlias({"default", "late"}, std::string(registry::kProduction), 1, "ann")).ok());
  const Json answer = world_.Get("/api/v1/compare?b=late@2");
  EXPECT_EQ(answer.Find("a")->IntOr("version", 0), 1);
  EXPECT_EQ(answer.Find("b")->IntOr("version", 0), 2);
  EXPECT_EQ(Told(answer, "config", "name"), "depth changed 6 8; rate same 0.1 0.1; ");
}

TEST_F(CompareRoutesTest, ARunSaysHowToMakeItAgain) {
  const Json recipe = world_.Get("/api/v1/runs/one/reproduce");
  EXPECT_EQ(recipe.StringOr("run", ""), "one");
  EXPECT_EQ(recipe.Find("commands")->Dump(),
            R"(["git checkout abc","mlflow artifacts download --run-id one --artifact-path )"
            R"(environment/requirements.txt --dst-path .. && pip install -r ../environment/requirements.txt",)"
            R"("python train.py"])");
  EXPECT_NE(recipe.Find("notes")->Dump().find("data training: rows: d1"), std::string::npos) << recipe.Dump();
  EXPECT_TRUE(world_.Say("/api/v1/runs/none/reproduce").starts_with("404 Run with id=none not found"));
  EXPECT_TRUE(world_.Say("/api/v1/compare").starts_with("400 name two runs or versions"));
}

}  // namespace
}  // namespace mw::api::native
