// monitor: what the windows of an endpoint showed, the newest first and the worst first in each.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>

#include "app/cli/verbs.h"
#include "base/clock.h"
#include "base/text.h"

namespace mw::app::cli {
namespace {

struct MonitorArguments {
  std::string endpoint;
  std::int64_t version = 0;
  bool alerts_only = false;
};

std::string Day(const Json& object, std::string_view key) { return object.StringOr(key, "").substr(0, 10); }

std::string StateCount(const Json::Array& windows, std::string_view state) {
  std::size_t count = 0;
  for (const Json& window : windows) count += window.StringOr("state", "") == state ? 1 : 0;
  return Cat(count, " ", state);
}

void SayHead(const Json& report) {
  const Json::Array& windows = report.Find("windows")->AsArray();
  Say(Cat(report.StringOr("endpoint", ""), ": version ", report.IntOr("version", 0), " of ",
          report.StringOr("model", ""), "\n"));
  if (const Json* baseline = report.Find("baseline"); baseline != nullptr && baseline->IsObject()) {
    Say(Cat("baseline: ", WithThousands(baseline->IntOr("rows", 0)), " rows of training"));
    if (baseline->IntOr("blocks", 0) > 0) {
      Say(Cat(", ", Day(*baseline, "from"), " to ", Day(*baseline, "to"), " (event time)"));
    }
    Say("\n");
  } else {
    Say("baseline: none in the version's package; train it again to have one\n");
  }
  if (windows.empty()) return Say("no window yet; the first predictions make one\n");
  Say(Cat(windows.size(), " windows of ", report.StringOr("drift_window", ""), ", event time: ",
          StateCount(windows, "ok"), ", ", StateCount(windows, "warning"), ", ", StateCount(windows, "alert"), ", ",
          StateCount(windows, "no_data"), ", ", StateCount(windows, "insufficient_data"), "\n\n"));
}

void SayFindings(const Json& report, bool alerts_only) {
  std::size_t notes = 0;
  std::string window;
  for (const Json& finding : report.Find("findings")->AsArray()) {
    const bool alert = finding.StringOr("severity", "") == "alert";
    notes += alert ? 0 : 1;
    if (alerts_only && !alert) continue;
    const Json* period = finding.Find("window");
    const std::string title = Cat(Day(*period, "from"), " to ", Day(*period, "to"));
    if (title != window) Say(Cat(title, "\n"));
    window = title;
    Say(Cat(alert ? "  ALERT  " : "  note   ", finding.StringOr("sentence", ""), "\n"));
  }
  if (alerts_only && notes > 0) Say(Cat(notes, " notes are not shown\n"));
  if (report.Find("findings")->AsArray().empty()) Say("nothing found\n");
}

int RunMonitor(const Options& options, const MonitorArguments& arguments) {
  std::string target = Cat("/api/v1/endpoints/", net::PercentEncode(arguments.endpoint), "/monitoring");
  if (arguments.version > 0) CatTo(target, "?version=", arguments.version);
  return Print(options, Call(options, net::Method::kGet, target), [&arguments](const Json& report) {
    SayHead(report);
    SayFindings(report, arguments.alerts_only);
  });
}

}  // namespace

void AddMonitorVerb(const Registrar& registrar) {
  const Options& options = registrar.options;
  const auto arguments = std::make_shared<MonitorArguments>();
  CLI::App* command = registrar.Add("monitor", "Show what an endpoint's windows of data and predictions showed",
                                    "millwright monitor late-departures",
                                    [&options, arguments] { return RunMonitor(options, *arguments); });
  command->add_option("endpoint", arguments->endpoint, "An endpoint's name")->required();
  command->add_option("--version", arguments->version, "A version that answered before");
  command->add_flag("--alerts", arguments->alerts_only, "Leave out the notes");
}

}  // namespace mw::app::cli
