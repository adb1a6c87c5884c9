// Walks on both databases, held against one in memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "base/random.h"
#include "base/task.h"
#include "base/text.h"
#include "db/temporary_database.h"
#include "lineage/lineage.h"

namespace mw::lineage {
namespace {

constexpr std::size_t kSteps = 900, kFan = 650;  // a level wider than what is asked for at once

using Tie = std::tuple<std::string, Direction, std::string, std::string>;  // execution, direction, port, artifact

struct Reached {
  std::map<std::string, std::int64_t> artifacts;  // hops to each
  std::set<std::string> executions;
};

template <typename Driver>
class WalkTest : public db::StoreTest<Driver> {
 protected:
  WalkTest() : db::StoreTest<Driver>(Migrations()) {}

  /// Step 0 makes one artifact, which the next kFan read; the rest read up to three of any before them, and each makes
  /// one or two. A fifth makes nothing.
  void Begin() override {
    const Lineage lineage(clock_);
    const Status made = this->Write([&](db::Transaction& transaction) -> Status {
      Random random(11);
      std::vector<ArtifactId> all;
      ties_.clear();
      for (std::size_t i = 0; i < kSteps; ++i) {
        NewExecution step;
        step.id = ExecutionId(Cat("step-", i));
        step.type = "step";
        const std::uint64_t reads = i == 0 ? 0 : i <= kFan ? 1 : 1 + random.Below(3);
        for (std::uint64_t k = 0; k < reads; ++k) {
          const ArtifactId& read = all[i <= kFan ? 0 : random.Below(all.size())];
          step.inputs.push_back({Cat("in", k), read, "", ""});
          ties_.insert({step.id.text(), Direction::kInput, Cat("in", k), read.text()});
        }
        const std::uint64_t makes = i == 0 ? 1 : random.Below(5) == 0 ? 0 : 1 + random.Below(2);
        for (std::uint64_t k = 0; k < makes; ++k) step.outputs.push_back({Cat("out", k), "t", Cat(i, ".", k)});
        for (const auto& [port, id] : TRY(lineage.RecordExecution(transaction, step)).outputs) {
          all.push_back(id);
          ties_.insert({step.id.text(), Direction::kOutput, port, id.text()});
        }
      }
      first_ = all.front();
      last_ = all.back();
      return Ok();
    });
    ASSERT_TRUE(made.ok()) << made.error().ToString();
  }

  /// The same walk over what was recorded, an edge after the other.
  [[nodiscard]] Reached InMemory(const ArtifactId& from, Direction through, std::int64_t hops_max) const {
    Reached reached;
    reached.artifacts[from.text()] = 0;
    for (bool grown = true; grown;) {
      grown = false;
      for (const auto& [execution, near, near_port, begin] : ties_) {
        const auto at = reached.artifacts.find(begin);
        if (near != through || at == reached.artifacts.end() || at->second >= hops_max) continue;
        reached.executions.insert(execution);
        const std::int64_t hops = at->second + 2;
        for (auto tie = ties_.lower_bound({execution, Direction::kInput, "", ""});
             tie != ties_.end() && std::get<0>(*tie) == execution; ++tie) {
          if (std::get<1>(*tie) == through || hops > hops_max) continue;
          const auto [known, fresh] = reached.artifacts.emplace(std::get<3>(*tie), hops);
          grown = grown || fresh || hops < known->second;
          known->second = std::min(known->second, hops);
        }
      }
    }
    return reached;
  }

  Lineage::Ids Ids(const ArtifactId& from, Way way, const Reach& reach) {
    const auto ids = this->Read([&](db::Snapshot& s) { return Lineage::WalkIds(s, {from}, way, reach); });
    EXPECT_TRUE(ids.ok()) << ids.error().ToString();
    return ids.ok() ? *ids : Lineage::Ids{};
  }
  Graph Whole(const ArtifactId& from, Way way, const Reach& reach) {
    auto graph = this->Read([&](db::Snapshot& s) { return Lineage::Walk(s, {from}, way, reach); });
    EXPECT_TRUE(graph.ok()) << graph.error().ToString();
    return graph.ok() ? *std::move(graph) : Graph{};
  }

  template <typename Noun>
  static std::set<std::string> Texts(const std::vector<Noun>& nouns) {
    std::set<std::string> texts;
    for (const Noun& noun : nouns) {
      if constexpr (requires { noun.text(); }) {
        texts.insert(noun.text());
      } else {
        texts.insert(noun.id.text());
      }
    }
    EXPECT_EQ(texts.size(), nouns.size()) << "each once";
    return texts;
  }

