// Differences of answers, counted by hand.
#include "api/inference/answer_difference.h"

#include <gtest/gtest.h>

#include <limits>

#include "api/inference/test_backend.h"
#include "serving/test_model.h"

namespace mw::api::inference {
namespace {

using serving::Datatype;
using serving::testing::TestDirectory;
using testing::AddTensor;

TEST(AnswerDifference, OfValuesAndOfTheSideOfTheThreshold) {
  TestDirectory directory;
  serving::testing::WriteTestPackage(directory / "p", 1);
  const auto model = serving::Model::LoadPackage(directory / "p");
  ASSERT_TRUE(model.ok() && (*model)->threshold());
  const auto t = static_cast<float>(*(*model)->threshold());
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> first = {t - 0.25F, t + 0.125F, t, nan, nan, 0};
  const std::vector<float> second = {t - 0.125F, t + 0.125F, t - 0.5F, nan, 0, 0};
  const auto difference = DifferenceOf(**model, first, **model, second);
  ASSERT_TRUE(difference);
  EXPECT_EQ(difference->rows, 6U);
  EXPECT_EQ(difference->disagreements, 2U) << "the third row's decision, and the fifth that one has and one has not";
  EXPECT_EQ(difference->numbers, 4U);
  EXPECT_NEAR(difference->sum, 0.625, 1e-6);
  EXPECT_NEAR(difference->max, 0.5, 1e-6);
  EXPECT_FALSE(DifferenceOf(**model, first, **model, std::vector<float>{1}));
}

TEST(AnswerDifference, OfTensorsByNameAndRow) {
  serving::TensorList first, second, other;
  AddTensor(first, "score", Datatype::kFp32, {2, 2}, std::vector<float>{1, 2, 3, 4});
  AddTensor(second, "score", Datatype::kFp32, {2, 2}, std::vector<float>{1, 2.5, 3, 4});
  AddTensor(first, "class", Datatype::kInt64, {2}, std::vector<std::int64_t>{7, 8});
  AddTensor(second, "class", Datatype::kInt64, {2}, std::vector<std::int64_t>{7, 9});
  std::string a, b;
  for (const char* text : {"yes", "no"}) serving::AppendElement(a, text);
  for (const char* text : {"yes", "now"}) serving::AppendElement(b, text);
  AddTensor(first, "text", Datatype::kBytes, {2}, a);
  AddTensor(second, "text", Datatype::kBytes, {2}, b);
  AddTensor(second, "more", Datatype::kFp32, {2}, std::vector<float>{1, 2});
  const auto difference = DifferenceOf(first, second, 2);
  ASSERT_TRUE(difference);
  EXPECT_EQ(difference->disagreements, 1U) << "the second row, for two reasons";
  EXPECT_EQ(difference->numbers, 4U);
  EXPECT_EQ(difference->sum, 0.5);
  EXPECT_EQ(difference->max, 0.5);
  AddTensor(other, "score", Datatype::kFp64, {2, 2}, std::vector<double>{1, 2, 3, 4});
  EXPECT_FALSE(DifferenceOf(first, other, 2)) << "nothing is comparable";
}

}  // namespace
}  // namespace mw::api::inference
