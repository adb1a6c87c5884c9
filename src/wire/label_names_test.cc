// What a label says in words, for each kind of model.
#include "wire/label_names.h"

#include <gtest/gtest.h>

namespace mw::wire {
namespace {

/// The number that `text` becomes, or the refusal.
std::string Numbered(const PackageInfo& info, const std::string& text) {
  std::vector<Label> labels = {{LabelBy::kKey, "k", 0.5, kNoLabelTime}, {LabelBy::kKey, "k", 0, kNoLabelTime, text}};
  const Status numbered = NumberLabels(info, labels);
  if (!numbered.ok()) return numbered.error().ToString();
  EXPECT_EQ(labels[0].value, 0.5);
  return labels[1].text.empty() ? std::to_string(labels[1].value) : labels[1].text;
}

TEST(LabelNamesTest, OfTwoClassesByTheirValues) {
  PackageInfo info;
  info.label = "Attrition";
  info.label_values = {"No", "Yes"};
  EXPECT_EQ(Numbered(info, "Yes"), "1.000000");
  EXPECT_EQ(Numbered(info, "No"), "0.000000");
  EXPECT_EQ(Numbered(info, "yes"), "label 2: it is \"yes\"; Attrition is \"No\" or \"Yes\"");
  EXPECT_EQ(Numbered(info, "true"), "label 2: it is \"true\"; Attrition is \"No\" or \"Yes\"");
  info.label_values = {"2", "1"};
  EXPECT_EQ(Numbered(info, "1"), "1.000000");
  EXPECT_EQ(Numbered(info, "2.0"), "0.000000");
  EXPECT_EQ(Numbered(info, "0"), "label 2: it is \"0\"; Attrition is \"2\" or \"1\"");
}

TEST(LabelNamesTest, OfTwoClassesWithoutValuesByTruth) {
  const PackageInfo info;
  EXPECT_EQ(Numbered(info, "true"), "1.000000");
  EXPECT_EQ(Numbered(info, "0"), "0.000000");
  EXPECT_EQ(Numbered(info, "yes"), "label 2: it is \"yes\"; the label is \"false\" or \"true\"");
}

TEST(LabelNamesTest, OfNumbersByTheNumber) {
  PackageInfo info;
  info.type = "regression";
  EXPECT_EQ(Numbered(info, "3.5"), "3.500000");
  EXPECT_EQ(Numbered(info, "much"), "label 2: it is \"much\"; the model predicts a number");
}

TEST(LabelNamesTest, OfSeveralClassesTheyStay) {
  PackageInfo info;
  info.classes = {"setosa", "virginica"};
  EXPECT_EQ(Numbered(info, "versicolor"), "versicolor");
  EXPECT_EQ(LabelNames(info), info.classes);
  EXPECT_EQ(PlaceOfName(info.classes, "virginica"), 1);
  EXPECT_EQ(PlaceOfName(info.classes, "1"), -1);
  EXPECT_EQ(PlaceOfName({"3", "4", "10"}, "10.0"), 2);
}

}  // namespace
}  // namespace mw::wire
