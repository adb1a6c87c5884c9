// The metadata API's door on both databases: filters that mean what they say, pages that stay right, contexts, events.
#include "lineage/metadata.h"

#include <gtest/gtest.h>

#include <set>

#include "base/text.h"
#include "db/temporary_database.h"
#include "lineage/lineage.h"

namespace mw::lineage {
namespace {

const Timestamp kNewYear = *ParseTime("2026-01-01T00:00:00Z");

template <typename Driver>
class MetadataTest : public db::StoreTest<Driver> {
 protected:
  MetadataTest() : db::StoreTest<Driver>(Migrations()) {}

  void Make(const std::string& id, std::string type, std::string title, Json metadata) {
    clock_.Advance(std::chrono::hours(1));
    Artifact artifact;
    artifact.id = ArtifactId(id);
    artifact.project = "default";
    artifact.type = std::move(type);
    artifact.title = std::move(title);
    artifact.metadata = std::move(metadata);
    const auto made = this->Write([&](db::Transaction& t) { return metadata_.Create(t, artifact); });
    ASSERT_TRUE(made.ok()) << made.error().ToString();
  }
  void MakeAll() {
    Make("a1", "model", "first", Json::Make({{"auc", 0.7}, {"passed", true}}));
    Make("a2", "model", "second", Json::Make({{"auc", 0.8}, {"passed", false}, {"by", "Ann"}}));
    Make("a3", "dataset", "rows", Json::Make({{"rows", 10}, {"source", Json::Make({{"kind", "csv"}})}}));
    Make("a4", "model", "third", Json::Make({{"auc", "high"}}));
  }
  /// Ids, in order; or the error.
  std::string List(const ListQuery& query) {
    const auto page = this->Read([&](db::Snapshot& s) { return Metadata::ListArtifacts(s, query); });
    if (!page.ok()) return page.error().message;
    std::string ids;
    for (const Artifact& artifact : page->entries) CatTo(ids, ids.empty() ? "" : " ", artifact.id.text());
    token_ = page->next_page_token;
    return ids;
  }
  std::string Filtered(std::string filter) { return List({.filter = std::move(filter), .order_by = "name"}); }

