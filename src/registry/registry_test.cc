// The registry on both databases: numbers without gaps, idempotent registration, aliases with a history.
#include "registry/registry.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "db/temporary_database.h"
#include "registry/event.h"

namespace mw::registry {
namespace {

const ModelName kIris{"default", "iris"};

template <typename Driver>
class RegistryTest : public db::StoreTest<Driver> {
 protected:
  RegistryTest() : db::StoreTest<Driver>(Migrations()) {}
  void Begin() override { registry_.emplace(*this->database_, clock_); }

  static NewVersion Package(std::string digest, std::string run = "", std::string attempt = "",
                            std::string alias = "") {
    NewVersion version;
    version.name = kIris;
    version.package = std::move(digest);
    version.run_id = std::move(run);
    version.attempt_id = std::move(attempt);
    version.alias = std::move(alias);
    return version;
  }
  Result<ModelVersion> Create(NewVersion version) {
    clock_.Advance(std::chrono::seconds(1));
    return SyncWait(registry_->CreateVersion(std::move(version)));
  }
  /// The new version's number, or the error's message.
  std::string Register(NewVersion version) {
    const auto made = Create(std::move(version));
    return made.ok() ? Cat(made->version) : made.error().message;
  }
  /// What the reference names: "2", or the error's message.
  std::string Get(std::string reference) {
    const auto version = SyncWait(registry_->GetVersion(kIris, std::move(reference)));
    return version.ok() ? Cat(version->version) : version.error().message;
  }
  std::string Point(std::string alias, std::int64_t version, std::string cause = "test") {
    const auto change = SyncWait(registry_->SetAlias(kIris, std::move(alias), version, std::move(cause)));
    return change.ok() ? Cat(change->previous, "->", change->version) : change.error().message;
  }

