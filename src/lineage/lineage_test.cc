// Lineage on both databases: what produced this, what did it reach, and nothing recorded twice.
#include "lineage/lineage.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/task.h"
#include "db/temporary_database.h"

namespace mw::lineage {
namespace {

const Timestamp kStart = FromMicros(1'700'000'000'000'000);

template <typename Driver>
class LineageTest : public db::StoreTest<Driver> {
 protected:
  LineageTest() : db::StoreTest<Driver>(Migrations()) {}

  Result<Recorded> Record(const NewExecution& execution) {
    clock_.Advance(std::chrono::seconds(1));
    return this->Write([&](db::Transaction& t) { return lineage_.RecordExecution(t, execution); });
  }
  Recorded MustRecord(const NewExecution& execution) {
    Result<Recorded> recorded = Record(execution);
    EXPECT_TRUE(recorded.ok()) << recorded.error().ToString();
    return recorded.ok() ? *recorded : Recorded{};
  }
  Graph Upstream(const ArtifactId& id) {
    auto graph = this->Read([&](db::Snapshot& s) { return Lineage::Upstream(s, id); });
    EXPECT_TRUE(graph.ok()) << graph.error().ToString();
    return graph.ok() ? *graph : Graph{};
  }
  Graph Downstream(const ArtifactId& id) {
    auto graph = this->Read([&](db::Snapshot& s) { return Lineage::Downstream(s, id); });
    EXPECT_TRUE(graph.ok()) << graph.error().ToString();
    return graph.ok() ? *graph : Graph{};
  }

  /// "import>split>train": the types of the executions, oldest first.
  static std::string Types(const Graph& graph) {
    std::vector<std::string> types;
    for (const Execution& execution : graph.executions) types.push_back(execution.type);
    return Join(types, ">");
  }

  /// One execution, started `order` seconds after the others.
  static NewExecution Step(std::string type, int order, std::vector<InputPort> inputs,
                           std::vector<OutputPort> outputs) {
    NewExecution execution;
    execution.id = ExecutionId(Cat("attempt-", type, "-", order));
    execution.type = type;
    execution.name = Cat("flights/", type);
    execution.inputs = std::move(inputs);
    execution.outputs = std::move(outputs);
    execution.started = kStart + std::chrono::seconds(order);
    execution.ended = execution.started + std::chrono::milliseconds(500);
    return execution;
  }

  SimulatedClock clock_{kStart};
  Lineage lineage_{clock_};
};

TYPED_TEST_SUITE(LineageTest, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(LineageTest, KeepsAllThatIsKnownOfAnExecution) {
  NewExecution train = this->Step("train", 1, {{"rows", {}, "dataset", "sha256:rows"}},
                                  {{"model", "model", "sha256:model", Json::Make({{"trees", 143}})}});
  train.code_version = "sha256:program";
  train.configuration = Json::Make({{"max_depth", 6}, {"seed", 1}});
  train.environment = Json::Make({{"xgboost", "1.7.4"}});
  train.contexts = {{"default", "run", "r1"}, {"default", "pipeline", "flights"}};
  const Recorded recorded = this->MustRecord(train);

  const auto execution = this->Read([&](db::Snapshot& s) { return Lineage::ExecutionById(s, train.id); });
  ASSERT_TRUE(execution.ok()) << execution.error().ToString();
  EXPECT_EQ(execution->type, "train");
  EXPECT_EQ(execution->name, "flights/train");
  EXPECT_EQ(execution->state, ExecutionState::kComplete);
  EXPECT_EQ(execution->code_version, "sha256:program");
  EXPECT_EQ(execution->configuration, train.configuration);
  EXPECT_EQ(execution->environment, train.environment);
  EXPECT_EQ(execution->started, train.started);
  EXPECT_EQ(execution->ended, train.ended);
  const auto model =
      this->Read([&](db::Snapshot& s) { return Lineage::ArtifactByDigest(s, "default", "sha256:model"); });
  ASSERT_TRUE(model.ok()) << model.error().ToString();
  EXPECT_EQ(model->id, recorded.outputs.at("model"));
  EXPECT_EQ(model->metadata, Json::Make({{"trees", 143}}));
  EXPECT_EQ(model->type, "model");
  for (const ContextName& context : train.contexts) {
    const auto members = this->Read([&](db::Snapshot& s) { return Lineage::ExecutionsOfContext(s, context); });
    ASSERT_TRUE(members.ok());
    ASSERT_EQ(members->size(), 1U);
    EXPECT_EQ((*members)[0].id, train.id);
  }
}

TYPED_TEST(LineageTest, RecordingTwiceChangesNothing) {
  const NewExecution train =
      this->Step("train", 1, {{"rows", {}, "dataset", "sha256:rows"}}, {{"model", "model", "sha256:model"}});
  const Recorded first = this->MustRecord(train);
  const Recorded second = this->MustRecord(train);
  EXPECT_EQ(first.inputs, second.inputs);
  EXPECT_EQ(first.outputs, second.outputs);
  const auto models =
      this->Read([](db::Snapshot& s) { return Lineage::ArtifactsByDigest(s, "default", "sha256:model"); });
  EXPECT_EQ(models->size(), 1U);
}

TYPED_TEST(LineageTest, FollowsAChainUpAndDown) {
  const Recorded import = this->MustRecord(
      this->Step("import", 1, {{"file", {}, "file", "sha256:csv"}}, {{"rows", "dataset", "sha256:raw"}}));
  const ArtifactId raw = import.outputs.at("rows");
  const Recorded split =
      this->MustRecord(this->Step("split", 2, {{"rows", raw, "", ""}},
                                  {{"train", "dataset", "sha256:train"}, {"evaluate", "dataset", "sha256:eval"}}));
  const Recorded train = this->MustRecord(
      this->Step("train", 3, {{"rows", split.outputs.at("train"), "", ""}}, {{"model", "model", "sha256:model"}}));
  const Recorded evaluate = this->MustRecord(this->Step(
      "evaluate", 4, {{"model", train.outputs.at("model"), "", ""}, {"rows", split.outputs.at("evaluate"), "", ""}},
      {{"report", "report", "sha256:report"}}));

  const Graph model = this->Upstream(train.outputs.at("model"));
  EXPECT_EQ(this->Types(model), "import>split>train");
  EXPECT_EQ(model.artifacts.size(), 4U) << "file, raw rows, training rows, model; not the evaluation's rows";
  EXPECT_EQ(model.events.size(), 6U);
  EXPECT_EQ(this->Types(this->Upstream(evaluate.outputs.at("report"))), "import>split>train>evaluate");

  EXPECT_EQ(this->Types(this->Downstream(raw)), "split>train>evaluate");
  EXPECT_EQ(this->Types(this->Downstream(import.inputs.at("file"))), "import>split>train>evaluate");
  const Graph evaluation_rows = this->Downstream(split.outputs.at("evaluate"));
  EXPECT_EQ(this->Types(evaluation_rows), "evaluate");
  EXPECT_EQ(evaluation_rows.artifacts.size(), 2U);
}

TYPED_TEST(LineageTest, EqualBytesOfTwoExecutionsKeepTheirOwnHistories) {
  // Two gates write the same verdict; what follows the second did not come from the first.
  const Recorded one = this->MustRecord(
      this->Step("gate", 1, {{"report", {}, "report", "sha256:one"}}, {{"verdict", "report", "sha256:passed"}}));
  const Recorded two = this->MustRecord(
      this->Step("gate", 2, {{"report", {}, "report", "sha256:two"}}, {{"verdict", "report", "sha256:passed"}}));
  EXPECT_NE(one.outputs.at("verdict"), two.outputs.at("verdict"));
  const Recorded deploy = this->MustRecord(
      this->Step("deploy", 3, {{"verdict", one.outputs.at("verdict"), "", ""}}, {{"done", "report", "sha256:done"}}));
  const Graph upstream = this->Upstream(deploy.outputs.at("done"));
  std::set<std::string> digests;
  for (const Artifact& artifact : upstream.artifacts) digests.insert(artifact.digest);
  EXPECT_EQ(digests, (std::set<std::string>{"sha256:one", "sha256:passed", "sha256:done"}));
  // By digest alone, an input is the newest artifact of that content.
  const Recorded by_digest =
      this->MustRecord(this->Step("deploy", 4, {{"verdict", {}, "report", "sha256:passed"}}, {}));
  EXPECT_EQ(by_digest.inputs.at("verdict"), two.outputs.at("verdict"));
}

TYPED_TEST(LineageTest, ACacheHitGivesTheArtifactThatWasMadeBefore) {
  const Recorded made = this->MustRecord(
      this->Step("train", 1, {{"rows", {}, "dataset", "sha256:rows"}}, {{"model", "model", "sha256:model"}}));
  NewExecution hit = this->Step("train", 2, {{"rows", made.inputs.at("rows"), "", ""}},
                                {{"model", "", "", Json::MakeObject(), made.outputs.at("model")}});
  hit.state = ExecutionState::kCached;
  EXPECT_EQ(this->MustRecord(hit).outputs, made.outputs);
  const Graph graph = this->Upstream(made.outputs.at("model"));
  ASSERT_EQ(graph.executions.size(), 2U);
  EXPECT_EQ(graph.executions[1].state, ExecutionState::kCached);
}

TYPED_TEST(LineageTest, WalksDeepAndBroadGraphsOnce) {
  // A ladder of diamonds: without care the walk would take 2^60 steps.
  ArtifactId left, right;
  for (int i = 0; i < 60; ++i) {
    std::vector<InputPort> inputs;
    if (i > 0) inputs = {{"left", left, "", ""}, {"right", right, "", ""}};
    const Recorded step = this->MustRecord(
        this->Step("step", i, inputs, {{"left", "t", Cat("sha256:l", i)}, {"right", "t", Cat("sha256:r", i)}}));
    left = step.outputs.at("left");
    right = step.outputs.at("right");
  }
  const Graph graph = this->Upstream(left);
  EXPECT_EQ(graph.executions.size(), 60U);
  EXPECT_EQ(graph.artifacts.size(), 119U) << "all but the last right";
  EXPECT_FALSE(graph.truncated);
}

TYPED_TEST(LineageTest, GoesToTheEndOfALongChain) {
  // Each step reads the one before, and the first file: with one that has two outputs, so that it is no plain chain.
  const Recorded first = this->MustRecord(this->Step("step", 0, {}, {{"out", "t", "sha256:0"}}));
  ArtifactId last = first.outputs.at("out");
  std::set<std::string> made = {last.text()};
  constexpr int kSteps = 150;
  for (int i = 1; i < kSteps; ++i) {
    const Recorded step =
        this->MustRecord(this->Step("step", i, {{"before", last, "", ""}, {"base", {}, "t", "sha256:0"}},
                                    {{"out", "t", Cat("sha256:", i)}, {"log", "t", Cat("sha256:l", i)}}));
    last = step.outputs.at("out");
    made.insert(last.text());
  }
  const Graph up = this->Upstream(last);
  EXPECT_EQ(up.executions.size(), static_cast<std::size_t>(kSteps));
  EXPECT_EQ(up.events.size(), 1 + 3U * (kSteps - 1)) << "an output and what it read, of each; its log is no origin";
  std::set<std::string> ids;
  for (const Artifact& artifact : up.artifacts) ids.insert(artifact.id.text());
  EXPECT_EQ(ids, made);
  EXPECT_FALSE(up.truncated);
  const Graph down = this->Downstream(first.outputs.at("out"));
  EXPECT_EQ(down.artifacts.size(), 2U * kSteps - 1);
  const auto cut = this->Read(
      [&](db::Snapshot& s) { return Lineage::WalkIds(s, {last}, Way::kUpstream, {.artifacts_max = kSteps - 1}); });
  EXPECT_TRUE(cut->truncated);
  EXPECT_EQ(cut->artifacts.size(), kSteps - 1U);
  EXPECT_EQ(cut->artifacts[0], last);
  EXPECT_FALSE(this->Read([&](db::Snapshot& s) {
                     return Lineage::WalkIds(s, {last}, Way::kUpstream, {.artifacts_max = kSteps});
                   })
                   ->truncated);
  const auto hops =
      this->Read([&](db::Snapshot& s) { return Lineage::WalkIds(s, {last}, Way::kUpstream, {.hops_max = 200}); });
  EXPECT_EQ(hops->artifacts.size(), 102U) << "100 steps back, and the first file";
}

TYPED_TEST(LineageTest, SaysWhatIsWrongWithARecord) {
  const auto message = [this](const NewExecution& execution) {
    const auto refused = this->Record(execution);
    return refused.ok() ? std::string("accepted") : refused.error().message;
  };
  EXPECT_EQ(message(this->Step("train", 1, {{"rows", {}, "", ""}}, {})),
            "input \"rows\" needs an artifact id or a digest");
  EXPECT_EQ(message(this->Step("train", 1, {{"rows", ArtifactId("nobody"), "", ""}}, {})),
            "lineage has no artifact \"nobody\"");
  EXPECT_EQ(message(this->Step("train", 1, {}, {{"model", "model", ""}})),
            "output \"model\" needs a digest or an artifact id");
  EXPECT_EQ(message(this->Step("train", 1, {}, {{"a", "t", "d"}, {"a", "t", "e"}})), "two outputs are named \"a\"");
  EXPECT_EQ(message(NewExecution{}), "an execution of lineage needs an id");
  EXPECT_EQ(message(this->Step("train", 1, {}, {{"model", "model", "sha256:m"}})), "accepted")
      << "nothing of the refused ones was kept";
}

TYPED_TEST(LineageTest, ProjectsDoNotShareArtifacts) {
  NewExecution other = this->Step("import", 1, {}, {{"rows", "dataset", "sha256:rows"}});
  other.project = "other";
  this->MustRecord(other);
  const auto missing =
      this->Read([](db::Snapshot& s) { return Lineage::ArtifactByDigest(s, "default", "sha256:rows"); });
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, Code::kNotFound);
}

}  // namespace
}  // namespace mw::lineage
