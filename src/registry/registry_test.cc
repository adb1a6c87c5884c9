// The registry on both databases: numbers without gaps, idempotent registration, aliases with a history.
#include "registry/registry.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "registry/testing.h"

namespace mw::registry {
namespace {

template <typename Driver>
class RegistryTest : public RegistryWorld<Driver> {};
TYPED_TEST_SUITE(RegistryTest, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(RegistryTest, KeepsAllThatIsKnownOfAVersion) {
  NewVersion version = this->Package("sha256:p1", "run-1", "attempt-1", "candidate");
  version.metrics = Json::Make({{"roc_auc", 0.715}, {"rows", 27662}});
  version.sources = {"artifact-1", "artifact-2"};
  const auto made = this->Create(version);
  ASSERT_TRUE(made.ok()) << made.error().ToString();
  const auto read = SyncWait(this->registry_->GetVersion(kIris, "candidate"));
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  for (const ModelVersion& seen : {*made, *read}) {
    EXPECT_EQ(seen.version, 1);
    EXPECT_EQ(seen.model, "iris");
    EXPECT_EQ(seen.package, "sha256:p1");
    EXPECT_EQ(seen.run_id, "run-1");
    EXPECT_EQ(seen.attempt_id, "attempt-1");
    EXPECT_EQ(seen.metrics, version.metrics);
    EXPECT_EQ(seen.sources, version.sources);
    EXPECT_EQ(seen.aliases, std::vector<std::string>{"candidate"});
    EXPECT_EQ(seen.created, this->clock_.Now());
  }
}

TYPED_TEST(RegistryTest, NumbersVersionsWithoutGaps) {
  EXPECT_EQ(this->Register(this->Package("sha256:a")), "1");
  EXPECT_EQ(this->Register(this->Package("sha256:b")), "2");
  EXPECT_NE(this->Register(this->Package("")), "3") << "refused, and no number is lost";
  EXPECT_EQ(this->Register(this->Package("sha256:a")), "1") << "a version is its package";
  EXPECT_EQ(this->Register(this->Package("sha256:c")), "3");
  NewVersion other = this->Package("sha256:a");
  other.name = {"default", "other"};
  EXPECT_EQ(this->Register(other), "1") << "each model counts for itself";
  other.name = {"team", "iris"};
  EXPECT_EQ(this->Register(other), "1") << "and each project";
}

TYPED_TEST(RegistryTest, ManyRegisterAtOnceWithoutGaps) {
  std::vector<std::thread> threads;
  std::vector<std::string> numbers(32);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    threads.emplace_back([&, i] {
      const auto made =
          SyncWait(this->registry_->CreateVersion(this->Package(Cat("sha256:", i), "run", Cat("attempt-", i))));
      numbers[i] = made.ok() ? Cat(made->version) : made.error().message;
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::set<std::string> distinct(numbers.begin(), numbers.end());
  EXPECT_EQ(distinct.size(), 32U);
  EXPECT_TRUE(distinct.contains("1") && distinct.contains("32"));
}

TYPED_TEST(RegistryTest, AnAttemptRegistersOnce) {
  EXPECT_EQ(this->Register(this->Package("sha256:a", "run-1", "attempt-1", "candidate")), "1");
  EXPECT_EQ(this->Register(this->Package("sha256:a", "run-1", "attempt-1", "candidate")), "1") << "asked again";
  EXPECT_EQ(this->Register(this->Package("sha256:a", "run-1", "attempt-2", "candidate")), "1")
      << "the step was retried";
  EXPECT_EQ(this->Register(this->Package("sha256:a", "run-2", "attempt-3")), "1") << "the same package by another run";
  EXPECT_EQ(this->Register(this->Package("sha256:c", "run-2", "attempt-4")), "2") << "another package";
  EXPECT_EQ(
      this->Register(this->Package("sha256:b", "run-1", "attempt-1")),
      "attempt attempt-1 registered version 1 of model \"iris\" with package sha256:a; it cannot register sha256:b "
      "too: use another attempt id");
  EXPECT_EQ(this->Get("candidate"), "1");
}

TYPED_TEST(RegistryTest, FindsVersionsByNumberAliasAndLatest) {
  for (const char* digest : {"sha256:a", "sha256:b", "sha256:c"}) this->Register(this->Package(digest));
  EXPECT_EQ(this->Point("production", 2), "0->2");
  EXPECT_EQ(this->Get("production"), "2");
  EXPECT_EQ(this->Get("3"), "3");
  EXPECT_EQ(this->Get("v1"), "1");
  EXPECT_EQ(this->Get("latest"), "3");
  EXPECT_EQ(this->Get("7"), "model \"iris\" has no version 7; versions: 1, 2, 3");
  EXPECT_EQ(this->Get("0"), "model \"iris\" has no version 0; versions: 1, 2, 3");
  EXPECT_EQ(this->Get("staging"), "model \"iris\" has no alias \"staging\"; aliases: production (version 2)");
  const auto nothing = SyncWait(this->registry_->GetVersion({"default", "rose"}, "1"));
  ASSERT_FALSE(nothing.ok());
  EXPECT_EQ(nothing.error().code, Code::kNotFound);
  EXPECT_EQ(nothing.error().message, "there is no model \"rose\"; models: iris");
}

TYPED_TEST(RegistryTest, AliasesMoveAndKeepTheirHistory) {
  for (const char* digest : {"sha256:a", "sha256:b", "sha256:c"}) this->Register(this->Package(digest));
  EXPECT_EQ(this->Point("production", 1, "attempt-1"), "0->1");
  EXPECT_EQ(this->Point("production", 3, "attempt-2"), "1->3");
  EXPECT_EQ(this->Point("production", 3, "attempt-2"), "3->3") << "asked again: no move";
  EXPECT_EQ(this->Point("candidate", 2), "0->2");
  const auto removed = SyncWait(this->registry_->RemoveAlias(kIris, "candidate", "ada"));
  ASSERT_TRUE(removed.ok()) << removed.error().ToString();
  EXPECT_EQ(removed->previous, 2);
  const auto history = SyncWait(this->registry_->AliasHistory(kIris, "production"));
  ASSERT_TRUE(history.ok()) << history.error().ToString();
  ASSERT_EQ(history->size(), 2U);
  EXPECT_EQ((*history)[0].version, 3);
  EXPECT_EQ((*history)[0].previous, 1) << "where a rollback goes";
  EXPECT_EQ((*history)[0].cause, "attempt-2");
  const auto all = SyncWait(this->registry_->AliasHistory(kIris, ""));
  ASSERT_EQ(all->size(), 4U);
  EXPECT_EQ((*all)[0].alias, "candidate");
  EXPECT_EQ((*all)[0].version, 0);
  EXPECT_EQ(this->Get("candidate"), "model \"iris\" has no alias \"candidate\"; aliases: production (version 3)");
}

TYPED_TEST(RegistryTest, TellsWhatChangedInAllModels) {
  const auto since = [&](Duration ago, int limit = 100) {
    const auto changes = SyncWait(this->registry_->ChangesSince("default", this->clock_.Now() - ago, limit));
    EXPECT_TRUE(changes.ok()) << changes.error().ToString();
    std::vector<std::string> lines;
    for (const ModelVersion& version : changes->versions) lines.push_back(Cat(version.model, " ", version.version));
    for (const AliasChange& move : changes->moves) {
      lines.push_back(Cat(move.model, " ", move.alias, " ", move.previous, "->", move.version));
    }
    return Join(lines, ", ");
  };
  EXPECT_EQ(since(std::chrono::hours(1)), "");
  this->Register(this->Package("sha256:a"));
  NewVersion other = this->Package("sha256:c");
  other.name.model = "aster";
  this->Register(other);  // a second later
  this->Register(this->Package("sha256:b"));
  this->Point("production", 1);
  this->Point("production", 2);
  const std::string moves = "iris production 0->1, iris production 1->2";
  EXPECT_EQ(since(std::chrono::hours(1)), "iris 1, aster 1, iris 2, " + moves);
  EXPECT_EQ(since(std::chrono::seconds(1)), "aster 1, iris 2, " + moves) << "from that moment on";
  EXPECT_EQ(since(std::chrono::hours(1), 1), "iris 2, iris production 1->2") << "the latest of each kind";
  EXPECT_TRUE(SyncWait(this->registry_->ChangesSince("team", Timestamp{}, 9))->versions.empty());
}

TYPED_TEST(RegistryTest, ListsModelsAndVersions) {
  for (const char* digest : {"sha256:a", "sha256:b"}) this->Register(this->Package(digest));
  this->Point("production", 1);
  this->Point("candidate", 1);
  const auto versions = SyncWait(this->registry_->ListVersions(kIris));
  ASSERT_TRUE(versions.ok()) << versions.error().ToString();
  ASSERT_EQ(versions->size(), 2U);
  EXPECT_EQ((*versions)[0].version, 2);
  EXPECT_TRUE((*versions)[0].aliases.empty());
  EXPECT_EQ((*versions)[1].aliases, (std::vector<std::string>{"candidate", "production"}));
  this->Point("shadow", 2);
  NewVersion other = this->Package("sha256:c");
  other.name.model = "aster";
  this->Register(other);
  const auto models = SyncWait(this->registry_->ListModels("default"));
  ASSERT_TRUE(models.ok()) << models.error().ToString();
  ASSERT_EQ(models->size(), 2U);
  EXPECT_EQ((*models)[0].name, "aster");
  EXPECT_TRUE((*models)[0].aliases.empty());
  EXPECT_EQ((*models)[1].name, "iris");
  EXPECT_EQ((*models)[1].versions, 2);
  EXPECT_EQ((*models)[1].aliases, (std::vector<ModelAlias>{{"shadow", 2}, {"candidate", 1}, {"production", 1}}));
  EXPECT_TRUE(SyncWait(this->registry_->ListModels("team"))->empty());
}

TYPED_TEST(RegistryTest, SaysWhatIsWrongWithARequest) {
  EXPECT_EQ(this->Register(this->Package("")), "a version of model \"iris\" needs a package's digest");
  NewVersion bad = this->Package("sha256:a");
  bad.name.model = "no spaces";
  EXPECT_NE(this->Register(bad).find("model name \"no spaces\" is not allowed"), std::string::npos);
  bad = this->Package("sha256:a");
  bad.metrics = Json::Make({{"roc_auc", "high"}});
  EXPECT_EQ(this->Register(bad), "metric \"roc_auc\" of model \"iris\" must be a number");
  EXPECT_EQ(this->Register(this->Package("sha256:a")), "1");
  EXPECT_EQ(this->Point("production", 2), "model \"iris\" has no version 2; versions: 1");
  for (const char* alias : {"7", "v7", "latest", "Latest"}) {
    EXPECT_NE(this->Point(alias, 1).find("is reserved"), std::string::npos) << alias;
  }
  EXPECT_NE(this->Point("a b", 1).find("is not allowed"), std::string::npos);
}

}  // namespace
}  // namespace mw::registry
