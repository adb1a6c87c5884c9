// What people read of an endpoint's findings: silence as one block, the latest first, and what is left out.
#include "app/cli/monitor_findings.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace mw::app::cli {
namespace {

constexpr Duration kDay = std::chrono::hours(24);
const Timestamp kStart = *ParseTime("2013-01-01T00:00:00Z");

/// Days with what they found, "alert kind"; written as the server does: windows ascending, findings the newest first.
class Days {
 public:
  Days& Add(std::string_view kind, std::string_view severity = "alert") {
    const Json window = Json::Make({{"from", FormatTime(at_)}, {"to", FormatTime(at_ + kDay)}});
    windows_.Append(window);
    if (!kind.empty()) {
      findings_.insert(
          findings_.begin(),
          Json::Make({{"kind", kind}, {"severity", severity}, {"sentence", Cat("it was ", kind)}, {"window", window}}));
    }
    at_ = at_ + kDay;
    return *this;
  }
  [[nodiscard]] Json Report() const {
    Json findings = Json::MakeArray();
    for (const Json& finding : findings_) findings.Append(finding);
    return Json::Make({{"windows", windows_}, {"findings", std::move(findings)}});
  }

 private:
  Timestamp at_ = kStart;
  Json windows_ = Json::MakeArray();
  std::vector<Json> findings_;
};

TEST(Findings, NothingIsSaidToBeNothing) { EXPECT_EQ(FindingsText(Days().Add("").Report(), {}), "nothing found\n"); }

TEST(Findings, SilenceThatGoesOnIsOneBlock) {
  const Json report = Days().Add("no_data").Add("no_data").Add("no_data").Add("").Add("no_data").Add("drift").Report();
  EXPECT_EQ(FindingsText(report, {}),
            "2013-01-06 to 2013-01-07\n  ALERT  it was drift\n"
            "2013-01-05 to 2013-01-06\n  ALERT  it was no_data\n"
            "2013-01-01 to 2013-01-04 (3 windows)\n  ALERT  it was no_data\n");
}

TEST(Findings, TheLatestAreShownAndTheRestIsCounted) {
  Days days;
  for (int i = 0; i < 20; ++i) days.Add("drift");
  const std::string text = FindingsText(days.Report(), {});
  EXPECT_TRUE(text.starts_with("2013-01-20 to 2013-01-21\n")) << text;
  EXPECT_EQ(text.find("2013-01-08 to"), std::string::npos);
  EXPECT_TRUE(text.ends_with("\n8 older windows found something too: --all shows them, --since 30d or a date some\n"))
      << text;
  const std::string all = FindingsText(days.Report(), {.all = true});
  EXPECT_TRUE(all.ends_with("2013-01-01 to 2013-01-02\n  ALERT  it was drift\n")) << all;
}

TEST(Findings, SinceIsATimeOrBeforeTheNewestWindow) {
  Days days;
  for (int i = 0; i < 20; ++i) days.Add("drift");
  const Json report = days.Report();
  EXPECT_EQ(*FindingsSince(report, "2d"), kStart + 18 * kDay);
  EXPECT_EQ(*FindingsSince(report, "2013-01-19"), kStart + 18 * kDay);
  EXPECT_EQ(FindingsSince(report, "soon").error().code, Code::kInvalidArgument);
  FindingsShown shown;
  shown.since = kStart + 18 * kDay;
  EXPECT_EQ(FindingsText(report, shown),
            "2013-01-20 to 2013-01-21\n  ALERT  it was drift\n2013-01-19 to 2013-01-20\n  ALERT  it was drift\n"
            "18 older windows found something too: --all shows them, --since 30d or a date some\n");
}

TEST(Findings, NotesAreLeftOutOnDemandAndCounted) {
  const Json report = Days().Add("drift", "note").Add("stale").Report();
  EXPECT_EQ(FindingsText(report, {.alerts_only = true}),
            "2013-01-02 to 2013-01-03\n  ALERT  it was stale\n1 note is not shown\n");
}

}  // namespace
}  // namespace mw::app::cli
