// The encoder: exact floats for right values, one clear sentence for wrong ones, look-ups that never miss.
#include "schema/encoder.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace mw::schema {
namespace {

Schema FlightColumns() {
  Schema schema;
  schema.columns = {{"carrier", ColumnType::kCategory, "", false, {}, {}, {"AA", "9E", "UA"}, ""},
                    {"temp", ColumnType::kFloat, "degF", false, 0.0, 100.0, {}, ""},
                    {"hour", ColumnType::kInteger, "", true, {}, {}, {}, ""},
                    {"holiday", ColumnType::kBoolean, "", false, {}, {}, {}, ""},
                    {"plane", ColumnType::kCategory, "", false, {}, {}, {}, ""},
                    {"note", ColumnType::kText, "", false, {}, {}, {}, ""}};
  return schema;
}

Encoder FlightEncoder() { return *Encoder::Make(FlightColumns(), {"temp", "carrier", "hour", "holiday"}); }
constexpr int kTemp = 0;
constexpr int kCarrier = 1;
constexpr int kHour = 2;
constexpr int kHoliday = 3;

std::string Refusal(const Result<float>& result) { return result.ok() ? "accepted" : result.error().message; }

TEST(Encoder, KeepsTheModelsOrder) {
  const Encoder encoder = FlightEncoder();
  EXPECT_EQ(encoder.num_features(), 4U);
  EXPECT_EQ(encoder.FeatureIndex("temp"), kTemp);
  EXPECT_EQ(encoder.FeatureIndex("holiday"), kHoliday);
  EXPECT_EQ(encoder.FeatureIndex("Temp"), -1);
  EXPECT_EQ(encoder.FeatureIndex(""), -1);
  EXPECT_EQ(encoder.column(kTemp).unit, "degF");
}

TEST(Encoder, EncodesEveryType) {
  const Encoder encoder = FlightEncoder();
  EXPECT_EQ(*encoder.EncodeNumber(kTemp, 0.1), 0.1F);
  EXPECT_EQ(*encoder.EncodeNumber(kTemp, 1e9), 1e9F);  // out of the column's range, still encoded
  EXPECT_TRUE(std::signbit(*encoder.EncodeNumber(kTemp, -0.0)));
  EXPECT_EQ(*encoder.EncodeNumber(kTemp, 1e-45), 1e-45F);
  EXPECT_EQ(*encoder.EncodeNumber(kHour, 23), 23.0F);
  EXPECT_EQ(*encoder.EncodeBool(kHoliday, true), 1.0F);
  EXPECT_EQ(*encoder.EncodeNumber(kHoliday, 0), 0.0F);
  EXPECT_EQ(*encoder.EncodeText(kCarrier, "AA"), 0.0F);
  EXPECT_EQ(*encoder.EncodeText(kCarrier, "UA"), 2.0F);
}

TEST(Encoder, TurnsMissingAndUnknownIntoNan) {
  const Encoder encoder = FlightEncoder();
  EXPECT_TRUE(std::isnan(*encoder.EncodeMissing(kTemp)));
  EXPECT_TRUE(std::isnan(*encoder.EncodeNumber(kTemp, std::nan(""))));
  EXPECT_TRUE(std::isnan(*encoder.EncodeText(kCarrier, "ZZ")));
  EXPECT_TRUE(std::isnan(*encoder.EncodeText(kCarrier, "")));
}

TEST(Encoder, NamesColumnValueAndExpectation) {
  const Encoder encoder = FlightEncoder();
  EXPECT_EQ(Refusal(encoder.EncodeText(kTemp, "warm")), "column \"temp\": \"warm\" is not a number");
  EXPECT_EQ(Refusal(encoder.EncodeBool(kTemp, true)), "column \"temp\": true is not a number");
  EXPECT_EQ(Refusal(encoder.EncodeNumber(kTemp, 1e39)), "column \"temp\": 1e+39 is beyond the range of a float32");
  EXPECT_EQ(Refusal(encoder.EncodeNumber(kHour, 2.5)), "column \"hour\": 2.5 is not a whole number");
  EXPECT_EQ(Refusal(encoder.EncodeMissing(kHour)),
            "column \"hour\" is required and has no value; expected a whole number");
  EXPECT_EQ(Refusal(encoder.EncodeNumber(kHour, std::nan(""))), Refusal(encoder.EncodeMissing(kHour)));
  EXPECT_EQ(Refusal(encoder.EncodeNumber(kHoliday, 2)), "column \"holiday\": 2 is not true or false");
  EXPECT_EQ(Refusal(encoder.EncodeNumber(kCarrier, 1)), "column \"carrier\": 1 is not a text, one of its categories");
  EXPECT_EQ(encoder.UnknownFeature("tmep").message, "the model has no column \"tmep\"; did you mean \"temp\"?");
  EXPECT_EQ(encoder.UnknownFeature("xxxxxxxxxxxx").message,
            "the model has no column \"xxxxxxxxxxxx\"; its columns: temp, carrier, hour, holiday");
  EXPECT_EQ(encoder.AbsentFeature(kTemp).message,
            "column \"temp\" is missing; expected a number, or null where the value is unknown");
}

TEST(Encoder, RefusesFeaturesThatCannotBeEncoded) {
  const auto refusal = [](const std::vector<std::string>& features) {
    const auto made = Encoder::Make(FlightColumns(), features);
    return made.ok() ? "accepted" : made.error().message;
  };
  EXPECT_EQ(refusal({"temp", "huor"}), "feature \"huor\" is no column of the schema; did you mean hour?");
  EXPECT_EQ(refusal({"temp", "hour", "temp"}), "feature \"temp\" is listed twice");
  EXPECT_EQ(refusal({"note"}), "feature \"note\" is of type text; a model takes float, integer, boolean and category");
  EXPECT_EQ(
      refusal({"plane"}),
      "feature \"plane\" is a category without a vocabulary; learn it from the training rows or write it into the "
      "schema");
}

TEST(NameTable, FindsEveryNameAndNoOther) {
  Random random(7);
  std::vector<std::string> names;
  for (int i = 0; i < 5000; ++i) {
    names.push_back(Cat("n", i) + std::string(random.Below(20), static_cast<char>('a' + random.Below(26))));
  }
  const NameTable table(names);
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(table.Find(names[i]), static_cast<int>(i));
    EXPECT_EQ(table.Find(names[i] + "!"), -1);
  }
  EXPECT_EQ(NameTable().Find("a"), -1);
}

}  // namespace
}  // namespace mw::schema
