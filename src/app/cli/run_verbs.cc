// run, status: pipelines at work.
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdlib>
#include <map>
#include <memory>

#include "app/cli/verbs.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/text_table.h"

namespace mw::app::cli {
namespace {

struct RunArguments {
  std::string pipeline;
  std::vector<std::string> set;
  bool detach = false;
};

constexpr auto kPollPeriod = std::chrono::milliseconds(100);

bool IsOver(const std::string& state) { return state == "succeeded" || state == "failed" || state == "canceled"; }

std::string Elapsed(const Json& object) {
  const std::string started = object.StringOr("started", "");
  const std::string ended = object.StringOr("ended", "");
  if (started.empty() || ended.empty()) return "";
  const Result<Timestamp> from = ParseTime(started);
  const Result<Timestamp> until = ParseTime(ended);
  return from.ok() && until.ok() ? FormatDuration(*until - *from) : "";
}

/// "train        succeeded   5.8s   143 trees, ..."
std::string TaskLine(const Json& task) {
  const std::string state = task.StringOr("state", "");
  std::string note = task.StringOr("summary", "");
  if (state == "failed" || state == "backoff") note = task.StringOr("failure", "");
  std::string line = task.StringOr("step", "");
  line.resize(std::max<std::size_t>(line.size(), 12), ' ');
  std::string shown = state;
  shown.resize(std::max<std::size_t>(shown.size(), 10), ' ');
  const std::string elapsed = state == "cached" ? "" : Elapsed(task);
  return Cat("  ", line, " ", shown, " ", std::string(elapsed.size() < 7 ? 7 - elapsed.size() : 0, ' '), elapsed, "  ",
             note, "\n");
}

/// Prints tasks as they reach a state worth telling; remembers what it told.
void SayProgress(const Json& run, std::map<std::string, std::string>& told) {
  for (const Json& task : run.Find("tasks")->AsArray()) {
    const std::string state = task.StringOr("state", "");
    if (state == "waiting" || state == "launching" || state == "running" || state == "canceling") continue;
    const std::string key = Cat(state, task.IntOr("attempts", 0));
    if (std::exchange(told[task.StringOr("step", "")], key) != key) Say(TaskLine(task));
  }
}

int SayEnd(const Json& run) {
  const std::string state = run.StringOr("state", "");
  Say(Cat("run ", run.StringOr("id", ""), " ", state, " after ", Elapsed(run), "\n"));
  if (state == "succeeded") return kDone;
  std::fprintf(stderr, "millwright: %s\n", run.StringOr("cause", "").c_str());
  for (const Json& task : run.Find("tasks")->AsArray()) {
    if (task.StringOr("state", "") != "failed") continue;
    std::fprintf(stderr, "  its output: millwright logs %s %s\n", run.StringOr("id", "").c_str(),
                 task.StringOr("step", "").c_str());
  }
  return kFailed;
}

/// Follows a run to its end. A control plane that is restarting is waited for.
Result<Json> Follow(const Options& options, const std::string& id) {
  std::map<std::string, std::string> told;
  int unreachable = 0;
  while (true) {
    Result<Json> run = Call(options, net::Method::kGet, "/api/v1/runs/" + id);
    if (!run.ok()) {
      if (run.error().code != Code::kUnavailable || ++unreachable > 300) return run;
    } else {
      unreachable = 0;
      if (!options.json) SayProgress(*run, told);
      if (IsOver(run->StringOr("state", ""))) return run;
    }
    Pause(kPollPeriod);
  }
}

int RunRun(const Options& options, const RunArguments& arguments) {
  Json set = Json::MakeArray();
  for (const std::string& pair : arguments.set) set.Append(pair);
  const Result<Json> started =
      Call(options, net::Method::kPost, Cat("/api/v1/pipelines/", net::PercentEncode(arguments.pipeline), "/runs"),
           Json::Make({{"set", set}}));
  if (!started.ok()) return Fail(started.error());
  const std::string id = started->StringOr("id", "");
  if (arguments.detach) {
    Say(options.json ? started->DumpPretty() : Cat("started run ", id, "; watch it: millwright status ", id, "\n"));
    return kDone;
  }
  if (!options.json) Say(Cat("run ", id, " of ", arguments.pipeline, "\n"));
  const Result<Json> run = Follow(options, id);
  if (!run.ok()) return Fail(run.error());
  if (options.json) {
    Say(run->DumpPretty());
    return run->StringOr("state", "") == "succeeded" ? kDone : kFailed;
  }
  return SayEnd(*run);
}

void SayRun(const Json& run) {
  Say(Cat("run ", run.StringOr("id", ""), " of ", run.StringOr("pipeline", ""), ": ", run.StringOr("state", ""), " ",
          Elapsed(run), "\n"));
  for (const Json& task : run.Find("tasks")->AsArray()) Say(TaskLine(task));
  if (const std::string cause = run.StringOr("cause", ""); !cause.empty()) Say(Cat("cause: ", cause, "\n"));
}

void SayOverview(const Json& status) {
  std::vector<std::vector<std::string>> endpoints = {{"endpoint", "model", "version", "state", "since"}};
  for (const Json& endpoint : status.Find("endpoints")->AsArray()) {
    endpoints.push_back({endpoint.StringOr("endpoint", ""), endpoint.StringOr("model", ""),
                         Cat(endpoint.IntOr("version", 0)), endpoint.BoolOr("ready", false) ? "ready" : "not ready",
                         endpoint.StringOr("created", "")});
  }
  if (endpoints.size() > 1) Say(TextTable(endpoints) + "\n");
  std::vector<std::vector<std::string>> runs = {{"run", "pipeline", "state", "took", "started"}};
  for (const Json& run : status.Find("runs")->AsArray()) {
    runs.push_back({run.StringOr("id", ""), run.StringOr("pipeline", ""), run.StringOr("state", ""), Elapsed(run),
                    run.StringOr("started", "")});
  }
  if (runs.size() > 1) Say(TextTable(runs));
  if (runs.size() == 1 && endpoints.size() == 1) {
    Say("nothing yet; begin with: millwright apply -f DIRECTORY, then millwright run PIPELINE\n");
  }
}

Result<Json> Overview(const Options& options) {
  const Json endpoints = TRY(Call(options, net::Method::kGet, "/api/v1/endpoints"));
  const Json runs = TRY(Call(options, net::Method::kGet, "/api/v1/runs?limit=10"));
  return Json::Make({{"endpoints", *endpoints.Find("endpoints")}, {"runs", *runs.Find("runs")}});
}

/// At most that many columns of a line.
std::string Clipped(std::string_view line, std::size_t columns) {
  std::size_t seen = 0;
  for (std::size_t at = 0; at < line.size(); ++at) {
    const bool starts = (static_cast<unsigned char>(line[at]) & 0xC0) != 0x80;
    if (starts && ++seen > columns) return std::string(line.substr(0, at));
  }
  return std::string(line);
}

/// "2013-07-14 03:10:00" of an RFC 3339 time.
std::string Second(const std::string& time) {
  std::string out = time.substr(0, 19);
  if (out.size() > 10) out[10] = ' ';
  return out;
}

std::string EndpointsPart(const Json& endpoints) {
  std::vector<std::vector<std::string>> rows = {{"endpoint", "version", "state", "since (UTC)"}};
  for (const Json& endpoint : endpoints.AsArray()) {
    rows.push_back({endpoint.StringOr("endpoint", ""),
                    Cat(endpoint.StringOr("model", ""), " ", endpoint.IntOr("version", 0)),
                    endpoint.BoolOr("ready", false) ? "ready" : "NOT READY", Second(endpoint.StringOr("created", ""))});
  }
  return rows.size() > 1 ? TextTable(rows) + "\n" : "";
}

/// Each goal as production has it, where it can be told.
std::string GoalsPart(const Options& options) {
  const Result<Json> goals = Call(options, net::Method::kGet, "/api/v1/goals");
  const Json* list = goals.ok() ? goals->Find("goals") : nullptr;
  if (list == nullptr || !list->IsArray()) return "";
  std::vector<std::vector<std::string>> rows = {{"goal", "state", "missed in"}};
  for (const Json& goal : list->AsArray()) {
    const std::string name = goal.StringOr("name", "");
    const Result<Json> production =
        Call(options, net::Method::kGet, Cat("/api/v1/goals/", net::PercentEncode(name), "/production"));
    if (!production.ok()) continue;
    std::vector<std::string> missed;
    const Json* windows = production->Find("missed_in");
    if (windows != nullptr && windows->IsArray()) {
      for (const Json& window : windows->AsArray()) missed.push_back(window.AsString());
    }
    rows.push_back({name, production->StringOr("state", "unknown"), Join(missed, ", ")});
  }
  return rows.size() > 1 ? TextTable(rows) + "\n" : "";
}

std::string RunsPart(const Options& options, const Json& runs) {
  std::vector<std::vector<std::string>> rows = {{"run of", "state", "took", "started (UTC)"}};
  std::string open;
  for (const Json& run : runs.AsArray()) {
    const std::string state = run.StringOr("state", "");
    rows.push_back({run.StringOr("pipeline", ""), state, Elapsed(run), Second(run.StringOr("started", ""))});
    if (IsOver(state)) continue;
    const Result<Json> details = Call(options, net::Method::kGet, "/api/v1/runs/" + run.StringOr("id", ""));
    if (!details.ok()) continue;
    CatTo(open, "\n", run.StringOr("pipeline", ""), "\n");
    for (const Json& task : details->Find("tasks")->AsArray()) open += TaskLine(task);
  }
  return (rows.size() > 1 ? TextTable(rows) : "no run yet\n") + open;
}

/// All of it, in lines of at most 80 columns; why not, when the control plane is away.
std::string Screen(const Options& options) {
  const Result<Json> overview = Overview(options);
  const std::string head = Cat("millwright  ", FormatTime(RealClock().Now()).substr(11, 8), " UTC\n\n");
  if (!overview.ok()) return Cat(head, overview.error().message, "\nasking again every two seconds\n");
  return Cat(head, EndpointsPart(*overview->Find("endpoints")), GoalsPart(options),
             RunsPart(options, *overview->Find("runs")));
}

/// Drawn over the one before, line by line, so that nothing flickers; without a terminal one after the other.
int Watch(const Options& options) {
  constexpr std::size_t kColumns = 80;
  const bool terminal = isatty(STDOUT_FILENO) == 1;
  while (true) {
    const std::string screen = Printable(Screen(options));
    std::string out = terminal ? "\x1b[H" : "";
    for (const std::string_view line : Split(Trim(screen), '\n')) {
      CatTo(out, Clipped(line, kColumns), terminal ? "\x1b[K\n" : "\n");
    }
    SayAsItIs(out + (terminal ? "\x1b[J" : "\n"));
    Pause(std::chrono::seconds(2));
  }
}

int RunStatus(const Options& options, const std::string& run, bool watch) {
  if (!run.empty() && watch) {
    const Result<Json> ended = Follow(options, run);
    return ended.ok() ? SayEnd(*ended) : Fail(ended.error());
  }
  if (watch) return Watch(options);
  if (!run.empty()) return Print(options, Call(options, net::Method::kGet, "/api/v1/runs/" + run), SayRun);
  return Print(options, Overview(options), SayOverview);
}

}  // namespace

void AddRunVerbs(const Registrar& registrar) {
  const Options& options = registrar.options;
  const auto run = std::make_shared<RunArguments>();
  CLI::App* run_command = registrar.Add("run", "Run a pipeline and follow it to its end",
                                        "millwright run late-departures-training --set train_until=2013-07-01",
                                        [&options, run] { return RunRun(options, *run); });
  run_command->add_option("pipeline", run->pipeline, "Name of an applied pipeline")->required();
  run_command->add_option("--set", run->set, "NAME=VALUE of a pipeline's parameter");
  run_command->add_flag("--detach", run->detach, "Return as soon as the run is accepted");

  const auto status_run = std::make_shared<std::string>();
  const auto watch = std::make_shared<bool>(false);
  CLI::App* status = registrar.Add("status", "Show endpoints and recent runs, or one run", "millwright status --watch",
                                   [&options, status_run, watch] { return RunStatus(options, *status_run, *watch); });
  status->add_option("run", *status_run, "A run's id");
  status->add_flag("--watch", *watch, "Keep showing it: 80 columns, every two seconds; with a run, until it ends");
}

}  // namespace mw::app::cli
