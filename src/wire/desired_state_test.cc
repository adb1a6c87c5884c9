// The two documents between the planes, against golden files and against bad input.
#include "wire/desired_state.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/test_paths.h"
#include "base/text.h"

namespace mw::wire {
namespace {

std::string Golden(std::string_view name) {
  const auto text = ReadFile(Cat(kSourceDirectory, "/src/wire/golden/", name));
  return text.ok() ? *text : "";
}

std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

TEST(DesiredStateTest, ReadsTheDocumentFromBeforeRecording) {
  const auto state = ParseDesiredState(Golden("desired_state_v1.json"));
  ASSERT_TRUE(state.ok()) << state.error().ToString();
  EXPECT_EQ(state->endpoints.size(), 2U);
  EXPECT_EQ(state->recording, RecordingRules{});
}

TEST(DesiredStateTest, ReadsAndReproducesTheGoldenDocument) {
  const std::string golden = Golden("desired_state_v1_recording.json");
  const auto state = ParseDesiredState(golden);
  ASSERT_TRUE(state.ok()) << state.error().ToString();
  EXPECT_EQ(state->generation, 7);
  ASSERT_EQ(state->endpoints.size(), 2U);
  EXPECT_EQ(state->endpoints[1].name, "iris");
  EXPECT_EQ(state->endpoints[1].model, "iris-small");
  EXPECT_EQ(state->endpoints[1].version, 12);
  EXPECT_EQ(state->limits.rows_max, 4096);
  EXPECT_EQ(state->recording.rows_per_second_full, 250);
  EXPECT_EQ(ToJson(*state).Dump() + "\n", golden);
}

TEST(DesiredStateTest, ReadsAndReproducesTheGoldenDocumentOfSplitTraffic) {
  const std::string golden = Golden("desired_state_v1_traffic.json");
  const auto state = ParseDesiredState(golden);
  ASSERT_TRUE(state.ok()) << state.error().ToString();
  const DesiredEndpoint& late = state->endpoints[0];
  ASSERT_EQ(late.Versions().size(), 3U);
  EXPECT_EQ(late.Versions()[1].weight, 1250);
  EXPECT_EQ(late.traffic.shadow->share, 2000);
  EXPECT_EQ(late.settings.sticky, (StickyKey{StickyKey::From::kHeader, "x-user"}));
  EXPECT_EQ(late.settings.cache, (CacheRules{true, 30}));
  EXPECT_EQ(late.settings.limits->rows_max, 16);
  EXPECT_EQ(state->endpoints[1].settings.sticky.from, StickyKey::From::kColumn);
  EXPECT_EQ(state->endpoints[1].Versions(), (std::vector<WeightedVersion>{{12, state->endpoints[1].package, 10'000}}));
  EXPECT_EQ(state->memory_bytes_max, 2'147'483'648);
  EXPECT_EQ(state->admission.shares[0], (GuaranteedShare{"shop", 50'000}));
  EXPECT_EQ(ToJson(*state).Dump() + "\n", golden);
}

TEST(DesiredStateTest, OneVersionIsWrittenAsBeforeTrafficCouldBeSplit) {
  const std::string before = Golden("desired_state_v1_recording.json");
  auto state = ParseDesiredState(before);
  ASSERT_TRUE(state.ok());
  const Json alone = Json::Make(
      {{"versions",
        Json(Json::Array{Json::Make(
            {{"version", Json(12)}, {"package", Json(state->endpoints[1].package)}, {"weight", Json(10'000)}})})}});
  state->endpoints[1].traffic = *ParseTraffic(alone);
  EXPECT_EQ(ToJson(*state).Dump() + "\n", before);
}

TEST(DesiredStateTest, RefusesTrafficThatIsNoWhole) {
  const std::string golden = Golden("desired_state_v1_traffic.json");
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"\"weight\":1250", "\"weight\":1251"},
           {"\"weight\":1250", "\"weight\":-1"},
           {"{\"version\":4,", "{\"version\":3,"},
           {"\"version\":3,\"package\":", "\"version\":7,\"package\":"},
           {"\"share\":2000", "\"share\":10001"},
           {"\"header\":\"x-user\"", "\"header\":\"\""},
           {"\"ttl_s\":30", "\"ttl_s\":0"},
           {"\"rows_max\":16", "\"rows_max\":0"},
           {"\"memory_bytes_max\":2147483648", "\"memory_bytes_max\":-1"},
           {"\"client\":\"batch\"", "\"client\":\"shop\""},
           {"\"rows_in_flight_max\":1000000", "\"rows_in_flight_max\":-1"},
       }) {
    const auto state = ParseDesiredState(Replaced(golden, from, to));
    ASSERT_FALSE(state.ok()) << to;
    EXPECT_EQ(state.error().code, Code::kInvalidArgument) << to;
  }
}

TEST(DesiredStateTest, AKindOfKeyThatIsNotKnownYetMakesNothingSticky) {
  const auto state =
      ParseDesiredState(Replaced(Golden("desired_state_v1_traffic.json"), "{\"header\":", "{\"cookie\":"));
  ASSERT_TRUE(state.ok()) << state.error().ToString();
  EXPECT_EQ(state->endpoints[0].settings.sticky, StickyKey{});
}

TEST(WeightTest, IsWrittenAndReadAsPeopleSayIt) {
  for (const auto& [text, weight] : std::vector<std::pair<std::string, std::int64_t>>{
           {"0%", 0}, {"10%", 1000}, {"12.5%", 1250}, {"0.01%", 1}, {"99.99%", 9999}, {"100%", 10'000}}) {
    EXPECT_EQ(ParseWeight(text).value_or(-1), weight) << text;
    EXPECT_EQ(WeightText(weight), text);
  }
  EXPECT_EQ(*ParseWeight("0.1"), 1000);
  EXPECT_EQ(*ParseWeight("1"), 10'000);
  for (const char* text : {"", "%", "x", "-1%", "101%", "2", "0.001%", "nan", "inf%", "10 %"}) {
    EXPECT_FALSE(ParseWeight(text).ok()) << text;
  }
}

TEST(DesiredStateTest, IgnoresUnknownKeysAndFillsAbsentLimits) {
  const auto state = ParseDesiredState(R"({"format_version":1,"generation":1,"endpoints":[],"later":{"a":1}})");
  ASSERT_TRUE(state.ok()) << state.error().ToString();
  EXPECT_EQ(state->limits, ServingLimits{});
  EXPECT_EQ(state->recording, RecordingRules{});
}

TEST(DesiredStateTest, RefusesNewerFormatsAndBrokenDocuments) {
  const std::string golden = Golden("desired_state_v1_recording.json");
  EXPECT_EQ(ParseDesiredState(Replaced(golden, "\"format_version\":1", "\"format_version\":2")).error().code,
            Code::kFailedPrecondition);
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"\"iris\"", "\"late-departures\""},
           {"\"iris\"", "\"../iris\""},
           {"\"version\":12", "\"version\":\"12\""},
           {"sha256:ff", "sha256:FF"},
           {"\"rows_max\":4096", "\"rows_max\":0"},
           {"_full\":250", "_full\":-1"},
           {"\"generation\":7", "\"generation\":null"},
           {"\"endpoints\":[", "\"endpoints\":{}, \"x\":["},
       }) {
    const auto state = ParseDesiredState(Replaced(golden, from, to));
    ASSERT_FALSE(state.ok()) << to;
    EXPECT_EQ(state.error().code, Code::kInvalidArgument) << to;
  }
}

TEST(StatusReportTest, ReadsAndReproducesTheGoldenDocument) {
  const std::string golden = Golden("status_report_v1.json");
  const auto report = ParseStatusReport(golden);
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  ASSERT_EQ(report->endpoints.size(), 2U);
  EXPECT_EQ(report->endpoints[0].state, VersionState::kReady);
  EXPECT_EQ(report->endpoints[1].state, VersionState::kFailed);
  EXPECT_EQ(ToJson(*report).Dump() + "\n", golden);
  EXPECT_EQ(ParseStatusReport(Replaced(golden, "READY", "ready")).error().code, Code::kInvalidArgument);
  EXPECT_EQ(ParseStatusReport(Replaced(golden, "\"format_version\":1", "\"format_version\":2")).error().code,
            Code::kFailedPrecondition);
}

TEST(StatusReportTest, ReadsAndReproducesTheGoldenDocumentOfSplitTraffic) {
  const std::string golden = Golden("status_report_v1_traffic.json");
  const auto report = ParseStatusReport(golden);
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  ASSERT_EQ(report->endpoints.size(), 4U);
  EXPECT_EQ(report->endpoints[1].state, VersionState::kNew);
  EXPECT_EQ(report->endpoints[2].shadow_share, 2000);
  EXPECT_EQ(report->endpoints[3].state, VersionState::kUnloaded);
  EXPECT_EQ(report->memory_bytes_max, 2'147'483'648);
  EXPECT_EQ(ToJson(*report).Dump() + "\n", golden);
}

TEST(StatusReportTest, WhatCameOfAShadowComesBack) {
  StatusReport report;
  report.server = "one";
  report.endpoints = {{"late", 3, VersionState::kReady}, {"late", 4, VersionState::kReady}};
  report.endpoints[1].shadow_share = 10'000;
  report.endpoints[1].shadow = ShadowOutcome{7, 70, 3, 2, 1, 0.125, 0.5};
  const auto back = ParseStatusReport(ToJson(report).Dump());
  ASSERT_TRUE(back.ok()) << back.error().ToString();
  EXPECT_EQ(*back, report);
}

TEST(AdmissionRulesTest, TheLimitOfRowsASecondComesBackAndIsLeftOutWhereThereIsNone) {
  AdmissionRules rules{"x-client", {{"shop", 500}}, 7, 1'000};
  const Json json = ToJson(rules);
  EXPECT_EQ(*ParseAdmission(&json), rules);
  rules.rows_per_second_max = 0;
  EXPECT_EQ(ToJson(rules).Find("rows_per_second_max"), nullptr);
  EXPECT_EQ(*ParseAdmission(nullptr), AdmissionRules{});
  for (const char* bad :
       {R"({"rows_per_second_max":-1})", R"({"shares":[{"client":"a","rows_per_second":2000000000000}]})",
        R"({"shares":[{"client":"","rows_per_second":1}]})", R"({"shares":7})"}) {
    const Json value = *Json::Parse(bad);
    EXPECT_EQ(ParseAdmission(&value).error().code, Code::kInvalidArgument) << bad;
  }
}

TEST(StatusReportTest, AServerFromBeforeSaysNothingOfWeights) {
  const auto report = ParseStatusReport(Golden("status_report_v1.json"));
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->endpoints[0].weight, -1);
  EXPECT_EQ(report->memory_bytes_max, 0);
}

}  // namespace
}  // namespace mw::wire
