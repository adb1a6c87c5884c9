// Loading: packages, bare files, and everything that must not be served.
#include "serving/model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "serving/test_model.h"

namespace mw::serving {
namespace {

using testing::TestDirectory;
using testing::WriteTestPackage;

TEST(ModelTest, LoadsAPackageWhoseWarmUpAnswersAreBitEqual) {
  const TestDirectory directory;
  WriteTestPackage(directory / "p", 1);
  const auto model = Model::Load(directory / "p");
  ASSERT_TRUE(model.ok()) << model.error().ToString();
  EXPECT_EQ((*model)->name(), "late");
  EXPECT_EQ((*model)->num_features(), 6U);
  EXPECT_EQ((*model)->threshold(), 0.25);
  EXPECT_STREQ((*model)->output_name(), "probability");
}

/// Rewrites the package with its first warm-up answer one bit off.
void BendAnswer(const std::string& directory, std::vector<float> wire::WarmUp::*answers) {
  auto package = wire::ReadPackage(directory);
  ASSERT_TRUE(package.ok());
  float& answer = (package->warm_up.*answers)[7];
  answer = std::nextafter(answer, 1.0F);
  ASSERT_TRUE(wire::WritePackage(directory, *package).ok());
}

TEST(ModelTest, RefusesAnAnswerThatDiffersInOneBit) {
  const TestDirectory directory;
  WriteTestPackage(directory / "margin", 2);
  BendAnswer(directory / "margin", &wire::WarmUp::margins);
  auto model = Model::Load(directory / "margin");
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().code, Code::kFailedPrecondition);
  EXPECT_NE(model.error().message.find("warm-up row 7 gives the margin"), std::string::npos);
  EXPECT_NE(model.error().message.find("must not serve it"), std::string::npos);
  WriteTestPackage(directory / "probability", 2);
  BendAnswer(directory / "probability", &wire::WarmUp::probabilities);
  model = Model::Load(directory / "probability");
  ASSERT_FALSE(model.ok());
  EXPECT_NE(model.error().message.find("gives the probability"), std::string::npos);
}

TEST(ModelTest, RefusesPackageAndModelThatDisagreeAboutFeatures) {
  const TestDirectory directory;
  WriteTestPackage(directory / "p", 3);
  auto package = wire::ReadPackage(directory / "p");
  ASSERT_TRUE(package.ok());
  std::swap(package->info.features[0], package->info.features[1]);
  ASSERT_TRUE(wire::WritePackage(directory / "p", *package).ok());
  const auto model = Model::Load(directory / "p");
  ASSERT_FALSE(model.ok());
  EXPECT_NE(model.error().ToString().find("feature 0 is \"wind\" in package.json and \"temp\""), std::string::npos)
      << model.error().ToString();
}

TEST(ModelTest, LoadsABareFileWithFloatsOnly) {
  const TestDirectory directory;
  const std::string path = directory / "model.json";
  ASSERT_TRUE(WriteFileDurably(path, testing::RandomXgboostJson(4, {"a", "b"})).ok());
  const auto model = Model::Load(path);
  ASSERT_TRUE(model.ok()) << model.error().ToString();
  EXPECT_EQ((*model)->encoder().feature_names(), (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE((*model)->threshold().has_value());
  EXPECT_EQ(Model::Load(directory / "absent").error().code, Code::kNotFound);
}

}  // namespace
}  // namespace mw::serving
