// monitor: what the windows of an endpoint showed, the newest first and the worst first in each; and how it is to be
// monitored.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>

#include "app/cli/monitor_findings.h"
#include "app/cli/verbs.h"
#include "base/clock.h"
#include "base/text.h"
#include "monitoring/baselines.h"

namespace mw::app::cli {
namespace {

struct MonitorArguments {
  std::string endpoint;
  std::int64_t version = 0;
  bool alerts_only = false;
  bool all = false;
  std::string since;
  bool settings = false;
  std::vector<std::string> set;
};

std::string WordOf(const Json& value, std::string_view absent) {
  if (value.IsNull()) return std::string(absent);
  return value.IsString() ? value.AsString() : value.Dump();
}

std::string Day(const Json& object, std::string_view key) { return object.StringOr(key, "").substr(0, 10); }

std::string StateCount(const Json::Array& windows, std::string_view state) {
  std::size_t count = 0;
  for (const Json& window : windows) count += window.StringOr("state", "") == state ? 1 : 0;
  return Cat(count, " ", state);
}

void SayBaseline(const Json* baseline) {
  if (baseline == nullptr || !baseline->IsObject()) {
    return Say("baseline: none in the version's package; train it again to have one\n");
  }
  if (const std::string reason = baseline->StringOr("reason", ""); !reason.empty()) {
    return Say(Cat("baseline: none: ", reason, "\n"));
  }
  Say(Cat("baseline: ", WithThousands(baseline->IntOr("rows", 0)), " rows of ", baseline->StringOr("source", "")));
  if (baseline->IntOr("blocks", 0) > 0) {
    Say(Cat(", ", Day(*baseline, "from"), " to ", Day(*baseline, "to"), " (event time)"));
  }
  Say("\n");
}

/// "slices: origin=EWR, origin=JFK": those of the newest closed window.
void SaySlices(const Json* slices) {
  if (slices == nullptr || !slices->IsArray() || slices->AsArray().empty()) return;
  std::vector<std::string> names;
  for (const Json& slice : slices->AsArray()) {
    const bool few = slice.StringOr("state", "") == "insufficient_data";
    names.push_back(Cat(slice.StringOr("column", ""), "=", slice.StringOr("value", ""), few ? " (too few rows)" : ""));
  }
  Say(Cat("slices: ", Join(names, ", "), "\n"));
}

void SayMissingSlices(const Json* columns) {
  if (columns == nullptr || !columns->IsArray()) return;
  for (const Json& column : columns->AsArray()) {
    Say(Cat("no slices by ", WordOf(column, ""), ": the version was trained without; train it with slices: [",
            WordOf(column, ""), "]\n"));
  }
}

void SayHead(const Json& report) {
  const Json::Array& windows = report.Find("windows")->AsArray();
  Say(Cat(report.StringOr("endpoint", ""), ": version ", report.IntOr("version", 0), " of ",
          report.StringOr("model", ""), "\n"));
  SayBaseline(report.Find("baseline"));
  SaySlices(report.Find("slices"));
  SayMissingSlices(report.Find("slices_missing"));
  if (windows.empty()) return Say("no window yet; the first predictions make one\n");
  Say(Cat(Counted(windows.size(), "window"), " of ", report.StringOr("drift_window", ""),
          ", event time: ", StateCount(windows, "ok"), ", ", StateCount(windows, "warning"), ", ",
          StateCount(windows, "alert"), ", ", StateCount(windows, "no_data"), ", ",
          StateCount(windows, "insufficient_data"), ", ", StateCount(windows, "baseline_missing"), "\n\n"));
}

/// A word as the setting's kind has it: what is no number is left to the server to refuse by name.
Json ValueOf(const std::string& key, const std::string& text) {
  if (text == "default") return nullptr;
  if (key == "slices") {
    Json columns = Json::MakeArray();
    for (const std::string_view column : Split(text, ',')) {
      if (!Trim(column).empty()) columns.Append(Trim(column));
    }
    return columns;
  }
  if (key == "windows_in_a_row") {
    if (const auto number = ParseInt(text)) return std::int64_t{*number};
  } else if (key.starts_with("thresholds.")) {
    if (const auto number = ParseDouble(text)) return *number;
  }
  return text;
}

/// Takes KEY=VALUE into the settings. Errors: kInvalidArgument.
Status Set(Json& settings, const std::string& assignment) {
  constexpr std::string_view kThresholds = "thresholds.";
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) {
    return InvalidArgument("--set ", Quoted(assignment), " is no KEY=VALUE, as in sensitivity=strict");
  }
  const std::string key = assignment.substr(0, equals);
  Json value = ValueOf(key, assignment.substr(equals + 1));
  if (key.starts_with(kThresholds)) {
    settings["thresholds"][key.substr(kThresholds.size())] = std::move(value);
  } else {
    settings[key] = std::move(value);
  }
  return Ok();
}

void SaySetting(std::string name, std::string_view value) {
  constexpr std::size_t kWidth = 18;
  if (name.size() < kWidth) name.resize(kWidth, ' ');
  Say(Cat(name, "  ", value, "\n"));
}

void SaySettings(const Json& settings) {
  std::vector<std::string> names;
  if (const Json* slices = settings.Find("slices"); slices != nullptr && slices->IsArray()) {
    for (const Json& column : slices->AsArray()) names.push_back(WordOf(column, ""));
    if (names.empty()) names.emplace_back("none");
  }
  SaySetting("sensitivity", settings.StringOr("sensitivity", ""));
  if (const Json* thresholds = settings.Find("thresholds"); thresholds != nullptr && thresholds->IsObject()) {
    for (const auto& [column, value] : thresholds->AsObject()) {
      SaySetting(Cat("thresholds.", column), WordOf(value, "default"));
    }
  }
  SaySetting("windows_in_a_row", Cat(settings.IntOr("windows_in_a_row", 0)));
  SaySetting("slices", names.empty() ? "those of the goals" : Join(names, ","));
  SaySetting("baseline", settings.StringOr("baseline", ""));
}

Result<Json> ChangeSettings(const Options& options, const std::string& target,
                            const std::vector<std::string>& assignments) {
  Json settings = TRY(Call(options, net::Method::kGet, target));
  for (const std::string& assignment : assignments) TRY(Set(settings, assignment));
  return Call(options, net::Method::kPut, target, settings);
}

/// What a baseline of production will be made of: a span that holds nothing is no mistake, yet rarely what was meant.
void SayBaselineSpan(const Json& report, const std::string& baseline) {
  const std::size_t slash = baseline.find('/');
  if (slash == std::string::npos) return;
  const Result<Timestamp> from = ParseTime(baseline.substr(0, slash));
  const Result<Timestamp> until = ParseTime(baseline.substr(slash + 1));
  if (!from.ok() || !until.ok()) return;
  std::int64_t rows = 0;
  for (const Json& each : report.Find("traffic")->AsArray()) {  // by hours or days, the span is of whole days
    const Result<Timestamp> start = ParseTime(each.StringOr("from", ""));
    if (start.ok() && *start >= *from && *start < *until) rows += each.IntOr("rows", 0);
  }
  const std::int64_t version = report.IntOr("version", 0);
  if (rows >= static_cast<std::int64_t>(monitoring::Baselines::kSpanRowsMin)) {
    return Say(Cat("version ", version, " answered ", WithThousands(rows), " rows in ", baseline,
                   "; windows after it are held against them\n"));
  }
  Say(Cat("warning: version ", version, " answered ", rows == 0 ? "no" : WithThousands(rows), " rows in ", baseline,
          ", a baseline takes ", WithThousands(static_cast<std::int64_t>(monitoring::Baselines::kSpanRowsMin)),
          ": windows after it will be baseline_missing until rows of that time come; back again: --set "
          "baseline=training\n"));
}

int RunSet(const Options& options, const std::string& target, const std::vector<std::string>& assignments) {
  const Result<Json> settings = ChangeSettings(options, target + "/settings", assignments);
  return Print(options, settings, [&](const Json& changed) {
    SaySettings(changed);
    const Result<Json> report = Call(options, net::Method::kGet, target);
    if (report.ok()) SayBaselineSpan(*report, changed.StringOr("baseline", ""));
  });
}

int RunReport(const Options& options, const std::string& target, const MonitorArguments& arguments) {
  const Result<Json> report = Call(options, net::Method::kGet, target);
  FindingsShown shown{arguments.alerts_only, arguments.all};
  if (report.ok() && !arguments.since.empty()) {
    const Result<Timestamp> since = FindingsSince(*report, arguments.since);
    if (!since.ok()) return Fail(since.error());
    shown.since = *since;
  }
  return Print(options, report, [&shown](const Json& answer) {
    SayHead(answer);
    Say(FindingsText(answer, shown));
  });
}

int RunMonitor(const Options& options, const MonitorArguments& arguments) {
  std::string target = Cat("/api/v1/endpoints/", net::PercentEncode(arguments.endpoint), "/monitoring");
  const std::string settings = target + "/settings";
  if (!arguments.set.empty()) return RunSet(options, target, arguments.set);
  if (arguments.settings) return Print(options, Call(options, net::Method::kGet, settings), SaySettings);
  if (arguments.version > 0) CatTo(target, "?version=", arguments.version);
  return RunReport(options, target, arguments);
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
  command->add_flag("--all", arguments->all, "Show every window that found something, not the latest 12");
  command->add_option("--since", arguments->since,
                      "Show windows of event time since then: a time, or a duration before the newest window's end");
  command->add_flag("--settings", arguments->settings, "Show how the endpoint is monitored");
  command->add_option("--set", arguments->set,
                      "KEY=VALUE, `default` takes it back: sensitivity=strict, thresholds.temp=0, windows_in_a_row=3, "
                      "slices=origin,carrier, baseline=2013-05-01/2013-06-01");
}

}  // namespace mw::app::cli
