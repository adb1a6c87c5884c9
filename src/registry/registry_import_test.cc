// Models that were made elsewhere: as they were, again, and where something of the name is here.
#include <gtest/gtest.h>

#include <optional>

#include "base/text.h"
#include "db/temporary_database.h"
#include "registry/registry.h"

namespace mw::registry {
namespace {

template <typename Driver>
class RegistryImportTest : public db::StoreTest<Driver> {
 protected:
  RegistryImportTest() : db::StoreTest<Driver>(Migrations()) {}
  void Begin() override { registry_.emplace(*this->database_, clock_); }

  static Timestamp At(std::int64_t milliseconds) { return FromMicros(milliseconds * 1000); }

  static ModelVersion Version(std::int64_t number) {
    ModelVersion version;
    version.project = "default";
    version.model = "churn";
    version.version = number;
    version.metrics = Json::MakeObject();
    version.run_id = Cat("run", number);
    version.source_uri = Cat("s3://bucket/", number);
    version.description = Cat("the ", number, ".");
    version.stage = number == 1 ? Stage::kArchived : Stage::kInProduction;
    version.created = At(1000 * number);
    version.updated = At(1000 * number + 500);
    version.tags = {{"checked", Cat(number)}};
    return version;
  }

  static ImportedModel Churn(const std::vector<std::int64_t>& numbers) {
    ImportedModel imported;
    imported.model = {"default", "churn", 0, At(100), {{"best", 1}}};
    imported.model.description = "who leaves";
    imported.model.updated = At(9000);
    imported.model.tags = {{"owner", "ada"}};
    for (const std::int64_t number : numbers) imported.versions.push_back(Version(number));
    return imported;
  }

  /// "churn made, churn/1 made"
  std::string Import(ImportedModel imported) {
    const auto outcomes = SyncWait(registry_->Import(std::move(imported)));
    if (!outcomes.ok()) return outcomes.error().message;
    std::string text;
    for (const ImportOutcome& outcome : *outcomes) {
      CatTo(text, text.empty() ? "" : ", ", outcome.id, " ", ImportStateName(outcome.state));
      if (!outcome.why.empty()) CatTo(text, " (", outcome.why, ")");
    }
    return text;
  }

  ModelVersion Found(const std::string& reference) {
    return *SyncWait(registry_->GetVersion({"default", "churn"}, reference));
  }

  std::int64_t Register() {
    NewVersion version{{"default", "churn"}, "", "", "", Json::MakeObject(), {}, ""};
    version.source_uri = "s3://here";
    return SyncWait(registry_->CreateVersion(std::move(version)))->version;
  }

  SimulatedClock clock_{FromMicros(1'700'000'000'000'000)};
  std::optional<Registry> registry_;
};

TYPED_TEST_SUITE(RegistryImportTest, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(RegistryImportTest, KeepsNumbersDatesAndAll) {
  EXPECT_EQ(this->Import(this->Churn({1, 3})), "churn made, churn/1 made, churn/3 made, churn@best made");
  const Model model = *SyncWait(this->registry_->GetModel({"default", "churn"}));
  EXPECT_EQ(model.created, this->At(100));
  EXPECT_EQ(model.updated, this->At(9000));
  EXPECT_EQ(model.description, "who leaves");
  EXPECT_EQ(model.tags, (Tags{{"owner", "ada"}}));
  EXPECT_EQ(model.aliases, (std::vector<ModelAlias>{{"best", 1}}));
  const ModelVersion wanted = this->Version(3), third = this->Found("3");
  EXPECT_EQ(third.created, wanted.created);
  EXPECT_EQ(third.updated, wanted.updated);
  EXPECT_EQ(third.stage, Stage::kInProduction);
  EXPECT_EQ(third.description, "the 3.");
  EXPECT_EQ(third.run_id, "run3");
  EXPECT_EQ(third.source_uri, "s3://bucket/3");
  EXPECT_EQ(third.tags, wanted.tags);
  EXPECT_EQ(this->Register(), 4) << "numbers go on behind those that came";
}

TYPED_TEST(RegistryImportTest, AgainBringsWhatIsNew) {
  this->Import(this->Churn({1, 2}));
  EXPECT_EQ(this->Import(this->Churn({1, 2, 3})),
            "churn known, churn/1 known, churn/2 known, churn/3 made, churn@best known");
  ImportedModel changed = this->Churn({1});
  changed.model.description = "who goes";
  changed.model.updated = this->At(9001);
  changed.versions[0].stage = Stage::kStaging;
  changed.versions[0].tags["more"] = "yes";
  changed.versions[0].updated = this->At(9001);
  this->Import(changed);
  EXPECT_EQ(this->Found("1").stage, Stage::kStaging);
  EXPECT_EQ(this->Found("1").tags, (Tags{{"checked", "1"}, {"more", "yes"}}));
  EXPECT_EQ(SyncWait(this->registry_->GetModel({"default", "churn"}))->description, "who goes");
}

TYPED_TEST(RegistryImportTest, WhatWasChangedHereStays) {
  this->Import(this->Churn({1, 2, 3}));
  const ModelName name{"default", "churn"};
  ASSERT_TRUE(SyncWait(this->registry_->SetStage(name, 2, Stage::kArchived, false)).ok());
  ASSERT_TRUE(SyncWait(this->registry_->SetVersionTag(name, 2, "checked", "by hand")).ok());
  ASSERT_TRUE(SyncWait(this->registry_->SetAlias(name, "best", 2, "me")).ok());
  ASSERT_TRUE(SyncWait(this->registry_->DeleteVersion(name, 3)).ok());
  EXPECT_EQ(this->Import(this->Churn({1, 2, 3})),
            "churn known, churn/1 known, churn/2 known, "
            "churn/3 taken (a version of this number was deleted here, and no number is given twice), "
            "churn@best taken (it points to version 2 here and to 1 there)");
  EXPECT_EQ(this->Found("2").stage, Stage::kArchived);
  EXPECT_EQ(this->Found("2").tags, (Tags{{"checked", "by hand"}}));
}

TYPED_TEST(RegistryImportTest, OtherVersionsOfTheNameAreLeftAlone) {
  ASSERT_TRUE(SyncWait(this->registry_->CreateModel({{"default", "churn"}, "ours"})).ok());
  ASSERT_EQ(this->Register(), 1);
  EXPECT_EQ(this->Import(this->Churn({1, 2})),
            "churn known, churn/1 taken (another version of this number is here), churn/2 made, "
            "churn@best taken (version 1 there is not here)");
  EXPECT_EQ(this->Found("1").source_uri, "s3://here");
  EXPECT_EQ(SyncWait(this->registry_->GetModel({"default", "churn"}))->description, "ours");
}

TYPED_TEST(RegistryImportTest, RefusesWhatIsNoModel) {
  ImportedModel slash = this->Churn({1});
  slash.model.name = "a/b";
  EXPECT_NE(this->Import(slash).find("a/b"), std::string::npos);
  EXPECT_EQ(this->Import(this->Churn({2, 1})), "versions of model \"churn\" must come by number, and 1 follows 2");
  ImportedModel nowhere = this->Churn({1});
  nowhere.versions[0].source_uri.clear();
  EXPECT_EQ(this->Import(nowhere), "version 1 of model \"churn\" needs a source");
  EXPECT_FALSE(SyncWait(this->registry_->GetModel({"default", "churn"})).ok());
}

}  // namespace
}  // namespace mw::registry
