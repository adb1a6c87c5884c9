// Rules, and collecting garbage: what goes, what stays, and who dies in between.
#include "retention/retention.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "blob/memory_blobs.h"
#include "db/temporary_database.h"
#include "lineage/lineage.h"
#include "registry/registry.h"
#include "retention/rule.h"
#include "tracking/artifacts.h"
#include "tracking/logged_models.h"

namespace mw::retention {
namespace {

using tracking::RunAge;
using tracking::RunId;
using tracking::RunStatus;

constexpr std::int64_t kDay = 86'400'000;

std::string Gone(const Rule& rule, const std::vector<RunAge>& runs) {
  std::string out;
  for (const RunId& run : RunsToDelete(rule, runs, FromMicros(100 * kDay * 1000))) out += run.text();
  return out;
}

TEST(Rules, LetGoWhatEveryLimitLetsGo) {
  // Newest first: d runs still, c ended 1 day ago, b 20 days ago, a 90 days ago.
  const std::vector<RunAge> runs = {{RunId("d"), RunStatus::kRunning, 99 * kDay, {}},
                                    {RunId("c"), RunStatus::kFinished, 98 * kDay, 99 * kDay},
                                    {RunId("b"), RunStatus::kFailed, 79 * kDay, 80 * kDay},
                                    {RunId("a"), RunStatus::kKilled, 9 * kDay, 10 * kDay}};
  EXPECT_EQ(Gone({"1", {}, {}, 5}, runs), "") << "the trash alone lets no run go";
  EXPECT_EQ(Gone({"1", 30, {}, {}}, runs), "a");
  EXPECT_EQ(Gone({"1", 20, {}, {}}, runs), "ba") << "a day is over when it is over";
  EXPECT_EQ(Gone({"1", 21, {}, {}}, runs), "a");
  EXPECT_EQ(Gone({"1", {}, 2, {}}, runs), "ba");
  EXPECT_EQ(Gone({"1", {}, 0, {}}, runs), "cba") << "one that has not ended stays";
  EXPECT_EQ(Gone({"1", 30, 3, {}}, runs), "a");
  EXPECT_EQ(Gone({"1", 30, 4, {}}, runs), "");
  for (const Rule& bad :
       {Rule{"1", {}, {}, {}}, Rule{"1", -1, {}, {}}, Rule{"1", {}, -1, {}}, Rule{"1", {}, {}, 40'000}}) {
    EXPECT_EQ(CheckRule(bad).error().code, Code::kInvalidArgument);
  }
}

TEST(DigestSets, FindDigestsWhereverTheyStand) {
  const std::string a = "sha256:" + std::string(64, 'a'), b = "sha256:" + std::string(64, 'b');
  DigestSet set;
  set.AddAllIn(Cat("{\"x\":\"", a, "\",\"y\":\"sha256:short\"}", b, "sha256:", std::string(63, 'c'), "sha256:"));
  set.Seal();
  EXPECT_EQ(set.size(), 2U);
  EXPECT_TRUE(set.Has(a) && set.Has(b));
  EXPECT_FALSE(set.Has("sha256:" + std::string(64, 'c')));
  EXPECT_FALSE(set.Has("md5:x"));
}

class AtOnce final : public Executor {
 public:
  void Post(std::function<void()> work) override { work(); }
};

std::vector<db::Migration> All() {
  std::vector<db::Migration> all = tracking::Migrations();
  for (const auto& more : {tracking::Uploads::Migrations(), tracking::Trash::Migrations(), registry::Migrations(),
                           lineage::Migrations(), Migrations()}) {
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

template <typename Driver>
class RetentionTest : public db::StoreTest<Driver> {
 protected:
  RetentionTest() : db::StoreTest<Driver>(All()) {}
  void Begin() override {
    tracking_.emplace(*this->database_, clock_);
    models_.emplace(*this->database_, clock_);
    artifacts_.emplace(*this->database_, clock_);
    uploads_.emplace(*this->database_, clock_);
    trash_.emplace(*this->database_, clock_);
    registry_.emplace(*this->database_, clock_);
    retention_.emplace(Parts{*this->database_, blobs_, workers_, *tracking_, *trash_, *uploads_, clock_});
  }

  void MakeRun(const std::string& id, std::vector<std::string> contents) {
    tracking::NewRun run;
    run.id = RunId(id);
    run.experiment = tracking::ExperimentId("0");
    run.started = ToMicros(clock_.Now()) / 1000;
    ASSERT_TRUE(SyncWait(tracking_->CreateRun(run)).ok());
    tracking::RunChange end;
    end.status = RunStatus::kFinished;
    end.ended = run.started;
    ASSERT_TRUE(SyncWait(tracking_->UpdateRun(run.id, end)).ok());
    for (const std::string& content : contents) {
      const std::string digest = blobs_.Put(content).value();
      ASSERT_TRUE(SyncWait(artifacts_->Put({Cat("0/", id, "/artifacts/", content), digest, 1})).ok());
    }
  }
  /// Deleted, with a file of that content.
  std::string MakeDeletedModel(const std::string& content) {
    const std::string id = SyncWait(models_->Create({tracking::ExperimentId("0"), content, "", ""}))->model.id.text();
    const std::string digest = blobs_.Put(content).value();
    EXPECT_TRUE(SyncWait(artifacts_->Put({Cat("0/models/", id, "/artifacts/model.pkl"), digest, 1})).ok());
    EXPECT_TRUE(SyncWait(models_->Delete(tracking::LoggedModelId(id))).ok());
    return id;
  }
  void DeleteRun(const std::string& id) { ASSERT_TRUE(SyncWait(tracking_->DeleteRun(RunId(id))).ok()); }
  Report Collect(Collection collection = {}) {
    auto report = SyncWait(retention_->Collect(std::move(collection)));
    EXPECT_TRUE(report.ok()) << report.error().ToString();
    return std::move(report).value_or(Report());
  }
  bool HasBlob(const std::string& content) { return blobs_.Size(Cat("sha256:", Sha256Hex(content))).ok(); }
  bool HasRun(const std::string& id) { return SyncWait(tracking_->GetRun(RunId(id))).ok(); }

  // A day ahead of the blobs' own stamps: whatever was stored is idle.
  SimulatedClock clock_{RealClock().Now() + std::chrono::hours(24)};
  AtOnce workers_;
  blob::MemoryBlobs blobs_;
  std::optional<tracking::Tracking> tracking_;
  std::optional<tracking::LoggedModels> models_;
  std::optional<tracking::Artifacts> artifacts_;
  std::optional<tracking::Uploads> uploads_;
  std::optional<tracking::Trash> trash_;
  std::optional<registry::Registry> registry_;
  std::optional<Retention> retention_;
};

TYPED_TEST_SUITE(RetentionTest, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(RetentionTest, WhatWasDeletedLongAgoIsTakenAwayWithItsOwnBlobs) {
  this->MakeRun("a", {"own", "shared"});
  this->MakeRun("b", {"shared"});
  this->DeleteRun("a");
  ASSERT_TRUE(this->Collect({.older_than = std::chrono::hours(48)}).runs.empty());
  this->clock_.Advance(std::chrono::hours(49));
  const Report would = this->Collect({.older_than = std::chrono::hours(48), .dry_run = true});
  EXPECT_EQ(would.runs.size(), 1U);
  EXPECT_TRUE(this->HasRun("a") && this->HasBlob("own"));
  EXPECT_TRUE(this->Collect({.runs = {"b"}}).runs.empty()) << "another run";
  const Report report = this->Collect({.older_than = std::chrono::hours(48)});
  ASSERT_EQ(report.runs.size(), 1U);
  EXPECT_EQ(report.runs[0].id, "a");
  EXPECT_EQ(report.blobs, 1);
  EXPECT_EQ(report.blob_bytes, 3);
  EXPECT_FALSE(this->HasRun("a") || this->HasBlob("own"));
  EXPECT_TRUE(this->HasRun("b") && this->HasBlob("shared"));
}

TYPED_TEST(RetentionTest, WhatARegisteredVersionWasMadeOfStaysAndTheAnswerSaysWhy) {
  this->MakeRun("a", {"weights"});
  registry::NewVersion version;
  version.name = {"default", "late"};
  version.package = "sha256:" + std::string(64, '1');
  version.run_id = "a";
  ASSERT_TRUE(SyncWait(this->registry_->CreateVersion(version)).ok());
  this->DeleteRun("a");
  const Report report = this->Collect();
  EXPECT_TRUE(report.runs.empty());
  ASSERT_EQ(report.kept.size(), 1U);
  EXPECT_EQ(report.kept[0].reason, "model \"late\" version 1 was made of it; delete that version first");
  EXPECT_TRUE(this->HasRun("a") && this->HasBlob("weights"));
}

TYPED_TEST(RetentionTest, DeletedModelsGoUnlessAVersionWasMadeOfThem) {
  const std::string gone = this->MakeDeletedModel("gone"), used = this->MakeDeletedModel("used");
  registry::NewVersion version;
  version.name = {"default", "late"};
  version.source_uri = Cat("models:/", used);
  version.storage_uri = Cat("mlflow-artifacts:/0/models/", used, "/artifacts");
  ASSERT_TRUE(SyncWait(this->registry_->CreateVersion(version)).ok());
  EXPECT_EQ(this->Collect({.dry_run = true}).models.size(), 1U);
  EXPECT_TRUE(this->Collect({.runs = {"a"}}).models.empty()) << "runs alone were asked for";
  EXPECT_TRUE(this->Collect({.experiments = {"7"}}).models.empty()) << "of another experiment";
  EXPECT_TRUE(this->Collect({.older_than = std::chrono::hours(1)}).models.empty());
  const Report report = this->Collect();
  ASSERT_EQ(report.models.size(), 1U);
  EXPECT_EQ(report.models[0].id, gone);
  ASSERT_EQ(report.kept.size(), 1U);
  EXPECT_EQ(report.kept[0].id, used);
  EXPECT_EQ(report.kept[0].reason, "model \"late\" version 1 was made of it; delete that version first");
  EXPECT_FALSE(this->HasBlob("gone"));
  EXPECT_TRUE(this->HasBlob("used"));
  EXPECT_FALSE(SyncWait(this->models_->Get(tracking::LoggedModelId(gone), true)).ok());
  EXPECT_TRUE(SyncWait(this->models_->Get(tracking::LoggedModelId(used), true)).ok());
}

TYPED_TEST(RetentionTest, RulesTakeDeletedModelsToo) {
  this->MakeDeletedModel("file");
  ASSERT_TRUE(SyncWait(this->retention_->SetRule({"*", {}, {}, 7})).ok());
  this->clock_.Advance(std::chrono::hours(24 * 6));
  EXPECT_EQ(SyncWait(this->retention_->ApplyRules()).value(), 0);
  this->clock_.Advance(std::chrono::hours(25));
  EXPECT_EQ(SyncWait(this->retention_->ApplyRules()).value(), 1);
  EXPECT_FALSE(this->HasBlob("file"));
}

TYPED_TEST(RetentionTest, OrphansGoAndWhatIsNamedAnywhereStays) {
  const std::string file = this->blobs_.Put("in a directory").value();
  const std::string manifest =
      this->blobs_.Put(Cat(R"({"files":[{"path":"x","size":14,"digest":")", file, R"("}]})")).value();
  this->MakeRun("a", {"artifact"});
  const std::string tagged = this->blobs_.Put("in a tag").value();
  ASSERT_TRUE(
      SyncWait(this->tracking_->SetExperimentTag(tracking::ExperimentId("0"), "see", Cat("<", tagged, ">"))).ok());
  ASSERT_TRUE(SyncWait(this->tracking_->SetExperimentTag(tracking::ExperimentId("0"), "dir", manifest)).ok());
  ASSERT_TRUE(this->blobs_.Put("orphan").ok());
  EXPECT_EQ(this->Collect({.dry_run = true, .orphans = true}).blobs, 1);
  EXPECT_EQ(this->Collect({.orphans = true, .grace = std::chrono::hours(1000)}).blobs, 0) << "too young";
  const Report report = this->Collect({.orphans = true});
  EXPECT_EQ(report.blobs, 1);
  EXPECT_FALSE(this->HasBlob("orphan"));
  for (const char* named : {"in a directory", "artifact", "in a tag"}) EXPECT_TRUE(this->HasBlob(named)) << named;
}

TYPED_TEST(RetentionTest, BlobsOfPurgedArtifactsThatAreYoungGoLater) {
  this->MakeRun("a", {"young"});
  this->DeleteRun("a");
  EXPECT_EQ(this->Collect({.grace = std::chrono::hours(1000)}).blobs_waiting, 1);
  EXPECT_TRUE(this->HasBlob("young"));
  ASSERT_TRUE(SyncWait(this->retention_->ApplyRules()).ok());  // the reconciler's tick
  EXPECT_FALSE(this->HasBlob("young"));
}

TYPED_TEST(RetentionTest, WhoeverDiesInAPurgeGoesOn) {
  this->MakeRun("a", {"own"});
  this->DeleteRun("a");
  ASSERT_TRUE(SyncWait(this->trash_->Notice()).ok());
  const auto run = SyncWait(this->trash_->Runs(this->clock_.Now())).value().at(0);
  ASSERT_TRUE(SyncWait(this->trash_->PurgeRun(run)).value());  // and here it dies
  EXPECT_FALSE(this->HasRun("a"));
  EXPECT_TRUE(this->HasBlob("own"));
  ASSERT_TRUE(SyncWait(this->retention_->ApplyRules()).ok());
  EXPECT_FALSE(this->HasBlob("own"));
  EXPECT_FALSE(SyncWait(this->trash_->Clear()).value());
}

TYPED_TEST(RetentionTest, RulesDeleteAndThenPurge) {
  this->MakeRun("old", {"old"});
  this->clock_.Advance(std::chrono::hours(24 * 40));
  this->MakeRun("new", {"new"});
  EXPECT_EQ(SyncWait(this->retention_->SetRule({"77", 1, {}, {}})).error().code, Code::kNotFound);
  ASSERT_TRUE(SyncWait(this->retention_->SetRule({"*", 30, {}, 7})).ok());
  EXPECT_EQ(SyncWait(this->retention_->ApplyRules()).value(), 1);
  EXPECT_TRUE(this->HasRun("old")) << "it lies in the trash";
  this->clock_.Advance(std::chrono::hours(24 * 6));
  EXPECT_EQ(SyncWait(this->retention_->ApplyRules()).value(), 0);
  this->clock_.Advance(std::chrono::hours(25));
  EXPECT_EQ(SyncWait(this->retention_->ApplyRules()).value(), 1);
  EXPECT_FALSE(this->HasRun("old") || this->HasBlob("old"));
  EXPECT_TRUE(this->HasRun("new") && this->HasBlob("new"));
  ASSERT_TRUE(SyncWait(this->retention_->SetRule({"0", 365, {}, {}})).ok());
  this->clock_.Advance(std::chrono::hours(24 * 100));
  EXPECT_EQ(SyncWait(this->retention_->ApplyRules()).value(), 0) << "its own rule counts, not everybody's";
  ASSERT_TRUE(SyncWait(this->retention_->RemoveRule("0")).ok());
  EXPECT_EQ(SyncWait(this->retention_->RemoveRule("0")).error().code, Code::kNotFound);
  EXPECT_EQ(SyncWait(this->retention_->ApplyRules()).value(), 1);
}

}  // namespace
}  // namespace mw::retention
