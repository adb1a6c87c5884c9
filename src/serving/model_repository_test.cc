// A directory of models: versions chosen, reloaded when they change, unloaded by name, and never read from elsewhere.
#include "serving/model_repository.h"

#include <gtest/gtest.h>

#include <future>

#include "base/log.h"
#include "serving/test_model.h"

namespace mw::serving {
namespace {

using testing::RandomXgboostJson;
using testing::TestDirectory;

class ModelRepositoryTest : public ::testing::Test {
 protected:
  void SetUp() override { SetLogLevel(static_cast<LogLevel>(4)); }
  void TearDown() override { SetLogLevel(LogLevel::kInfo); }
  [[nodiscard]] std::string Root() const { return directory_ / "models"; }
  void Write(const std::string& path, const std::string& text) {
    const std::string file = Cat(Root(), "/", path);
    ASSERT_TRUE(MakeDirectories(file.substr(0, file.rfind('/'))).ok());
    ASSERT_TRUE(WriteFileDurably(file, text).ok());
  }
  void WriteModel(const std::string& path, std::uint64_t seed) {
    Write(path, RandomXgboostJson(seed, {"a", "b", "c"}));
  }
  void Open() {
    repository_ = *ModelRepository::Open(Root(), catalog_);
    repository_->Rescan();
    ASSERT_TRUE(catalog_.WaitSettled(std::chrono::seconds(20)));
  }
  Status Load(const std::string& name) {
    std::promise<Status> loaded;
    repository_->Load(name, [&loaded](const Status& status) { loaded.set_value(status); });
    return loaded.get_future().get();
  }
  /// "late 2 READY: note, ..."
  std::string Index() {
    std::string text;
    for (const RepositoryEntry& entry : repository_->Index()) {
      CatTo(text, text.empty() ? "" : ", ", entry.name, entry.version.empty() ? "" : " ", entry.version, " ",
            entry.state);
    }
    return text;
  }
  std::string Reason(const std::string& name) {
    for (const RepositoryEntry& entry : repository_->Index()) {
      if (entry.name == name) return entry.reason;
    }
    return "";
  }

