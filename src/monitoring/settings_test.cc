// Settings: defaults, what is kept through JSON, and how each fault is named.
#include "monitoring/settings.h"

#include <gtest/gtest.h>

namespace mw::monitoring {
namespace {

Result<Settings> Read(std::string_view text) { return SettingsFromJson(*Json::Parse(text)); }

TEST(Settings, HaveDefaultsForWhatNobodyChose) {
  EXPECT_EQ(*Read("{}"), Settings());
  EXPECT_EQ(*Read(R"({"sensitivity":null,"thresholds":null,"windows_in_a_row":null,"slices":null,"baseline":null})"),
            Settings());
  EXPECT_EQ(ToJson(Settings()).Dump(),
            R"({"sensitivity":"sensitive","thresholds":{},"windows_in_a_row":2,"slices":null,"baseline":"training"})");
}

TEST(Settings, AreKeptAsTheyAre) {
  const std::string text = R"({"sensitivity":"vertex","thresholds":{"humid":0.5,"temp":0},"windows_in_a_row":3,)"
                           R"("slices":["origin","carrier"],"baseline":"2013-05-01/2013-06-01"})";
  const Result<Settings> settings = Read(text);
  ASSERT_TRUE(settings.ok()) << settings.error().ToString();
  EXPECT_EQ(*SettingsFromJson(ToJson(*settings)), *settings);
  EXPECT_EQ(settings->Options().sensitivity, Sensitivity::kVertex);
  EXPECT_EQ(settings->Options().windows_in_a_row, 3);
  EXPECT_EQ(settings->baseline->from, *ParseTime("2013-05-01"));
  EXPECT_TRUE(Read(R"({"slices":[]})")->slices->empty());  // none, not the default
}

// 0 is a threshold like any other: whatever exceeds the noise floor counts.
TEST(Settings, AThresholdOfZeroIsNotLost) {
  const Settings settings = *Read(R"({"thresholds":{"temp":0,"humid":null}})");
  ASSERT_EQ(settings.Options().thresholds.size(), 1U);
  EXPECT_EQ(settings.Options().thresholds.at("temp"), 0);
  EXPECT_EQ(SettingsFromJson(ToJson(settings))->thresholds.at("temp"), 0);
}

TEST(Settings, FaultsNameKeyValueAndRemedy) {
  const auto complaint = [](std::string_view text) { return Read(text).error().message; };
  EXPECT_EQ(complaint(R"({"sensitivty":"strict"})"),
            "monitoring has no setting \"sensitivty\"; did you mean sensitivity? There are sensitivity, thresholds, "
            "windows_in_a_row, slices and baseline");
  EXPECT_EQ(complaint(R"({"sensitivity":"high"})"), "sensitivity is \"high\"; write vertex, strict or sensitive");
  EXPECT_EQ(complaint(R"({"sensitivity":3})"), "sensitivity is 3; write vertex, strict or sensitive");
  EXPECT_EQ(complaint(R"({"thresholds":{"temp":1.5}})"),
            "thresholds.temp is 1.5; write a number from 0 (whatever exceeds the noise floor) to 1, or null for the "
            "default");
  EXPECT_EQ(complaint(R"({"thresholds":[]})"), "thresholds is []; write an object, as in {\"temp\": 0.1}");
  EXPECT_EQ(complaint(R"({"windows_in_a_row":0})"), "windows_in_a_row is 0; write a whole number from 1 to 30");
  EXPECT_EQ(complaint(R"({"slices":"origin"})"),
            "slices is \"origin\"; write a list of columns, as in [\"origin\"]; [] for none, null for the goals' own");
  EXPECT_EQ(complaint(R"({"slices":["a","b","c","d","e","f","g","h","i"]})"), "slices by 9 columns; choose at most 8");
  EXPECT_EQ(complaint("[]"), "settings are an object, as in {\"sensitivity\": \"strict\"}");
}

TEST(Settings, ASpanIsWholeDays) {
  for (const char* text : {"2013-05-01", "2013-06-01/2013-05-01", "2013-05-01/2013-05-01",
                           "2013-05-01T03:00:00Z/2013-06-01", "2011-01-01/2013-01-01", "last month", "/", ""}) {
    const Result<Settings> settings = SettingsFromJson(Json::Make({{"baseline", text}}));
    ASSERT_FALSE(settings.ok()) << text;
    EXPECT_NE(settings.error().message.find("write training, or FROM/TO in whole days (UTC)"), std::string::npos);
  }
  EXPECT_TRUE(Read(R"({"baseline":"2013-05-01T00:00:00Z/2013-05-02"})").ok());
  EXPECT_FALSE(Read(R"({"baseline":7})").ok());
}

}  // namespace
}  // namespace mw::monitoring
