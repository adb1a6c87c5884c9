// Labels from JSON: what is accepted, and how refusals read.
#include "wire/label_text.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/text.h"

namespace mw::wire {
namespace {

std::string Refusal(std::string_view lines) {
  const auto labels = LabelsFromLines(lines);
  return labels.ok() ? "accepted" : labels.error().ToString();
}

TEST(LabelTextTest, ReadsLines) {
  const auto labels = LabelsFromLines(
      "{\"prediction_id\":\"a\",\"label\":true,\"time\":\"2013-05-01T10:15:00Z\"}\r\n\n"
      "{\"key\":\"k\",\"label\":0.5}\n{\"key\":\"k\",\"label\":\"setosa\"}");
  ASSERT_TRUE(labels.ok()) << labels.error().ToString();
  ASSERT_EQ(labels->size(), 3U);
  EXPECT_EQ((*labels)[0], (Label{LabelBy::kPrediction, "a", 1, ToMicros(*ParseTime("2013-05-01T10:15:00Z"))}));
  EXPECT_EQ((*labels)[1], (Label{LabelBy::kKey, "k", 0.5, kNoLabelTime}));
  EXPECT_EQ((*labels)[2], (Label{LabelBy::kKey, "k", 0, kNoLabelTime, "setosa"}));
  EXPECT_TRUE(LabelsFromLines("")->empty());
}

TEST(LabelTextTest, NamesTheLineAndTheFault) {
  EXPECT_EQ(Refusal("{\"key\":\"k\",\"label\":1}\n[]"), "line 2: it is \"[]\", not an object");
  EXPECT_EQ(Refusal("{\"label\":1}"), "line 1: a label has either \"prediction_id\" or \"key\"");
  EXPECT_EQ(Refusal("{\"key\":\"k\",\"prediction_id\":\"p\",\"label\":1}"),
            "line 1: a label has either \"prediction_id\" or \"key\"");
  EXPECT_EQ(Refusal("{\"key\":\"k\"}"), "line 1: \"label\" is missing");
  for (const char* value : {"[1]", "\"\"", "null"}) {
    const std::string refusal = Refusal(Cat("{\"key\":\"k\",\"label\":", value, "}"));
    EXPECT_NE(refusal.find("; it must be a number, true or false, or a class's name"), std::string::npos) << refusal;
  }
  EXPECT_EQ(Refusal("{\"key\":\"k\",\"label\":1,\"at\":2}"),
            "line 1: unknown key \"at\"; known are prediction_id or key, label, time");
  EXPECT_NE(Refusal("{\"key\":\"k\",\"label\":1,\"time\":\"noon\"}").find("line 1: \"time\": "), std::string::npos);
  EXPECT_NE(Refusal("{").find("line 1: "), std::string::npos);
  EXPECT_EQ(Refusal("{\"key\":\"\",\"label\":1}"), "line 1: it names neither a prediction nor a key");
}

TEST(LabelTextTest, NamesTheLabelOfAnArray) {
  const auto labels = LabelsFromJson(*Json::Parse(R"([{"key":"k","label":1},{"key":"k"}])"));
  ASSERT_FALSE(labels.ok());
  EXPECT_EQ(labels.error().ToString(), "label 2: \"label\" is missing");
  EXPECT_FALSE(LabelsFromJson(Json::MakeObject()).ok());
}

}  // namespace
}  // namespace mw::wire