  TestDirectory directory_;
  MetricsRegistry metrics_;
  Catalog catalog_{metrics_};
  std::shared_ptr<ModelRepository> repository_;
};

TEST_F(ModelRepositoryTest, ServesTheNewestVersionOfEveryModel) {
  WriteModel("late/1/xgboost.json", 1);
  WriteModel("late/2/model.json", 2);
  WriteModel("iris/7/model.json", 3);
  Write("iris/notes/readme.txt", "no version");
  Open();
  EXPECT_EQ(Index(), "iris 7 READY, late 2 READY");
  EXPECT_EQ(catalog_.Live("late")->version, 2);
}

TEST_F(ModelRepositoryTest, TheVersionPolicyKeepsOthersByTheirNumbers) {
  WriteModel("late/1/model.json", 1);
  WriteModel("late/2/model.json", 2);
  WriteModel("late/10/model.json", 3);
  Write("late/config.pbtxt", "name: \"late\" max_batch_size: 4 version_policy { latest { num_versions: 2 } }");
  Open();
  EXPECT_EQ(Index(), "late 10 READY, late 2 READY");
  CatalogReader& reader = catalog_.NewReader();
  reader.Read([](const Snapshot& snapshot) {
    const ServedEndpoint& late = *snapshot.Find("late");
    EXPECT_EQ(late.limits.rows_max, 4);
    EXPECT_EQ(Pick(late, "", "anybody", 1).version->version, 10);
    EXPECT_EQ(Pick(late, "2", "", 1).version->version, 2);
    EXPECT_EQ(Pick(late, "1", "", 1).entry, nullptr);
    EXPECT_EQ(late.live->config->max_batch_size, 4);
  });
}

TEST_F(ModelRepositoryTest, WhatIsNotHonouredIsNamed) {
  WriteModel("late/1/model.json", 1);
  Write("late/config.pbtxt", "sequence_batching { } instance_group { gpus: 0 }");
  Open();
  EXPECT_EQ(Reason("late"), "not honoured of its configuration: sequence_batching, instance_group.gpus");
}

TEST_F(ModelRepositoryTest, TensorsHaveTheConfigurationsNamesWhereThereIsOneWay) {
  WriteModel("one/1/model.json", 1);
  Write("one/config.pbtxt",
        R"(max_batch_size: 8 input { name: "input__0" data_type: TYPE_FP32 dims: 3 }
           output { name: "output__0" data_type: TYPE_FP32 dims: 1 })");
  Write("three/1/model.json", RandomXgboostJson(2, {"a", "b", "c"}, 12, 4, 3));
  Write("three/config.pbtxt", R"(output { name: "scores" data_type: TYPE_FP32 dims: [ -1, 3 ] })");
  Open();
  const Model& one = *catalog_.Live("one")->model;
  EXPECT_EQ(one.inputs(), (std::vector<TensorSpec>{{"input__0", Datatype::kFp32, {-1, 3}}}));
  EXPECT_EQ(one.outputs(), (std::vector<TensorSpec>{{"output__0", Datatype::kFp32, {-1}}}));
  EXPECT_EQ(Reason("one"), "");
  const Model& three = *catalog_.Live("three")->model;
  EXPECT_EQ(three.inputs().size(), 3U);
  EXPECT_EQ(three.outputs()[0], (TensorSpec{"scores", Datatype::kFp32, {-1, 3}}));
  EXPECT_EQ(three.outputs()[1].name, "label");
  EXPECT_EQ(Reason("three"), "");
}

TEST_F(ModelRepositoryTest, NamesOfTensorsThatAreNotTakenAreNamed) {
  for (const auto& [name, outputs] : std::vector<std::pair<std::string, std::string>>{
           {"two", R"(sequence_batching { } output { name: "p" data_type: TYPE_FP32 }
                      output { name: "c" data_type: TYPE_INT64 })"},
           {"text", R"(output { name: "p" data_type: TYPE_STRING dims: [ -1, 1 ] })"},
           {"wide", R"(output { name: "p" data_type: TYPE_FP32 dims: [ -1, 2 ] })"}}) {
    WriteModel(name + "/1/model.json", 1);
    Write(name + "/config.pbtxt", outputs);
  }
  Open();
  EXPECT_EQ(catalog_.Live("wide")->model->outputs()[0].name, "probability");
  constexpr std::string_view kP = "output \"p\" (the model gives probability)";
  EXPECT_EQ(Reason("two"), Cat("not honoured of its configuration: sequence_batching, ", kP,
                               ", output \"c\" (the model gives probability)"));
  EXPECT_EQ(Reason("text"), Cat("not honoured of its configuration: ", kP));
  EXPECT_EQ(Reason("wide"), Cat("not honoured of its configuration: ", kP));
}

TEST_F(ModelRepositoryTest, AConfigurationThatIsNotTheModelsIsAFailure) {
  WriteModel("late/1/model.json", 1);
  Write("late/config.pbtxt", "input { name: \"x\" data_type: TYPE_FP32 dims: 4 }");
  WriteModel("other/1/model.json", 1);
  Write("other/config.pbtxt", "name: \"late\"");
  Write("python/1/model.py", "import os");
  Write("empty/1/readme", "");
  Open();
  EXPECT_EQ(Index(), "late 1 UNAVAILABLE, empty UNAVAILABLE, other UNAVAILABLE, python UNAVAILABLE");
  EXPECT_NE(Reason("late").find("has 4 columns, the model has 3"), std::string::npos) << Reason("late");
  EXPECT_NE(Reason("other").find("name is \"late\""), std::string::npos);
  EXPECT_NE(Reason("python").find("pyfunc"), std::string::npos);
  EXPECT_EQ(Reason("empty").find("empty/1 holds none of model.onnx"), 0U) << Reason("empty");
  for (const char* name : {"late", "other", "python", "empty"}) {
    EXPECT_EQ(Reason(name).find(directory_.path()), std::string::npos) << Reason(name);
  }
}

TEST_F(ModelRepositoryTest, ChangesAreTakenOverAndWhatIsGoneIsRemoved) {
  WriteModel("late/1/model.json", 1);
  WriteModel("iris/1/model.json", 2);
  Open();
  const std::string before = catalog_.Live("late")->source;
  WriteModel("late/2/model.json", 3);
  std::filesystem::remove_all(Root() + "/iris");
  repository_->Rescan();
  ASSERT_TRUE(catalog_.WaitSettled(std::chrono::seconds(20)));
  EXPECT_EQ(catalog_.Live("late")->version, 2);
  EXPECT_EQ(catalog_.Live("iris"), nullptr);
  Write("late/2/model.json", RandomXgboostJson(9, {"a", "b", "c"}, 3));
  repository_->Rescan();
  ASSERT_TRUE(catalog_.WaitSettled(std::chrono::seconds(20)));
  EXPECT_EQ(catalog_.Live("late")->version, 2);
  EXPECT_NE(catalog_.Live("late")->source, before);
  EXPECT_EQ(catalog_.Live("late")->model->Describe().substr(0, 2), "3 ") << catalog_.Live("late")->model->Describe();
}

TEST_F(ModelRepositoryTest, UnloadsAndLoadsByName) {
  WriteModel("late/1/model.json", 1);
  Open();
  ASSERT_TRUE(repository_->Unload("late").ok());
  EXPECT_EQ(Index(), "late 1 UNAVAILABLE");
  EXPECT_EQ(Reason("late"), "unloaded");
  EXPECT_EQ(catalog_.Live("late"), nullptr);
  EXPECT_TRUE(Load("late").ok());
  EXPECT_EQ(Index(), "late 1 READY");
  EXPECT_EQ(repository_->Unload("lat").error().code, Code::kNotFound);
  EXPECT_EQ(Load("lat").error().code, Code::kNotFound);
  WriteModel("lat/1/model.json", 4);
  EXPECT_TRUE(Load("lat").ok());
  EXPECT_EQ(catalog_.Live("lat")->version, 1);
}

TEST_F(ModelRepositoryTest, NothingOutsideIsRead) {
  WriteModel("late/1/model.json", 1);
  const std::string outside = directory_ / "outside";
  ASSERT_TRUE(MakeDirectories(outside + "/1").ok());
  ASSERT_TRUE(WriteFileDurably(outside + "/1/model.json", RandomXgboostJson(1, {"a"})).ok());
  ASSERT_TRUE(WriteFileDurably(outside + "/config.pbtxt", "name: \"secret\"").ok());
  namespace fs = std::filesystem;
  fs::create_directory_symlink(outside, Root() + "/linked");
  ASSERT_TRUE(MakeDirectories(Root() + "/file/1").ok());
  fs::create_symlink(outside + "/1/model.json", Root() + "/file/1/model.json");
  ASSERT_TRUE(MakeDirectories(Root() + "/version").ok());
  fs::create_directory_symlink(outside + "/1", Root() + "/version/1");
  WriteModel("config/1/model.json", 1);
  fs::create_symlink(outside + "/config.pbtxt", Root() + "/config/config.pbtxt");
  WriteModel("named/1/model.json", 1);
  Write("named/config.pbtxt", "default_model_filename: \"../../../outside/1/model.json\"");
  fs::create_directory_symlink(Root() + "/late", Root() + "/inside");
  Open();
  EXPECT_EQ(Index(),
            "inside 1 READY, late 1 READY, config UNAVAILABLE, file UNAVAILABLE, linked UNAVAILABLE, "
            "named UNAVAILABLE, version UNAVAILABLE");
  EXPECT_EQ(Reason("config").find("secret"), std::string::npos);
  for (const char* name : {"..", ".", "", "../outside", "late/1", "/etc", "a\\b", "%2e%2e"}) {
    EXPECT_EQ(Load(name).error().code, Code::kInvalidArgument) << name;
  }
}

TEST_F(ModelRepositoryTest, OpensDirectoriesOnly) {
  EXPECT_EQ(ModelRepository::Open(directory_ / "none", catalog_).error().code, Code::kNotFound);
  ASSERT_TRUE(WriteFileDurably(directory_ / "file", "").ok());
  EXPECT_EQ(ModelRepository::Open(directory_ / "file", catalog_).error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace mw::serving
