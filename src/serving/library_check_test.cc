// Forests beside their own library: the real one for files of newer ones, one that lies for what follows from it.
#include "serving/library_check.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <map>

#include "base/file.h"
#include "base/test_paths.h"
#include "base/text.h"
#include "forest/test_answers.h"
#include "forest/xgboost_oracle.h"
#include "serving/backend/xgboost_backend.h"
#include "serving/model.h"
#include "serving/test_model.h"

namespace mw::serving {
namespace {

using Kind = Verdict::Kind;

Result<std::unique_ptr<Backend>> StartLibrary(const std::string& path) {
  NativeBackendOptions options;
  options.program = Cat(kBinaryDirectory, "/bin/mw-backend");
  return StartXgboostBackend(path, options);
}

/// Says that it is a library of that name and answers one number for every row.
class Liar final : public Backend, public Runner {
 public:
  Liar(std::string name, std::size_t features, float answer) : answer_(answer) {
    info_.platform = "xgboost";
    info_.library = std::move(name);
    info_.inputs = {TensorSpec{"input", Datatype::kFp32, {-1, static_cast<std::int64_t>(features)}}};
    info_.outputs = {TensorSpec{"output", Datatype::kFp32, {-1}}};
  }
  [[nodiscard]] const BackendInfo& info() const override { return info_; }
  [[nodiscard]] std::vector<Runner*> runners() override { return {this}; }
  Result<TensorList> Run(const TensorList& batch, Duration) override {
    TensorList out;
    const std::int64_t rows = batch[0].shape[0];
    const std::vector<float> values(static_cast<std::size_t>(rows), answer_);
    out.Append({"output", Datatype::kFp32, std::span(&rows, 1),
                std::string_view(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float))});
    return out;
  }

