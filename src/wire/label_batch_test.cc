// The compact form of labels: there and back, and what is refused.
#include "wire/label_batch.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/text.h"
#include "sketch/bytes.h"

namespace mw::wire {
namespace {

TEST(LabelBatchTest, ThereAndBack) {
  const std::vector<Label> labels = {{LabelBy::kPrediction, "AA1-2013-05-01-JFK", 1, 1'367'366'400'000'000},
                                     {LabelBy::kKey, "customer 7", -2.5, kNoLabelTime},
                                     {LabelBy::kPrediction, std::string(kLabelIdBytesMax, 'x'), 0, -1}};
  const auto read = ParseLabelBytes(LabelBytes(labels));
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(*read, labels);
  EXPECT_TRUE(ParseLabelBytes(LabelBytes({}))->empty());
}

TEST(LabelBatchTest, TheBytesStayTheSame) {
  EXPECT_EQ(Hex(LabelBytes({{LabelBy::kKey, "ab", 1, 2}})),
            "4d574c3101"
            "01"
            "026162"
            "000000000000f03f"
            "04");
}

TEST(LabelBatchTest, ClassesByNameTravelInTheSecondForm) {
  const std::vector<Label> labels = {{LabelBy::kPrediction, "a", 0, 5, "setosa"},
                                     {LabelBy::kKey, "b", 0, kNoLabelTime, "blau, grün"},
                                     {LabelBy::kKey, "c", 2, 6}};
  const std::string bytes = LabelBytes(labels);
  EXPECT_TRUE(bytes.starts_with("MWL2"));
  const auto read = ParseLabelBytes(bytes);
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(*read, labels);
  EXPECT_EQ(Hex(LabelBytes({{LabelBy::kKey, "ab", 0, 2, "no"}})), "4d574c320103026162026e6f04");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(ParseLabelBytes(std::string_view(bytes).substr(0, size)).ok()) << size;
  }
}

TEST(LabelBatchTest, SaysWhichLabelIsWrong) {
  const auto refusal = [](std::string_view bytes) {
    const auto read = ParseLabelBytes(bytes);
    return read.ok() ? std::string("accepted") : read.error().ToString();
  };
  EXPECT_EQ(refusal("{}"), "no labels: they begin with MWL1 or MWL2");
  EXPECT_EQ(refusal(LabelBytes({{LabelBy::kKey, "a", 1, 0}, {LabelBy::kKey, "", 1, 0}})),
            "label 2: it names neither a prediction nor a key");
  EXPECT_EQ(refusal(LabelBytes({{LabelBy::kKey, "a", std::nan(""), 0}})),
            "label 1: its value is nan; it must be finite");
  EXPECT_EQ(refusal(std::string("MWL1\x01\x02\x01x\x02no\x00", 11)), "label 1 of 1: the bytes end too early");
  EXPECT_EQ(refusal(std::string("MWL2\x01\x04\x01x\0\0\0\0\0\0\0\0\0", 17)), "label 1: unknown id kind 4");
  EXPECT_EQ(refusal(std::string("MWL2\x01\x02\x01x\0\0", 10)), "label 1: its class has no name");
  EXPECT_EQ(refusal(LabelBytes({{LabelBy::kKey, "a", 0, 0, "\xFF"}})),
            "label 1: it is \"\\xff\"; a class's name is UTF-8 of at most 256 bytes");
  EXPECT_NE(refusal(LabelBytes({{LabelBy::kKey, "a", 1, 0}}) + "x").find("no labels"), std::string::npos);
  sketch::ByteWriter many;
  many.Raw("MWL1");
  many.Varint(1'000'000'000);
  EXPECT_NE(refusal(many.Take()).find("at most 100000"), std::string::npos);
}

TEST(LabelBatchTest, RefusesEveryTruncation) {
  const std::string whole = LabelBytes({{LabelBy::kPrediction, "abc", 1, 5}, {LabelBy::kKey, "d", 0, kNoLabelTime}});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(ParseLabelBytes(std::string_view(whole).substr(0, size)).ok()) << size;
  }
}

}  // namespace
}  // namespace mw::wire
