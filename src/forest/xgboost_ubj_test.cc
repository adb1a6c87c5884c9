// UBJ that is not what it says: each refused with the reason.
#include "forest/xgboost_ubj.h"

#include <gtest/gtest.h>

#include "forest/test_answers.h"

namespace mw::forest {
namespace {

TEST(XgboostUbj, RefusesEveryTruncation) {
  const std::string whole = *ReadFile(TestData("xgboost-3.2.0/categories.ubj"));
  ASSERT_TRUE(ParseXgboostUbj(whole).ok());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(ParseXgboostUbj(std::string_view(whole).substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(ParseXgboostUbj(whole + "}").ok());
}

TEST(XgboostUbj, SaysTheSameAsJson) {
  for (const char* name : {"categories", "dart", "two_targets", "quantiles"}) {
    const auto ubj = ParseXgboostUbj(*ReadFile(TestData(Cat("xgboost-3.2.0/", name, ".ubj"))));
    const auto json = Forest::Load(*ReadFile(TestData(Cat("xgboost-3.2.0/", name, ".json"))), Format::kXgboostJson);
    ASSERT_TRUE(ubj.ok() && json.ok()) << name;
    EXPECT_EQ(ubj->trees.size(), json->num_trees());
    EXPECT_EQ(ubj->base_score, json->base_score());
    EXPECT_EQ(ubj->feature_types, json->feature_types());
  }
}

TEST(XgboostUbj, BelievesNoCountBeyondItsBytes) {
  const auto refused = [](std::string_view bytes, std::string_view says) {
    const auto model = ParseXgboostUbj(bytes);
    ASSERT_FALSE(model.ok()) << says;
    EXPECT_NE(model.error().ToString().find(says), std::string::npos) << model.error().ToString();
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
