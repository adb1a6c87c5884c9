// logs: what a step of a run printed, and requests of model servers one by one.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>
#include <set>

#include "app/cli/misspelt.h"
#include "app/cli/request_lines.h"
#include "app/cli/verbs.h"
#include "app/config.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/yaml.h"
#include "serving/access_files.h"

namespace mw::app::cli {
namespace {

constexpr auto kStepPause = std::chrono::milliseconds(100);
constexpr auto kRequestPause = std::chrono::milliseconds(500);
/// A request is written down when it has ended, so one that began earlier may come later.
constexpr Duration kLateLines = std::chrono::seconds(10);

struct LogArguments {
  std::string run, step;
  std::string prediction, trace, endpoint, since, state_directory;
  bool problems = false;
  bool follow = false;
  std::size_t limit = 100;
};

int StepLog(const Options& options, const LogArguments& arguments) {
  std::int64_t offset = 0;
  while (true) {
    const Result<Json> part = Call(
        options, net::Method::kGet,
        Cat("/api/v1/runs/", arguments.run, "/tasks/", net::PercentEncode(arguments.step), "/log?offset=", offset));
    if (!part.ok()) return Fail(part.error());
    const std::string text = part->StringOr("text", "");
    SayAsItIs(text);
    offset = part->IntOr("next_offset", offset);
    if (!text.empty()) continue;
    if (!arguments.follow || part->BoolOr("ended", true)) return kDone;
    Pause(kStepPause);
  }
}

Result<Timestamp> SinceOf(const std::string& text) {
  if (const Result<Duration> ago = ParseDuration(text); ago.ok()) return RealClock().Now() - *ago;
  if (const Result<Timestamp> at = ParseTime(text); at.ok()) return *at;
  return InvalidArgument("--since ", Quoted(text),
                         " is neither a duration (90m, 24h) nor a time (2013-07-01T00:00:00Z)");
}

Result<serving::AccessQuery> QueryOf(const LogArguments& arguments) {
  serving::AccessQuery query;
  query.prediction = arguments.prediction;
  query.trace = arguments.trace;
  query.endpoint = arguments.endpoint;
  query.problems = arguments.problems;
  if (arguments.limit == 0 || arguments.limit > serving::AccessQuery::kLimitMax) {
    return InvalidArgument("--limit is 1 to ", serving::AccessQuery::kLimitMax);
  }
  query.limit = arguments.limit;
  if (!arguments.since.empty()) query.since = TRY(SinceOf(arguments.since));
  return query;
}

/// The files themselves, of a server that follows nobody or when the control plane is away.
Result<Json> FromFiles(const std::string& state_directory, const serving::AccessQuery& query) {
  return Json::Parse(ToJsonText(TRY(serving::SearchAccessFiles(serving::AccessPath(state_directory), query))));
}

Result<Json> Find(const Options& options, const LogArguments& arguments, const serving::AccessQuery& query) {
  if (!arguments.state_directory.empty()) return FromFiles(arguments.state_directory, query);
  std::string target = "/api/v1/requests";
  char before = '?';
  for (const auto& [key, value] : ToParameters(query)) {
    CatTo(target, before, key, "=", net::PercentEncode(value));
    before = '&';
  }
  Result<Json> found = Call(options, net::Method::kGet, target);
  if (found.ok() || found.error().code != Code::kUnavailable) return found;
  const Result<std::string> home = HomeDirectory(options.home);
  if (!home.ok()) return found;
  return FromFiles(*home + "/serve", query);
}

/// What was recorded of a prediction: absent when nothing was, or it cannot be told.
Json RecordOf(const Options& options, const LogArguments& arguments, const Json& request) {
  if (!arguments.state_directory.empty()) return {};
  const std::string at = request.StringOr("event_time", request.StringOr("time", ""));
  const std::string endpoint = request.StringOr("endpoint", "");
  const Result<Json> record =
      Call(options, net::Method::kGet,
           Cat("/api/v1/endpoints/", net::PercentEncode(endpoint),
               "/predictions?id=", net::PercentEncode(arguments.prediction), "&event_time=", net::PercentEncode(at)));
  return record.ok() ? *record : Json();
}

const Json::Array& RequestsOf(const Json& found) {
  static const Json::Array kNone;
  const Json* const requests = found.Find("requests");
  return requests == nullptr || !requests->IsArray() ? kNone : requests->AsArray();
}

/// An endpoint that the control plane does not know, with the nearest one it does; success when it cannot be told.
Status CheckEndpoint(const Options& options, const LogArguments& arguments) {
  if (arguments.endpoint.empty() || !arguments.state_directory.empty()) return Ok();
  const Result<Json> known = Call(options, net::Method::kGet, "/api/v1/endpoints");
  const Json* const endpoints = known.ok() ? known->Find("endpoints") : nullptr;
  if (endpoints == nullptr || !endpoints->IsArray()) return Ok();
  std::vector<std::string> names;
  for (const Json& endpoint : endpoints->AsArray()) names.push_back(endpoint.StringOr("endpoint", ""));
  return CheckKnown("endpoint", arguments.endpoint, names);
}

int SayNothing(const LogArguments& arguments, const Json& found) {
  const std::string reaches = found.StringOr("reaches", "");
  const std::string where =
      reaches.empty() ? "no model server has written any down" : Cat("the log reaches back to ", reaches);
  std::fprintf(stderr, "millwright: no such request; %s\n", where.c_str());
  const Json* const servers = found.Find("servers");
  if (servers != nullptr && servers->IsArray()) std::fputs(UnheardServers(*servers).c_str(), stderr);
  return arguments.prediction.empty() && arguments.trace.empty() ? kDone : kFailed;
}

int RequestLog(const Options& options, const LogArguments& arguments, const serving::AccessQuery& query) {
  Result<Json> found = Find(options, arguments, query);
  if (!found.ok()) return Fail(found.error());
  const bool one = !arguments.prediction.empty();
  Json requests = Json::MakeArray();
  std::string text;
  for (Json request : RequestsOf(*found)) {
    if (one) {
      if (Json record = RecordOf(options, arguments, request); !record.IsNull())
        request["recorded"] = std::move(record);
    }
    text += one ? RequestDetails(request) : RequestLine(request);
    requests.Append(std::move(request));
  }
  if (options.json) {
    (*found)["requests"] = std::move(requests);
    Say(found->DumpPretty());
    return text.empty() && one ? kFailed : kDone;
  }
  if (text.empty()) {
    const Status known = CheckEndpoint(options, arguments);
    return known.ok() ? SayNothing(arguments, *found) : Fail(known.error());
  }
  Say(one ? text : RequestHead() + text);
  if (const Json* servers = found->Find("servers"); servers != nullptr && servers->IsArray()) {
    std::fputs(UnheardServers(*servers).c_str(), stderr);
  }
  return kDone;
}

/// New lines as they come, each once.
int FollowRequests(const Options& options, const LogArguments& arguments, serving::AccessQuery query) {
  std::set<std::pair<std::string, std::string>> said;  // time and line
  query.limit = serving::AccessQuery::kLimitMax;
  if (!query.since) query.since = RealClock().Now();
  const Timestamp begin = *query.since;
  if (const Status known = CheckEndpoint(options, arguments); !known.ok()) {
    std::fprintf(stderr, "millwright: %s\n", known.error().message.c_str());  // it may come yet
  }
  if (!options.json) Say(RequestHead());
  while (true) {
    const Timestamp now = RealClock().Now();
    const Result<Json> found = Find(options, arguments, query);
    if (!found.ok() && found.error().code != Code::kUnavailable) return Fail(found.error());
    for (const Json& request : found.ok() ? RequestsOf(*found) : Json::Array()) {
      if (!said.emplace(request.StringOr("time", ""), request.Dump()).second) continue;
      Say(options.json ? request.Dump() + "\n" : RequestLine(request));
    }
    query.since = std::max(begin, now - kLateLines);
    while (!said.empty() && said.begin()->first < FormatTime(*query.since)) said.erase(said.begin());
    Pause(kRequestPause);
  }
}

int RunLogs(const Options& options, const LogArguments& arguments) {
  if (!arguments.run.empty()) {
    if (!arguments.step.empty()) return StepLog(options, arguments);
    return Fail(InvalidArgument("which step of run ", arguments.run, "? millwright status ", arguments.run,
                                " names them; requests are shown without a run"));
  }
  const Result<serving::AccessQuery> query = QueryOf(arguments);
  if (!query.ok()) return Fail(query.error());
  return arguments.follow ? FollowRequests(options, arguments, *query) : RequestLog(options, arguments, *query);
}

}  // namespace

void AddLogsVerb(const Registrar& registrar) {
  const Options& options = registrar.options;
  const auto log = std::make_shared<LogArguments>();
  CLI::App* logs = registrar.Add("logs", "Show requests of model servers one by one, or what a step of a run printed",
                                 "millwright logs --prediction 6f1c22d09b7e41aa000000000000002a",
                                 [&options, log] { return RunLogs(options, *log); });
  logs->add_option("run", log->run, "A run's id, to see what one of its steps printed");
  logs->add_option("step", log->step, "That step's name");
  logs->add_option("--prediction", log->prediction,
                   "The request that made this prediction, and what was recorded of it");
  logs->add_option("--trace", log->trace, "Requests that came with this W3C trace id");
  logs->add_option("--endpoint", log->endpoint, "Requests of this endpoint only");
  logs->add_flag("--problems", log->problems, "Only what was refused, failed or took 100 ms");
  logs->add_option("--since", log->since, "A duration (90m, 24h) or a time");
  logs->add_option("--limit", log->limit, "The newest so many requests; 100 when not given");
  logs->add_option("--state-dir", log->state_directory, "Of a model server on this machine that follows nobody");
  logs->add_flag("--follow", log->follow, "Go on: until the step ends, or for ever with requests");
}

}  // namespace mw::app::cli
