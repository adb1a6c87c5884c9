// Model files of the libraries with their own answers (testdata/README.md): every engine, in every bit.
#include <gtest/gtest.h>

#include "forest/forest.h"
#include "forest/test_answers.h"

namespace mw::forest {
namespace {

Format FormatOf(std::string_view name) {
  if (name.ends_with(".ubj")) return Format::kXgboostUbj;
  if (name.ends_with(".txt")) return Format::kLightgbm;
  return name.ends_with(".onnx") ? Format::kOnnx : Format::kXgboostJson;
}

/// What a refusal has to name; empty for models that are evaluated.
std::string_view Refusal(std::string_view name) {
  if (name.starts_with("gblinear")) return "gblinear";
  if (name.starts_with("vector_leaf")) return "multi_output_tree";
  if (name.starts_with("linear")) return "linear tree";
  if (name.starts_with("scaled")) return "Scaler";
  if (name.starts_with("doubles")) return "double";
  return "";
}

class KnownAnswer : public testing::TestWithParam<const char*> {};

TEST_P(KnownAnswer, IsGivenInEveryBit) {
  const std::string folder = Cat(GetParam(), "/");
  const Result<Json> all = Json::Parse(*ReadFile(TestData(folder + "answers.json")));
  ASSERT_TRUE(all.ok()) << all.error().ToString();
  int read = 0;
  for (const auto& [name, of_model] : all->Find("models")->AsObject()) {
    const std::string bytes = *ReadFile(TestData(folder + name));
    const auto format = DetectFormat(bytes, "no name");
    ASSERT_TRUE(format.has_value()) << name;
    EXPECT_EQ(FormatName(*format), FormatName(FormatOf(name))) << name;
    const auto forest = Forest::Load(bytes, *format);
    if (const std::string_view says = Refusal(name); !says.empty()) {
      ASSERT_FALSE(forest.ok()) << name;
      EXPECT_EQ(forest.error().code, Code::kUnimplemented) << name;
      EXPECT_NE(forest.error().ToString().find(says), std::string::npos) << forest.error().ToString();
      continue;
    }
    ASSERT_TRUE(forest.ok()) << name << ": " << forest.error().ToString();
    EXPECT_EQ(forest->double_precision(), *format == Format::kLightgbm);
    ExpectAnswers(*forest, ReadAnswers(*all, of_model), folder + name);
    ++read;
  }
  EXPECT_GE(read, 10);
}

INSTANTIATE_TEST_SUITE_P(Of, KnownAnswer,
                         testing::Values("xgboost-2.1.4", "xgboost-3.2.0", "lightgbm-3.3.5", "lightgbm-4.7.0",
                                         "onnxruntime-1.31.1"));

}  // namespace
}  // namespace mw::forest
