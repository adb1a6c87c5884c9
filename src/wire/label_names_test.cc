// What a label says in words, for each kind of model.
#include "wire/label_names.h"

#include <gtest/gtest.h>

#include "base/text.h"

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
  EXPECT_EQ(Numbered(info, "1.0"), "label 2: it is \"1.0\"; the label is \"false\" or \"true\"");
  for (const char* yes : {"yes", "Yes", "Y", "TRUE", "t", "1"}) EXPECT_EQ(Numbered(info, yes), "1.000000") << yes;
  for (const char* no : {"NO", "no", "n", "False", "F", "0"}) EXPECT_EQ(Numbered(info, no), "0.000000") << no;
  EXPECT_EQ(Numbered(info, "maybe"), "label 2: it is \"maybe\"; the label is \"false\" or \"true\"");
}

TEST(LabelNamesTest, WhereFalseIsLookedForWordsAreTurnedAround) {
  PackageInfo info;
  info.label_values = {"true", "false"};
  EXPECT_EQ(Numbered(info, "Yes"), "0.000000");
  EXPECT_EQ(Numbered(info, "NO"), "1.000000");
  EXPECT_EQ(Numbered(info, "false"), "1.000000");
  EXPECT_EQ(Numbered(info, "1"), "label 2: it is \"1\"; the label is \"true\" or \"false\"") << "the number 1 is false";
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

/// What is said of a label that is a number.
std::string Checked(const PackageInfo& info, double value, const std::vector<std::string>& classes = {}) {
  const Status checked = CheckNumbers(
      info, classes, {{LabelBy::kKey, "k", 0, kNoLabelTime, "a name"}, {LabelBy::kKey, "k", value, kNoLabelTime}});
  return checked.ok() ? "ok" : checked.error().ToString();
}

TEST(LabelNamesTest, NumbersMeanSomething) {
  PackageInfo info;
  info.label = "churn";
  EXPECT_EQ(Checked(info, 0), "ok");
  EXPECT_EQ(Checked(info, 1), "ok");
  EXPECT_EQ(Checked(info, 0.5), "label 2: it is 0.5; churn is 0 or 1");
  info.label_values = {"No", "Yes"};
  EXPECT_EQ(Checked(info, 2), "label 2: it is 2; churn is 0 No, 1 Yes");
  info.type = "regression";
  EXPECT_EQ(Checked(info, -1e9), "ok");
}

TEST(LabelNamesTest, OfSeveralClassesNumbersArePlacesInTheList) {
  PackageInfo info;
  info.type = "multiclass_classification";
  info.label = "species";
  info.classes = {"a", "b"};
  EXPECT_EQ(Checked(info, 2, {"a", "b", "c"}), "ok") << "the list is longer than the model's";
  for (const double value : {3.0, -1.0, 1.5, 99.0}) {
    EXPECT_EQ(Checked(info, value, {"a", "b", "c"}),
              Cat("label 2: it is ", value, "; species is the number of a class, or its name: 0 a, 1 b, 2 c"));
  }
  EXPECT_NE(Checked(info, 99, std::vector<std::string>(30, "x")).find("19 x, ... 29 x"), std::string::npos);
}

}  // namespace
}  // namespace mw::wire
