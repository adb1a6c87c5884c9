// Values of slices to texts and back, and those that are none.
#include "schema/slice.h"

#include <gtest/gtest.h>

#include <cmath>

#include "schema/encoder.h"

namespace mw::schema {
namespace {

const std::vector<Column> kColumns = *ColumnsFromJson(*Json::Parse(
    R"([{"name":"origin","type":"category","vocabulary":["EWR","JFK"]},{"name":"weekend","type":"boolean"},)"
    R"({"name":"hour","type":"integer"},{"name":"temp","type":"float"}])"));

TEST(Slice, ValuesAreReadBack) {
  EXPECT_EQ(SliceText(kColumns[0], 1), "JFK");
  EXPECT_EQ(SliceText(kColumns[1], 0), "false");
  EXPECT_EQ(SliceText(kColumns[2], -14), "-14");
  for (std::size_t i = 0; i < 3; ++i) {
    for (const float value : {0.0F, 1.0F}) EXPECT_EQ(SliceValue(kColumns[i], *SliceText(kColumns[i], value)), value);
  }
}

TEST(Slice, WhatIsNoValueHasNone) {
  for (const float value : {std::nanf(""), Encoder::kUnknownCategory, 2.0F, -1.0F, 0.5F, HUGE_VALF}) {
    EXPECT_EQ(SliceText(kColumns[0], value), std::nullopt) << value;
    EXPECT_EQ(SliceText(kColumns[1], value), std::nullopt) << value;
  }
  EXPECT_EQ(SliceText(kColumns[2], HUGE_VALF), std::nullopt);
  EXPECT_EQ(SliceText(kColumns[3], 1), std::nullopt);
  EXPECT_EQ(SliceValue(kColumns[0], "LGA"), std::nullopt);
  EXPECT_EQ(SliceValue(kColumns[1], "yes"), std::nullopt);
  EXPECT_EQ(SliceValue(kColumns[2], "noon"), std::nullopt);
  EXPECT_EQ(SliceValue(kColumns[3], "1"), std::nullopt);
}

}  // namespace
}  // namespace mw::schema