  SimulatedClock clock_{FromMicros(1'700'000'000'000'000)};
  std::set<Tie> ties_;
  ArtifactId first_, last_;
};

TYPED_TEST_SUITE(WalkTest, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(WalkTest, FindsWhatAWalkInMemoryFinds) {
  for (const auto& [from, way, through] : {std::tuple(this->first_, Way::kDownstream, Direction::kInput),
                                           std::tuple(this->last_, Way::kUpstream, Direction::kOutput)}) {
    for (const std::int64_t hops : {Reach().hops_max, std::int64_t{4}, std::int64_t{3}}) {
      const Reached expected = this->InMemory(from, through, hops);
      std::set<std::string> artifacts;
      for (const auto& [id, far] : expected.artifacts) artifacts.insert(id);
      ASSERT_GT(artifacts.size(), 1U);

      const Lineage::Ids ids = this->Ids(from, way, {.hops_max = hops});
      EXPECT_FALSE(ids.truncated);
      EXPECT_EQ(this->Texts(ids.artifacts), artifacts) << hops << " hops";
      EXPECT_EQ(this->Texts(ids.executions), expected.executions) << hops << " hops";
      std::int64_t far = 0;
      for (const ArtifactId& id : ids.artifacts) {
        EXPECT_GE(expected.artifacts.at(id.text()), far) << "the nearest first";
        far = expected.artifacts.at(id.text());
      }

      const Graph graph = this->Whole(from, way, {.hops_max = hops});
      EXPECT_EQ(this->Texts(graph.artifacts), artifacts) << hops << " hops";
      EXPECT_EQ(this->Texts(graph.executions), expected.executions) << hops << " hops";
      if (hops < 5) continue;  // what ties the last level together is left out
      std::set<Tie> ties, told;
      for (const Tie& tie : this->ties_) {
        if (artifacts.contains(std::get<3>(tie)) && expected.executions.contains(std::get<0>(tie))) ties.insert(tie);
      }
      for (const Event& event : graph.events) {
        EXPECT_EQ(event.at, this->clock_.Now());
        told.insert({event.execution.text(), event.direction, event.port, event.artifact.text()});
      }
      EXPECT_EQ(told, ties);
    }
  }
}

TYPED_TEST(WalkTest, ACutTakesTheNearest) {
  const Reached all = this->InMemory(this->first_, Direction::kInput, Reach().hops_max);
  std::vector<std::int64_t> near;
  for (const auto& [id, hops] : all.artifacts) near.push_back(hops);
  std::sort(near.begin(), near.end());
  for (const std::size_t most : {std::size_t{1}, std::size_t{100}, near.size() - 1, near.size()}) {
    const Lineage::Ids ids = this->Ids(this->first_, Way::kDownstream, {.artifacts_max = most});
    EXPECT_EQ(ids.truncated, most < near.size());
    ASSERT_EQ(ids.artifacts.size(), most);
    for (std::size_t i = 0; i < most; ++i) EXPECT_EQ(all.artifacts.at(ids.artifacts[i].text()), near[i]) << i;
    const Graph graph = this->Whole(this->first_, Way::kDownstream, {.artifacts_max = most});
    EXPECT_EQ(graph.truncated, ids.truncated);
    EXPECT_EQ(this->Texts(graph.artifacts), this->Texts(ids.artifacts));
    EXPECT_EQ(this->Texts(graph.executions), this->Texts(ids.executions));
  }
}

template <typename Driver>
class OlderLineageTest : public ::testing::Test {
 protected:
  Driver driver_;
};
TYPED_TEST_SUITE(OlderLineageTest, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(OlderLineageTest, EventsAreCarriedOver) {
  const std::vector<db::Migration> all = Migrations();
  const SimulatedClock clock(FromMicros(1'700'000'000'000'000));
  const Lineage lineage(clock);
  NewExecution step;
  step.id = ExecutionId("step");
  step.type = "step";
  step.inputs = {{"b", {}, "t", "sha256:b"}, {"a", {}, "t", "sha256:a"}};
  step.outputs = {{"out", "t", "sha256:out"}};
  std::map<std::string, ArtifactId> made;
  {
    auto older = this->driver_.Open();
    ASSERT_TRUE(older.ok()) << older.error().ToString();
    ASSERT_TRUE((*older)->Migrate({all.begin(), all.begin() + 2}).ok());
    const auto recorded =
        SyncWait((*older)->Write([&](db::Transaction& t) { return lineage.RecordExecution(t, step); }));
    ASSERT_TRUE(recorded.ok()) << recorded.error().ToString();
    made = recorded->outputs;
  }
  auto opened = this->driver_.Open();
  ASSERT_TRUE(opened.ok()) << opened.error().ToString();
  db::Database& database = **opened;
  const Status migrated = database.Migrate(all);
  ASSERT_TRUE(migrated.ok()) << migrated.error().ToString();
  const auto events = SyncWait(database.Read([&](db::Snapshot& s) { return Lineage::EventsOf(s, step.id); }));
  ASSERT_EQ(events->size(), 3U);
  EXPECT_EQ((*events)[0].port, "a");
  EXPECT_EQ((*events)[2].artifact, made.at("out"));
  for (const Event& event : *events) EXPECT_EQ(event.at, clock.Now());
  const auto graph = SyncWait(database.Read([&](db::Snapshot& s) { return Lineage::Upstream(s, made.at("out")); }));
  EXPECT_EQ(graph->artifacts.size(), 3U);
  // A port is one artifact's, as before.
  step.inputs = {{"a", {}, "t", "sha256:other"}};
  const auto again = SyncWait(database.Write([&](db::Transaction& t) { return lineage.Tell(t, step); }));
  EXPECT_TRUE(again.ok());
  EXPECT_EQ(SyncWait(database.Read([&](db::Snapshot& s) { return Lineage::EventsOf(s, step.id); }))->size(), 3U);
}

}  // namespace
}  // namespace mw::lineage
