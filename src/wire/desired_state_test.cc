// The two documents between the planes, against golden files and against bad input.
#include "wire/desired_state.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/text.h"

namespace mw::wire {
namespace {

std::string Golden(std::string_view name) {
  const auto text = ReadFile(Cat(MW_SOURCE_DIR "/src/wire/golden/", name));
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

}  // namespace
}  // namespace mw::wire
