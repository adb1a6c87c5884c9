// Packages: written and read back, the golden one of each format, and everything that must be refused.
#include "wire/package.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <limits>
#include <utility>

#include "base/file.h"
#include "base/test_paths.h"
#include "base/text.h"

namespace mw::wire {
namespace {

class PackageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = Cat(::testing::TempDir(), "/mw-package-XXXXXX");
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::string Path(std::string_view name) const { return Cat(directory_, "/", name); }
  void Write(std::string_view name, std::string_view text) { ASSERT_TRUE(WriteFileDurably(Path(name), text).ok()); }
  std::string Read(std::string_view name) {
    auto text = ReadFile(Path(name));
    return text.ok() ? *text : "";
  }

  static Package Example() {
    Package package;
    package.info.model = "late-departures";
    package.info.features = {"distance", "carrier"};
    package.info.threshold = 0.2;
    package.info.label = "departed_late";
    package.info.run_id = "01890a5d1b2c7000800000000000000a";
    package.info.lineage = Json::Make({{"code", Json("sha256:1")}});
    package.schema = Json::Make({{"columns", Json::MakeArray()}});
    package.warm_up.rows = {Json::Make({{"distance", Json(1089)}, {"carrier", Json("AA")}}),
                            Json::Make({{"distance", Json()}, {"carrier", Json("B6")}})};
    package.warm_up.margins = {-1.0986123F, 0.1F};
    package.warm_up.probabilities = {0.25F, 0.5249792F};
    return package;
  }
  void WriteExample() {
    Write("model.json", "{\"learner\":{}}");
    Write("profile.json", "{}");
    const Status written = WritePackage(directory_, Example());
    ASSERT_TRUE(written.ok()) << written.error().ToString();
  }
  /// Replaces text in package.json and returns the reader's complaint.
  std::string ComplaintAfter(std::string_view from, std::string_view to) {
    std::string text = Read("package.json");
    const std::size_t at = text.find(from);
    if (at == std::string::npos) return "test: nothing to replace";
    Write("package.json", text.replace(at, from.size(), to));
    const auto read = ReadPackage(directory_);
    return read.ok() ? "accepted" : read.error().ToString();
  }