 private:
  BackendInfo info_;
  float answer_;
};

class LibraryCheck : public ::testing::Test {
 protected:
  [[nodiscard]] std::string Path(std::string_view name) const { return Cat(directory_.path(), "/", name); }
  /// A model of two features, of the library that is here, in a file.
  std::string Train() const {
    forest::TrainingRows rows;
    rows.num_features = 2;
    for (int i = 0; i < 200; ++i) {
      rows.values.push_back(static_cast<float>(i % 17));
      rows.values.push_back(static_cast<float>(i % 5));
      rows.labels.push_back(static_cast<float>((i % 17 + i % 5) % 2));
    }
    auto oracle = forest::XgboostOracle::Train(rows, {{"objective", "binary:logistic"}}, 10);
    oracle.SetAttribute("best_iteration", "4");
    EXPECT_TRUE(WriteFileDurably(Path("m.json"), oracle.Json()).ok());
    return Path("m.json");
  }
  testing::TestDirectory directory_;
};

/// Of every file that the forest and the library that is here read: how often each verdict.
std::map<Kind, int> Verdicts(const std::string& folder) {
  std::map<Kind, int> counts;
  for (const auto& entry : std::filesystem::directory_iterator(forest::TestData(folder))) {
    const std::string path = entry.path().string();
    if (!path.ends_with(".ubj")) continue;
    const auto forest = forest::Forest::Load(*ReadFile(path), forest::Format::kXgboostUbj);
    if (!forest.ok()) continue;
    EXPECT_EQ(forest->library_version(), folder.substr(folder.find('-') + 1)) << path;
    const auto library = StartLibrary(path);
    if (!library.ok()) continue;  // an objective that it does not know
    const std::vector<float> rows = forest->SampleRows(256);
    const auto answers = AskLibrary(*forest, **library, rows);
    if (!answers.ok()) {
      ADD_FAILURE() << path << ": " << answers.error().ToString();
      continue;
    }
    const Verdict verdict = Compare(*forest, rows, *answers);
    EXPECT_NE(verdict.kind, Kind::kDiffers) << path << ": " << verdict.said;
    ++counts[verdict.kind];
  }
  return counts;
}

// Debian's library is older than both. It reads files of 2.1 rightly, and those of 3.2, which write the base score in
// brackets, wrongly and without a word.
TEST_F(LibraryCheck, FilesOfNewerLibrariesStayTheForests) {
  std::map<Kind, int> counts = Verdicts("xgboost-2.1.4");
  EXPECT_GE(counts[Kind::kSame], 30);
  EXPECT_EQ(counts[Kind::kNotCompared], 0);
  EXPECT_GE(Verdicts("xgboost-3.2.0")[Kind::kNotCompared], 25);
}

TEST_F(LibraryCheck, AFileIsComparedWhenItIsLoadedAndTheVerdictIsKept) {
  const std::string path = Train();
  int started = 0;
  const StartBackend start = [&](const std::string& file) { return ++started, StartLibrary(file); };
  for (int round = 0; round < 2; ++round) {
    const auto model = Model::Load(path, start, Path("compared"));
    ASSERT_TRUE(model.ok()) << model.error().ToString();
    EXPECT_NE((*model)->Describe().find("256 rows, every answer the same bits"), std::string::npos)
        << (*model)->Describe();
    EXPECT_EQ((*model)->platform(), "millwright_forest");
    EXPECT_EQ((*model)->backend(), nullptr);
  }
  EXPECT_EQ(started, 1);
  ASSERT_TRUE(Model::Load(path, start).ok());
  EXPECT_EQ(started, 2) << "nowhere to keep it";
  ASSERT_TRUE(WriteFileDurably(path, *ReadFile(path) + "\n").ok());
  ASSERT_TRUE(Model::Load(path, start, Path("compared")).ok());
  EXPECT_EQ(started, 3) << "another file";
}

TEST_F(LibraryCheck, ALibraryThatAnswersOtherwiseAnswersInTheForestsPlace) {
  const std::string path = Train();
  for (int round = 0; round < 2; ++round) {
    const auto model = Model::Load(
        path, [](const std::string&) { return std::make_unique<Liar>("XGBoost 9.0.0", 2, 0.25F); }, Path("compared"));
    ASSERT_TRUE(model.ok()) << model.error().ToString();
    EXPECT_EQ((*model)->platform(), "xgboost") << round;
    EXPECT_NE((*model)->backend(), nullptr);
    EXPECT_TRUE((*model)->Describe().starts_with("XGBoost 9.0.0; in the forest's place: row 0 gives 0."))
        << (*model)->Describe();
    EXPECT_NE((*model)->Describe().find(" here and 0.25 by XGBoost 9.0.0"), std::string::npos) << (*model)->Describe();
  }
}

TEST_F(LibraryCheck, AnOlderLibraryConvictsNobody) {
  const auto model =
      Model::Load(Train(), [](const std::string&) { return std::make_unique<Liar>("XGBoost 1.0.9", 2, 0.25F); });
  ASSERT_TRUE(model.ok()) << model.error().ToString();
  EXPECT_EQ((*model)->platform(), "millwright_forest");
  EXPECT_NE((*model)->Describe().find("; not judged by XGBoost 1.0.9, which is older than the model's file (1."),
            std::string::npos)
      << (*model)->Describe();
}

TEST_F(LibraryCheck, WithoutItsLibraryTheForestAnswersAndSaysSo) {
  const auto model = Model::Load(
      Train(), [](const std::string&) -> Result<std::unique_ptr<Backend>> { return FailedPrecondition("it is away"); },
      Path("compared"));
  ASSERT_TRUE(model.ok()) << model.error().ToString();
  EXPECT_TRUE((*model)->Describe().ends_with("; not compared with its own library: it is away"))
      << (*model)->Describe();
  EXPECT_FALSE(std::filesystem::exists(Path("compared"))) << "it may come back";
}

TEST_F(LibraryCheck, DamagedVerdictsAreAskedForAgain) {
  const VerdictStore store(Path("compared"));
  EXPECT_FALSE(store.Find("model").has_value());
  store.Keep("model", {Kind::kSame, "all the same"});
  ASSERT_TRUE(store.Find("model").has_value());
  EXPECT_EQ(store.Find("model")->said, "all the same");
  EXPECT_FALSE(store.Find("models").has_value());
  for (const auto& entry : std::filesystem::directory_iterator(Path("compared"))) {
    ASSERT_TRUE(WriteFileDurably(entry.path().string(), "{\"verdict\":").ok());
  }
  EXPECT_FALSE(store.Find("model").has_value());
}

}  // namespace
}  // namespace mw::serving