  SimulatedClock clock_{FromMicros(1'700'000'000'000'000)};
  std::optional<Registry> registry_;
};

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

// --- Files at a source, stages, tags, searches.

/// A version of files, without a package.
NewVersion Files(std::string model, std::string run = "", Tags tags = {}) {
  NewVersion version;
  version.name.model = std::move(model);
  version.source_uri = Cat("mlflow-artifacts:/1/", run, "/artifacts/model");
  version.run_id = std::move(run);
  version.tags = std::move(tags);
  version.makes_model = false;
  return version;
}

TYPED_TEST(RegistryTest, KeepsVersionsThatAreFilesAlone) {
  NewVersion files = Files("größe 航班", "run-1", {{"team", "flights"}});
  files.description = "in words";
  files.run_link = "http://link";
  files.logged_model = "m-1";
  files.storage_uri = "mlflow-artifacts:/1/models/m-1/artifacts";
  const auto nowhere = this->Create(files);
  ASSERT_FALSE(nowhere.ok()) << "the model is not there";
  EXPECT_EQ(nowhere.error().code, Code::kNotFound);
  const auto model = SyncWait(this->registry_->CreateModel({files.name, "of planes", {{"a", "b"}}}));
  ASSERT_TRUE(model.ok()) << model.error().ToString();
  EXPECT_EQ(this->Register(files), "1");
  EXPECT_EQ(this->Register(files), "2") << "files have no digest: each is a version of its own";
  const auto version = SyncWait(this->registry_->GetVersion(files.name, "1"));
  ASSERT_TRUE(version.ok()) << version.error().ToString();
  EXPECT_EQ(version->package, "");
  EXPECT_EQ(version->description, "in words");
  EXPECT_EQ(version->run_link, "http://link");
  EXPECT_EQ(version->logged_model, "m-1");
  EXPECT_EQ(version->FilesUri(), "mlflow-artifacts:/1/models/m-1/artifacts");
  EXPECT_EQ(version->source_uri, "mlflow-artifacts:/1/run-1/artifacts/model");
  EXPECT_EQ(version->tags, (Tags{{"team", "flights"}}));
  EXPECT_EQ(version->stage, Stage::kNone);
  this->Register(Files("größe 航班"));
  const auto of = SyncWait(this->registry_->ListVersionsOf("default", "m-1")).value();
  ASSERT_EQ(of.size(), 2U) << "the third is of no logged model";
  EXPECT_EQ(of[0].version, 2);
  EXPECT_EQ(of[1].version, 1);
  EXPECT_TRUE(SyncWait(this->registry_->ListVersionsOf("default", "")).value().empty());
  const auto whole = SyncWait(this->registry_->GetModel(files.name));
  ASSERT_TRUE(whole.ok()) << whole.error().ToString();
  EXPECT_EQ(whole->description, "of planes");
  EXPECT_EQ(whole->tags, (Tags{{"a", "b"}}));
  ASSERT_EQ(whole->latest.size(), 1U);
  EXPECT_EQ(whole->latest[0].version, 3);
  EXPECT_GT(whole->updated, whole->created);
}

TYPED_TEST(RegistryTest, FilesGetTheirPackageOnce) {
  ASSERT_TRUE(SyncWait(this->registry_->CreateModel({kIris})).ok());
  EXPECT_EQ(this->Register(Files("iris")), "1");
  const auto attach = [&](std::string package) {
    const auto version = SyncWait(this->registry_->AttachPackage(kIris, 1, std::move(package)));
    return version.ok() ? version->package : version.error().message;
  };
  EXPECT_EQ(attach("sha256:a"), "sha256:a");
  EXPECT_EQ(attach("sha256:a"), "sha256:a") << "asked again";
  EXPECT_EQ(attach("sha256:b"),
            "version 1 of model \"iris\" is package sha256:a and stays it; register sha256:b as a version of its own");
  EXPECT_EQ(this->Register(this->Package("sha256:a")), "1") << "a version is its package";
}

TYPED_TEST(RegistryTest, RenamesAndDeletesModels) {
  this->Register(this->Package("sha256:a"));
  this->Register(this->Package("sha256:b"));
  this->Point("best", 1);
  ASSERT_TRUE(SyncWait(this->registry_->SetModelTag(kIris, "a", "b")).ok());
  ASSERT_TRUE(SyncWait(this->registry_->SetVersionTag(kIris, 2, "c", "d")).ok());
  const auto renamed = SyncWait(this->registry_->RenameModel(kIris, "lily"));
  ASSERT_TRUE(renamed.ok()) << renamed.error().ToString();
  const ModelName lily{"default", "lily"};
  EXPECT_EQ(renamed->tags, (Tags{{"a", "b"}}));
  EXPECT_EQ(SyncWait(this->registry_->GetVersion(lily, "best"))->version, 1);
  EXPECT_EQ(SyncWait(this->registry_->GetVersion(lily, "2"))->tags, (Tags{{"c", "d"}}));
  EXPECT_EQ(SyncWait(this->registry_->AliasHistory(lily, ""))->size(), 1U);
  EXPECT_EQ(this->Get("1"), "there is no model \"iris\"; models: lily");
  ASSERT_TRUE(SyncWait(this->registry_->CreateModel({kIris})).ok());
  EXPECT_EQ(SyncWait(this->registry_->RenameModel(kIris, "lily")).error().code, Code::kAlreadyExists);
  EXPECT_EQ(SyncWait(this->registry_->CreateModel({lily})).error().code, Code::kAlreadyExists);
  ASSERT_TRUE(SyncWait(this->registry_->DeleteModel(lily)).ok());
  EXPECT_EQ(SyncWait(this->registry_->GetModel(lily)).error().code, Code::kNotFound);
  NewVersion again = this->Package("sha256:a");
  again.name = lily;
  EXPECT_EQ(this->Register(again), "1") << "nothing of the old one is left";
  EXPECT_TRUE(SyncWait(this->registry_->GetVersion(lily, "1"))->aliases.empty());
}

TYPED_TEST(RegistryTest, DeletesVersionsAndNeverGivesTheirNumberAgain) {
  for (const char* digest : {"sha256:a", "sha256:b", "sha256:c"}) this->Register(this->Package(digest));
  this->Point("best", 3);
  ASSERT_TRUE(SyncWait(this->registry_->DeleteVersion(kIris, 3)).ok());
  EXPECT_EQ(this->Get("best"), "model \"iris\" has no alias \"best\"; it has none yet");
  EXPECT_EQ(this->Get("3"), "model \"iris\" has no version 3; versions: 1, 2");
  EXPECT_EQ(this->Get("latest"), "2");
  EXPECT_EQ(this->Register(this->Package("sha256:c")), "4");
  const auto history = SyncWait(this->registry_->AliasHistory(kIris, "best"));
  ASSERT_EQ(history->size(), 2U);
  EXPECT_EQ((*history)[0].cause, "version deleted");
}

TYPED_TEST(RegistryTest, MovesStages) {
  for (const char* digest : {"sha256:a", "sha256:b", "sha256:c"}) this->Register(this->Package(digest));
  const auto move = [&](std::int64_t version, Stage stage, bool archive) {
    const auto moved = SyncWait(this->registry_->SetStage(kIris, version, stage, archive));
    ASSERT_TRUE(moved.ok()) << moved.error().ToString();
    EXPECT_EQ(moved->stage, stage);
  };
  move(1, Stage::kStaging, false);
  move(2, Stage::kStaging, false);
  move(3, Stage::kStaging, true);
  move(2, Stage::kInProduction, false);
  std::string latest;
  const auto iris = SyncWait(this->registry_->GetModel(kIris));
  ASSERT_TRUE(iris.ok());
  for (const ModelVersion& version : iris->latest) {
    CatTo(latest, version.version, " ", StageName(version.stage), " ");
  }
  EXPECT_EQ(latest, "1 Archived 2 Production 3 Staging ");
  EXPECT_FALSE(ParseStage("dancing").ok());
  EXPECT_EQ(*ParseStage("pRODUCTION"), Stage::kInProduction);
}

/// Found models, or versions, as "b a", "b2 b1"; or the error's message.
std::string FoundModels(Registry& registry, std::string_view filter, std::vector<std::string> order = {}) {
  SearchQuery query;
  const auto read = search::ParseRegisteredModelFilter(filter);
  EXPECT_TRUE(read.ok()) << filter;
  query.filter = *read;
  query.order = WholeModelOrder(*search::ParseRegisteredModelOrderBy(order));
  query.limit = 2;  // so that each search walks over pages
  std::vector<std::string> names;
  do {
    const auto page = SyncWait(registry.SearchModels(query));
    if (!page.ok()) return page.error().ToString();
    for (const Model& model : page->models) names.push_back(model.name);
    query.after = *ParsePageToken(page->next.empty() ? "" : PageToken(page->next), query.order);
  } while (!query.after.empty());
  return Join(names, " ");
}

std::string FoundVersions(Registry& registry, std::string_view filter, std::vector<std::string> order = {}) {
  SearchQuery query;
  const auto read = search::ParseModelVersionFilter(filter);
  EXPECT_TRUE(read.ok()) << filter;
  query.filter = *read;
  query.order = WholeVersionOrder(*search::ParseModelVersionOrderBy(order));
  query.limit = 2;
  std::vector<std::string> names;
  do {
    const auto page = SyncWait(registry.SearchVersions(query));
    if (!page.ok()) return page.error().ToString();
    for (const ModelVersion& version : page->versions) {
      names.push_back(Cat(version.model, version.version));
      EXPECT_EQ(version.tags.at("place"), Cat(version.version)) << "each brings its own tags";
    }
    query.after = *ParsePageToken(page->next.empty() ? "" : PageToken(page->next), query.order);
  } while (!query.after.empty());
  return Join(names, " ");
}

TYPED_TEST(RegistryTest, SearchesModels) {
  for (const char* name : {"C", "a", "b"}) {
    this->clock_.Advance(std::chrono::seconds(1));
    ASSERT_TRUE(SyncWait(this->registry_->CreateModel(
                             {{"default", name}, "", {{"letter", name}, {"long", std::string(5000, name[0])}}}))
                    .ok());
  }
  ASSERT_TRUE(SyncWait(this->registry_->CreateModel({{"default", "p"}, "", {{std::string(kPromptTag), "true"}}})).ok());
  EXPECT_EQ(FoundModels(*this->registry_, ""), "C a b") << "prompts are apart";
  EXPECT_EQ(FoundModels(*this->registry_, "tags.`mlflow.prompt.is_prompt` = 'true'"), "p");
  EXPECT_EQ(FoundModels(*this->registry_, "tags.`mlflow.prompt.is_prompt` != 'true'"), "C a b");
  EXPECT_EQ(FoundModels(*this->registry_, "", {"name DESC"}), "b a C");
  EXPECT_EQ(FoundModels(*this->registry_, "", {"last_updated_timestamp DESC"}), "b a C");
  EXPECT_EQ(FoundModels(*this->registry_, "", {"creation_timestamp"}), "C a b");
  EXPECT_EQ(FoundModels(*this->registry_, "name = 'a'"), "a");
  EXPECT_EQ(FoundModels(*this->registry_, "name != 'a'"), "C b");
  EXPECT_EQ(FoundModels(*this->registry_, "name LIKE 'c%'"), "");
  EXPECT_EQ(FoundModels(*this->registry_, "name ILIKE 'c%'"), "C");
  EXPECT_EQ(FoundModels(*this->registry_, "name LIKE 'C%'"), "C");
  EXPECT_EQ(FoundModels(*this->registry_, "name LIKE '_'"), "C a b");
  EXPECT_EQ(FoundModels(*this->registry_, "tags.letter = 'b'"), "b");
  EXPECT_EQ(FoundModels(*this->registry_, "tags.letter != 'b'"), "C a");
  EXPECT_EQ(FoundModels(*this->registry_, Cat("tags.long = '", std::string(5000, 'a'), "'")), "a");
  EXPECT_EQ(FoundModels(*this->registry_, Cat("tags.long = '", std::string(4999, 'a'), "'")), "");
  EXPECT_EQ(FoundModels(*this->registry_, "tags.letter ILIKE 'c' AND tags.long LIKE 'C%'"), "C");
  EXPECT_EQ(FoundModels(*this->registry_, "tags.nobody != 'b'"), "");
  ASSERT_TRUE(SyncWait(this->registry_->SetModelTag({"default", "a"}, "path", R"(C:\data\b)")).ok());
  EXPECT_EQ(FoundModels(*this->registry_, R"(tags.path LIKE 'C:\data\%')"), "a") << "a backslash stands for itself";
  EXPECT_EQ(FoundModels(*this->registry_, R"(tags.path ILIKE 'c:\data\_')"), "a");
  EXPECT_FALSE(ParsePageToken("nonsense", WholeModelOrder({})).ok());
  EXPECT_FALSE(ParsePageToken("[1]", WholeModelOrder({})).ok()) << "of another order";
}

TYPED_TEST(RegistryTest, SearchesVersions) {
  for (const char* name : {"a", "b"}) ASSERT_TRUE(SyncWait(this->registry_->CreateModel({{"default", name}})).ok());
  for (const int number : {1, 2, 3}) {
    for (const char* name : {"a", "b"}) {
      this->Register(Files(name, Cat("run-", name, number), {{"place", Cat(number)}}));
    }
  }
  EXPECT_EQ(FoundVersions(*this->registry_, ""), "b3 a3 b2 a2 b1 a1") << "the latest change first";
  EXPECT_EQ(FoundVersions(*this->registry_, "", {"name", "version_number"}), "a1 a2 a3 b1 b2 b3");
  EXPECT_EQ(FoundVersions(*this->registry_, "", {"version_number DESC"}), "a3 b3 a2 b2 a1 b1");
  EXPECT_EQ(FoundVersions(*this->registry_, "name = 'b'"), "b3 b2 b1");
  EXPECT_EQ(FoundVersions(*this->registry_, "run_id = 'run-b2'"), "b2");
  EXPECT_EQ(FoundVersions(*this->registry_, "run_id IN ('run-b2', 'run-a1', 'x')", {"name"}), "a1 b2");
  EXPECT_EQ(FoundVersions(*this->registry_, "version_number > 1 AND version_number != 3", {"name"}), "a2 b2");
  EXPECT_EQ(FoundVersions(*this->registry_, "version_number < '2'", {"name"}), "a1 b1");
  EXPECT_EQ(FoundVersions(*this->registry_, "name IN ('b', 'x') AND run_id NOT IN ('run-b2', 'y')"), "b3 b1");
  EXPECT_EQ(FoundVersions(*this->registry_, "source_path LIKE '%/run-a3/%'"), "a3");
  EXPECT_EQ(FoundVersions(*this->registry_, "tags.place = '2'", {"name"}), "a2 b2");
  EXPECT_EQ(FoundVersions(*this->registry_, "tags.place != '2' AND name = 'a'", {"name"}), "a3 a1");
  ASSERT_TRUE(SyncWait(this->registry_->SetModelTag({"default", "b"}, std::string(kPromptTag), "true")).ok());
  EXPECT_EQ(FoundVersions(*this->registry_, "tags.place = '2'"), "a2") << "versions of prompts are apart";
}

/// Keeps what it is told, as "entity.action {data}".
class HeardEvents final : public EventSink {
 public:
  Status Record(db::Transaction& /*transaction*/, const Event& event) override {
    heard.push_back(Cat(event.entity, ".", event.action, " ", event.data.Dump()));
    return Ok();
  }
  void Notice() override { ++notices; }
  std::vector<std::string> heard;
  int notices = 0;
};

TYPED_TEST(RegistryTest, TellsItsChanges) {
  HeardEvents events;
  this->registry_->TellEvents(events);
  ASSERT_TRUE(SyncWait(this->registry_->CreateModel({kIris, "in words", {{"a", "b"}}})).ok());
  NewVersion files = Files("iris", "r", {{"c", "d"}});
  this->Register(files);
  ASSERT_TRUE(SyncWait(this->registry_->SetVersionTag(kIris, 1, "k", "v")).ok());
  ASSERT_TRUE(SyncWait(this->registry_->DeleteVersionTag(kIris, 1, "k")).ok());
  ASSERT_TRUE(SyncWait(this->registry_->SetModelTag(kIris, "k", "v")).ok());
  this->Point("best", 1);
  ASSERT_TRUE(SyncWait(this->registry_->RemoveAlias(kIris, "best", "test")).ok());
  EXPECT_EQ(
      events.heard,
      (std::vector<std::string>{
          R"(registered_model.created {"name":"iris","tags":{"a":"b"},"description":"in words"})",
          R"(model_version.created {"name":"iris","version":"1","source":"mlflow-artifacts:/1/r/artifacts/model",)"
          R"("run_id":"r","tags":{"c":"d"},"description":null})",
          R"(model_version_tag.set {"name":"iris","key":"k","value":"v","version":"1"})",
          R"(model_version_tag.deleted {"name":"iris","key":"k","version":"1"})",
          R"(model_version_alias.created {"name":"iris","alias":"best","version":"1"})",
          R"(model_version_alias.deleted {"name":"iris","alias":"best"})"}));
  EXPECT_EQ(events.notices, 7);
  events.heard.clear();
  const ModelName prompt{"default", "ask"};
  ASSERT_TRUE(
      SyncWait(this->registry_->CreateModel({prompt, "", {{std::string(kPromptTag), "true"}, {"a", "b"}}})).ok());
  files = Files("ask", "", {{"mlflow.prompt.text", "Hello"}});
  this->Register(files);
  ASSERT_TRUE(SyncWait(this->registry_->SetModelTag(prompt, "k", "v")).ok());
  EXPECT_EQ(
      events.heard,
      (std::vector<std::string>{
          R"(prompt.created {"name":"ask","tags":{"a":"b"},"description":""})",
          R"(prompt_version.created {"name":"ask","version":"1","tags":{},"description":null,"template":"Hello"})",
          R"(prompt_tag.set {"name":"ask","key":"k","value":"v"})"}));
}

class Everywhere final : public VersionUse {
 public:
  Result<std::string> Of(db::Snapshot& /*snapshot*/, const ModelName& name, std::int64_t version) override {
    return name.model == "iris" && version != 2 ? std::string("endpoint \"garden\"") : std::string();
  }
};

TYPED_TEST(RegistryTest, KeepsWhatIsUsed) {
  Everywhere use;
  this->registry_->AskUse(use);
  for (const char* digest : {"sha256:a", "sha256:b"}) this->Register(this->Package(digest));
  EXPECT_EQ(SyncWait(this->registry_->DeleteVersion(kIris, 1)).error().message,
            "endpoint \"garden\" answers with version 1 of model \"iris\": deploy something else there, or remove it, "
            "before this is deleted");
  EXPECT_TRUE(SyncWait(this->registry_->DeleteVersion(kIris, 2)).ok());
  EXPECT_EQ(SyncWait(this->registry_->RenameModel(kIris, "lily")).error().code, Code::kFailedPrecondition);
  EXPECT_EQ(SyncWait(this->registry_->DeleteModel(kIris)).error().code, Code::kFailedPrecondition);
}

template <typename Driver>
class RegistryMigrationTest : public ::testing::Test {
 protected:
  Driver place_;
};
TYPED_TEST_SUITE(RegistryMigrationTest, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(RegistryMigrationTest, KeepsWhatWasRegisteredBefore) {
  const std::vector<db::Migration> all = Migrations();
  {
    auto database = this->place_.Open();
    ASSERT_TRUE(database.ok()) << database.error().ToString();
    ASSERT_TRUE((*database)->Migrate({all[0]}).ok());
    const auto filled = SyncWait((*database)->Write([](db::Transaction& t) -> Status {
      TRY(t.Execute("INSERT INTO registry_models VALUES ('default', 'iris', 2, 7)"));
      TRY(t.Execute(
          "INSERT INTO registry_versions VALUES ('default', 'iris', 1, 'sha256:a', 'run', 'at', '{}', '[]', 7)"));
      TRY(t.Execute(
          "INSERT INTO registry_versions VALUES ('default', 'iris', 2, 'sha256:b', NULL, NULL, '{}', '[]', 8)"));
      TRY(t.Execute("INSERT INTO registry_aliases VALUES ('default', 'iris', 'best', 2)"));
      TRY(t.Execute("INSERT INTO registry_alias_changes VALUES ('default', 'iris', 1, 'best', 2, 0, 'test', 9)"));
      return Ok();
    }));
    ASSERT_TRUE(filled.ok()) << filled.error().ToString();
  }
  auto database = this->place_.Open();
  ASSERT_TRUE(database.ok()) << database.error().ToString();
  const Status migrated = (*database)->Migrate(all);
  ASSERT_TRUE(migrated.ok()) << migrated.error().ToString();
  const SimulatedClock clock{FromMicros(10)};
  Registry registry(**database, clock);
  const auto version = SyncWait(registry.GetVersion(kIris, "best"));
  ASSERT_TRUE(version.ok()) << version.error().ToString();
  EXPECT_EQ(version->version, 2);
  EXPECT_EQ(version->package, "sha256:b");
  EXPECT_EQ(version->updated, FromMicros(8));
  EXPECT_EQ(SyncWait(registry.GetVersion(kIris, "1"))->attempt_id, "at");
  EXPECT_EQ(SyncWait(registry.AliasHistory(kIris, "best"))->size(), 1U);
  NewVersion next;
  next.name = kIris;
  next.package = "sha256:c";
  EXPECT_EQ(SyncWait(registry.CreateVersion(next))->version, 3);
  EXPECT_TRUE(SyncWait(registry.DeleteModel(kIris)).ok()) << "what belongs to it goes with it";
}

}  // namespace
}  // namespace mw::registry