  std::string directory_;
};

TEST_F(PackageTest, ReadsBackWhatItWrote) {
  WriteExample();
  const auto read = ReadPackage(directory_);
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  const Package expected = Example();
  EXPECT_EQ(read->info.model, "late-departures");
  EXPECT_EQ(read->info.features, expected.info.features);
  EXPECT_EQ(read->info.threshold, 0.2);
  EXPECT_EQ(read->info.lineage, expected.info.lineage);
  EXPECT_EQ(read->schema, expected.schema);
  EXPECT_EQ(read->warm_up.rows, expected.warm_up.rows);
  EXPECT_EQ(read->warm_up.margins, expected.warm_up.margins);
  EXPECT_EQ(read->warm_up.probabilities, expected.warm_up.probabilities);
  EXPECT_EQ(read->model_path, Path("model.json"));
  ASSERT_EQ(read->info.files.size(), 4U);
  EXPECT_EQ(read->info.files[0].digest, Cat("sha256:", Sha256Hex("{\"learner\":{}}")));
}

TEST_F(PackageTest, FloatsSurviveBitByBit) {
  Write("model.json", "{}");
  Package package = Example();
  package.warm_up.rows.assign(4, Json::MakeObject());
  package.warm_up.margins = {0.1F, -3.4028235e38F, 1.1754944e-38F, 1e-45F};
  package.warm_up.probabilities = {0.33333334F, 1.0F, 0.0F, 5.9604645e-8F};
  ASSERT_TRUE(WritePackage(directory_, package).ok());
  const auto read = ReadPackage(directory_);
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(read->warm_up.margins, package.warm_up.margins);
  EXPECT_EQ(read->warm_up.probabilities, package.warm_up.probabilities);
}

TEST_F(PackageTest, RefusesANewerFormatWithASentence) {
  WriteExample();
  EXPECT_EQ(ComplaintAfter("\"format_version\": 1", "\"format_version\": 3"),
            Cat(directory_,
                ": the package has format_version 3, this program reads up to 2; "
                "upgrade millwright on this machine"));
}

TEST_F(PackageTest, NoticesAChangedAndAnAbsentFile) {
  WriteExample();
  Write("model.json", "{\"learner\":[]}");
  EXPECT_EQ(ReadPackage(directory_).error().code, Code::kDataLoss);
  EXPECT_NE(ReadPackage(directory_).error().message.find("model.json is not the file"), std::string::npos);
  std::filesystem::remove(Path("model.json"));
  EXPECT_EQ(ReadPackage(directory_).error().code, Code::kDataLoss);
  std::filesystem::remove(Path("package.json"));
  EXPECT_EQ(ReadPackage(directory_).error().code, Code::kNotFound);
}

TEST_F(PackageTest, RefusesNamesThatLeadOutOfThePackage) {
  WriteExample();
  EXPECT_NE(ComplaintAfter("\"profile.json\"", "\"../profile.json\"").find("use plain names"), std::string::npos);
}

TEST_F(PackageTest, NamesTheWrongValue) {
  WriteExample();
  EXPECT_NE(ComplaintAfter("\"threshold\": 0.2", "\"threshold\": 1.2").find("threshold is 1.2"), std::string::npos);
  EXPECT_NE(ComplaintAfter("\"threshold\": 1.2", "\"threshold\": \"x\"").find("threshold"), std::string::npos);
  WriteExample();
  EXPECT_NE(ComplaintAfter("\"carrier\"", "\"distance\"").find("\"distance\" is listed twice"), std::string::npos);
  WriteExample();
  EXPECT_NE(ComplaintAfter("\"digest\": \"sha256:", "\"digest\": \"md5:").find("has digest"), std::string::npos);
}

TEST_F(PackageTest, NamesTheTwoValuesOfItsLabel) {
  Write("model.json", "{}");
  Package package = Example();
  package.info.label_values = {"No", "Yes"};
  ASSERT_TRUE(WritePackage(directory_, package).ok());
  EXPECT_EQ(ReadPackage(directory_)->info.label_values, package.info.label_values);
  for (const auto& values :
       std::vector<std::vector<std::string>>{{"No"}, {"No", "No"}, {"a", "b", "c"}, {"a", std::string(300, 'x')}}) {
    package.info.label_values = values;
    EXPECT_EQ(WritePackage(directory_, package).error().code, Code::kInvalidArgument) << values.front();
  }
  package.info.label_values = {"No", "Yes"};
  package.info.classes = {"a", "b", "c"};
  package.warm_up.margins.assign(6, 0);
  package.warm_up.probabilities.assign(6, 0);
  EXPECT_EQ(WritePackage(directory_, package).error().code, Code::kInvalidArgument);
}

TEST_F(PackageTest, AModelMayBeADirectoryThatTakesTensors) {
  std::filesystem::create_directories(Path("model/code"));
  Write("model/MLmodel", "flavors: {}");
  Write("model/code/_features.py", "pass");
  Write("config.pbtxt", "max_batch_size: 8");
  Package package;
  package.info.model = "churn";
  package.info.framework = kMlflow;
  package.info.model_file = "model";
  package.info.type = "tensors";
  package.schema = Json::Make({{"columns", Json::MakeArray()}});
  package.warm_up.requests = {Json::Make({{"inputs", Json::MakeArray()}, {"outputs", Json::MakeArray()}})};
  package.warm_up.answered_by = "MLflow 2.22.0";
  ASSERT_TRUE(WritePackage(directory_, package).ok());
  const auto read = ReadPackage(directory_);
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_FALSE(read->info.takes_rows());
  EXPECT_EQ(read->model_path, Path("model"));
  EXPECT_EQ(read->info.files.size(), 5U);
  EXPECT_EQ(read->warm_up.requests, package.warm_up.requests);
  EXPECT_EQ(read->warm_up.answered_by, "MLflow 2.22.0");
  EXPECT_NE(Read("package.json").find("\"format_version\": 2"), std::string::npos) << "older programs say so";
  std::filesystem::remove(Path("model/code/_features.py"));
  EXPECT_EQ(ReadPackage(directory_).error().code, Code::kDataLoss);
  std::filesystem::create_symlink("/etc/passwd", Path("model/code/_features.py"));
  EXPECT_EQ(WritePackage(directory_, package).error().code, Code::kInvalidArgument);
}

TEST_F(PackageTest, AnswersInDoublesSurviveBitByBit) {
  Write("model.txt", "tree");
  Package package = Example();
  package.info.framework = kLightgbm;
  package.info.model_file = "model.txt";
  package.info.targets = 2;
  package.warm_up.margins.clear();
  package.warm_up.values = {0.1, 0.9981552427237123, 1.0 / 3, 5e-324};
  package.warm_up.probabilities.assign(package.warm_up.values.begin(), package.warm_up.values.end());
  ASSERT_TRUE(WritePackage(directory_, package).ok());
  const auto read = ReadPackage(directory_);
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(read->warm_up.values, package.warm_up.values);
  EXPECT_EQ(read->warm_up.probabilities, package.warm_up.probabilities);
  EXPECT_TRUE(read->warm_up.margins.empty());
}

TEST(PackagePathTest, LeadsNowhereElse) {
  for (const char* good : {"a", "model/MLmodel", "model/code/_f.py", ".hidden/x", "a b/c+d=e"}) {
    EXPECT_TRUE(IsPackagePath(good)) << good;
  }
  for (const char* bad :
       {"", "/a", "a/", "a//b", "..", "a/../b", ".", "a/./b", "a\\b", " a", "a/b ", "a\nb", "~/a:b"}) {
    EXPECT_FALSE(IsPackagePath(bad)) << bad;
  }
  EXPECT_FALSE(IsPackagePath(std::string(600, 'a')));
}

TEST_F(PackageTest, WritesNothingThatItWouldRefuse) {
  Write("model.json", "{}");
  Package package = Example();
  package.warm_up.margins.pop_back();
  EXPECT_EQ(WritePackage(directory_, package).error().code, Code::kInvalidArgument);
  package = Example();
  package.warm_up.margins[0] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(WritePackage(directory_, package).error().code, Code::kInvalidArgument);
  package = Example();
  package.info.model = "no name";
  EXPECT_EQ(WritePackage(directory_, package).error().code, Code::kInvalidArgument);
  EXPECT_EQ(ReadPackage(directory_).error().code, Code::kNotFound);
}

TEST_F(PackageTest, TheGoldenPackageStaysReadableAndIsReproducedByteForByte) {
  const std::string golden = Cat(kSourceDirectory, "/src/wire/golden/package_v1");
  const auto read = ReadPackage(golden);
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  std::filesystem::copy_file(golden + "/model.json", Path("model.json"));
  ASSERT_TRUE(WritePackage(directory_, *read).ok());
  for (const char* name : {"package.json", "schema.json", "warmup.json"}) {
    EXPECT_EQ(Read(name), *ReadFile(Cat(golden, "/", name))) << name;
  }
}

}  // namespace
}  // namespace mw::wire
