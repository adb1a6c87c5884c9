// Model files of newer XGBoosts than the library at hand, with their own answers, and of this one in both encodings.
#include <gtest/gtest.h>

#include "forest/forest.h"
#include "forest/test_answers.h"
#include "forest/xgboost_oracle.h"

namespace mw::forest {
namespace {

class XgboostVersion : public testing::TestWithParam<const char*> {};

TEST_P(XgboostVersion, GivesTheLibrarysAnswersInEveryBit) {
  const std::string folder = Cat("xgboost-", GetParam(), "/");
  const Json all = *Json::Parse(*ReadFile(TestData(folder + "answers.json")));
  int read = 0;
  for (const auto& [name, of_model] : all.Find("models")->AsObject()) {
    const std::string bytes = *ReadFile(TestData(folder + name));
    const auto format = DetectFormat(bytes, "no name");
    ASSERT_TRUE(format.has_value()) << name;
    EXPECT_EQ(*format, name.ends_with(".ubj") ? Format::kXgboostUbj : Format::kXgboostJson) << name;
    const auto forest = Forest::Load(bytes, *format);
    if (name.starts_with("gblinear") || name.starts_with("vector_leaf")) {
      ASSERT_FALSE(forest.ok()) << name;
      EXPECT_EQ(forest.error().code, Code::kUnimplemented) << name;
      EXPECT_NE(forest.error().ToString().find(name.starts_with("gblinear") ? "gblinear" : "multi_output_tree"),
                std::string::npos)
          << forest.error().ToString();
      continue;
    }
    ASSERT_TRUE(forest.ok()) << name << ": " << forest.error().ToString();
    KnownAnswers answers;
    answers.count = all.Find("rows")->AsArray().size();
    for (const double value : Numbers(*all.Find("rows"))) answers.rows.push_back(static_cast<float>(value));
    answers.margins = Numbers(*of_model.Find("margins"));
    answers.predictions = Numbers(*of_model.Find("predictions"));
    ExpectAnswers(*forest, answers, folder + name);
    ++read;
  }
  EXPECT_GT(read, 40);
}

INSTANTIATE_TEST_SUITE_P(Newer, XgboostVersion, testing::Values("2.1.4", "3.2.0"));

TEST(XgboostUbj, RefusesEveryTruncationAndMostFlippedBytes) {
  const std::string whole = *ReadFile(TestData("xgboost-3.2.0/categories.ubj"));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(Forest::Load(std::string_view(whole).substr(0, size), Format::kXgboostUbj).ok()) << size;
  }
  EXPECT_FALSE(Forest::Load(whole + "}", Format::kXgboostUbj).ok());
}

TEST(XgboostUbj, BelievesNoCountBeyondItsBytes) {
  const auto refused = [](std::string_view bytes, std::string_view says) {
    const auto forest = Forest::Load(bytes, Format::kXgboostUbj);
    ASSERT_FALSE(forest.ok()) << says;
    EXPECT_NE(forest.error().ToString().find(says), std::string::npos) << forest.error().ToString();
  };
  using namespace std::string_view_literals;
  refused("", "it ends");
  refused("[", "no object");
  refused(
      "{i\x07learner{i\x0d"
      "feature_names[#l\x7f\xff\xff\xff"sv,
      "claims 2147483647 elements");
  refused(
      "{i\x07learner{i\x0d"
      "feature_names[#i\xff"sv,
      "negative");
  refused("{i\x07learner{i\x01x[$d#L\x20\0\0\0\0\0\0\0"sv, "claims");
  refused("{i\x07learner{i\x01x[$"sv, "it ends");
  refused("{i\x07learner{i\x01x[$dd"sv, "no count");
  refused("{i\x07learner{i\x01xq"sv, "no such type");
  refused("{}", "no \"learner\"");
  refused("{i\x07learner{}}"sv, "booster is \"\"");
  std::string deep = "{i\x07learner{i\x01x";
  deep.append(100'000, '[');
  refused(deep, "deep");
}

}  // namespace
}  // namespace mw::forest