  SimulatedClock clock_{kNewYear};
  Metadata metadata_{clock_};
  std::string token_;
};

TYPED_TEST_SUITE(MetadataTest, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(MetadataTest, FiltersMeanWhatTheySay) {
  this->MakeAll();
  EXPECT_EQ(this->Filtered(""), "a1 a2 a3 a4");
  EXPECT_EQ(this->Filtered(R"(schema_title = "system.Model")"), "a1 a2 a4");
  EXPECT_EQ(this->Filtered("metadata.auc.number_value > 0.75"), "a2") << "a text is no number";
  EXPECT_EQ(this->Filtered("metadata.auc.number_value != 0.7"), "a2") << "what lacks it is not unequal";
  EXPECT_EQ(this->Filtered("NOT metadata.auc.number_value = 0.7"), "a2 a3 a4");
  EXPECT_EQ(this->Filtered(R"(metadata.auc.string_value = "high")"), "a4");
  EXPECT_EQ(this->Filtered("metadata.passed.bool_value = false"), "a2");
  EXPECT_EQ(this->Filtered(R"(metadata.source.kind.string_value = "csv")"), "a3");
  EXPECT_EQ(this->Filtered(R"(create_time > "2026-01-01T02:00:00Z" AND schema_title = "system.Model")"), "a4");
  EXPECT_EQ(this->Filtered(R"(display_name = "first" OR display_name = "rows")"), "a1 a3");
  EXPECT_EQ(this->Filtered(R"(schema_title = "system.Model" AND display_name = "first" OR display_name = "rows")"),
            "a1")
      << "OR binds closer";
  EXPECT_EQ(this->Filtered(R"(name = "projects/default/locations/l/metadataStores/default/artifacts/a2")"), "a2");
  EXPECT_EQ(this->Filtered("state = LIVE AND -(state = PENDING)"), "a1 a2 a3 a4");
}

TYPED_TEST(MetadataTest, PagesStayRightWhileEntriesAreAdded) {
  this->MakeAll();
  EXPECT_EQ(this->List({.page_size = 2}), "a4 a3") << "the newest first";
  const std::string token = this->token_;
  this->Make("a5", "model", "late", Json::MakeObject());
  EXPECT_EQ(this->List({.page_token = token, .page_size = 2}), "a2 a1");
  EXPECT_EQ(this->token_, "") << "there are no more";
  EXPECT_EQ(this->List({.order_by = "schema_title, display_name desc", .page_size = 3}), "a3 a4 a2");
  EXPECT_EQ(this->List({.order_by = "schema_title, display_name desc", .page_token = this->token_, .page_size = 3}),
            "a5 a1");
  EXPECT_EQ(this->List({.filter = "state = LIVE", .page_token = token}),
            "page_token is of no page of this query; begin again without one");
  EXPECT_EQ(this->List({.page_token = "zz"}), "page_token is of no page of this query; begin again without one");
  EXPECT_EQ(this->List({.page_size = 1001}), "page_size is 1 to 1000, not 1001");
}

TYPED_TEST(MetadataTest, ContextsExecutionsAndEvents) {
  this->MakeAll();
  Context parent, child;
  parent.id = ContextId("team");
  parent.name = {"default", "acme.Team", "vision"};
  child.id = ContextId("study");
  child.name = {"default", "acme.Study", "spring"};
  child.parents = {parent.id};
  Execution execution;
  execution.id = ExecutionId("e1");
  execution.project = "default";
  execution.type = "acme.Review";
  execution.state = ExecutionState::kRunning;
  const Status made = this->Write([&](db::Transaction& t) -> Status {
    TRY(this->metadata_.Create(t, parent));
    TRY(this->metadata_.Create(t, child));
    TRY(this->metadata_.Create(t, execution));
    TRY(Metadata::AddToContext(t, child.id, {ArtifactId("a4")}, {execution.id}));
    const std::vector<Event> events = {{{}, ArtifactId("a1"), Direction::kInput, "", {}},
                                       {{}, ArtifactId("a3"), Direction::kOutput, "report", {}}};
    TRY(this->metadata_.AddEvents(t, execution.id, events));
    return this->metadata_.AddEvents(t, execution.id, events);
  });
  ASSERT_TRUE(made.ok()) << made.error().ToString();
  EXPECT_EQ(this->Filtered(R"(in_context("contexts/study"))"), "a1 a3 a4");
  const auto graph = this->Read([&](db::Snapshot& s) { return Metadata::ContextSubgraph(s, child.id); });
  EXPECT_EQ(graph->artifacts.size(), 3U);
  EXPECT_EQ(graph->events.size(), 2U) << "again it is tied already";
  const auto around = this->Read(
      [&](db::Snapshot& s) { return Metadata::ArtifactSubgraph(s, ArtifactId("a1"), 2, "display_name = rows"); });
  ASSERT_TRUE(around.ok()) << around.error().ToString();
  EXPECT_EQ(around->artifacts.size(), 2U);
  const auto ports = this->Read([&](db::Snapshot& s) { return Metadata::InputsAndOutputs(s, execution.id); });
  EXPECT_EQ(ports->events[0].port, "a1");
  EXPECT_EQ(ports->events[1].port, "report");
  const auto found = this->Read(
      [](db::Snapshot& s) { return Metadata::ListContexts(s, {.filter = R"(parent_contexts: "contexts/team")"}); });
  ASSERT_TRUE(found.ok()) << found.error().ToString();
  ASSERT_EQ(found->entries.size(), 1U);
  EXPECT_EQ(found->entries[0].parents, std::vector<ContextId>{parent.id});
  const auto circle = this->Write([&](db::Transaction& t) { return Metadata::AddChildren(t, child.id, {parent.id}); });
  EXPECT_EQ(circle.error().message, "context \"team\" cannot be a child of \"study\": it is above it");
  const auto running = this->Read([](db::Snapshot& s) {
    return Metadata::ListExecutions(s, {.filter = R"(state = RUNNING AND in_context("study"))"});
  });
  EXPECT_EQ(running->entries.size(), 1U);
}

TYPED_TEST(MetadataTest, ChangesAreSearchedByAndMistakesAreTold) {
  this->MakeAll();
  const auto changed = this->Write([&](db::Transaction& t) -> Result<Artifact> {
    Artifact artifact = TRY(Lineage::ArtifactById(t, ArtifactId("a1")));
    artifact.metadata = Json::Make({{"auc", 0.9}});
    artifact.state = ArtifactState::kPending;
    return this->metadata_.Update(t, artifact);
  });
  ASSERT_TRUE(changed.ok()) << changed.error().ToString();
  EXPECT_EQ(this->Filtered("metadata.auc.number_value > 0.85"), "a1");
  EXPECT_EQ(this->Filtered("metadata.passed.bool_value = true"), "");
  EXPECT_EQ(this->Filtered("state = PENDING"), "a1");
  const auto refused = [&](Artifact artifact) {
    artifact.project = "default";
    const auto made = this->Write([&](db::Transaction& t) { return this->metadata_.Create(t, artifact); });
    return made.ok() ? std::string("made") : made.error().message;
  };
  Artifact artifact;
  artifact.id = ArtifactId("a1");
  EXPECT_EQ(refused(artifact), "there is an artifact \"a1\" already");
  artifact.id = ArtifactId("../a1");
  EXPECT_TRUE(refused(artifact).starts_with("\"../a1\" is no id"));
  artifact.id = {};
  artifact.metadata = Json::MakeArray();
  EXPECT_TRUE(refused(artifact).find("must be objects") != std::string::npos);
  artifact.metadata = Json::MakeObject();
  EXPECT_EQ(refused(artifact), "made") << "an id is made";
}

TYPED_TEST(MetadataTest, WhatWasRecordedByItselfIsFoundToo) {
  NewExecution train;
  train.id = ExecutionId("attempt");
  train.type = "train";
  train.code_version = "sha256:program";
  train.outputs = {{"model", "model", "sha256:m", Json::Make({{"trees", 143}})}};
  train.contexts = {{"default", "pipeline", "flights"}};
  const Lineage lineage(this->clock_);
  ASSERT_TRUE(this->Write([&](db::Transaction& t) { return lineage.RecordExecution(t, train); }).ok());
  const auto models = this->Read([](db::Snapshot& s) {
    return Metadata::ListArtifacts(
        s, {.filter = R"(metadata.trees.number_value > 100 AND metadata.digest.string_value = "sha256:m")"});
  });
  ASSERT_TRUE(models.ok()) << models.error().ToString();
  EXPECT_EQ(models->entries.size(), 1U);
  const auto steps = this->Read([](db::Snapshot& s) {
    return Metadata::ListExecutions(
        s,
        {.filter = R"(schema_title = "millwright.train" AND metadata.code_version.string_value = "sha256:program")"});
  });
  EXPECT_EQ(steps->entries.size(), 1U);
}

}  // namespace
}  // namespace mw::lineage
