// Models and files at a source on both databases: what they are, rename, delete and tell; what is used stays.
#include <gtest/gtest.h>

#include "registry/event.h"
#include "registry/testing.h"

namespace mw::registry {
namespace {

template <typename Driver>
class RegistryModelsTest : public RegistryWorld<Driver> {};
TYPED_TEST_SUITE(RegistryModelsTest, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(RegistryModelsTest, KeepsVersionsThatAreFilesAlone) {
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

TYPED_TEST(RegistryModelsTest, FilesGetTheirPackageOnce) {
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

TYPED_TEST(RegistryModelsTest, RenamesAndDeletesModels) {
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

TYPED_TEST(RegistryModelsTest, DeletesVersionsAndNeverGivesTheirNumberAgain) {
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

TYPED_TEST(RegistryModelsTest, MovesStages) {
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

TYPED_TEST(RegistryModelsTest, TellsItsChanges) {
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

TYPED_TEST(RegistryModelsTest, KeepsWhatIsUsed) {
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

}  // namespace
}  // namespace mw::registry
