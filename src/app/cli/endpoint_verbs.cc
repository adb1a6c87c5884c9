// deploy, split, rollback, undeploy, endpoint, predict, replay: what answers, and asking it.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>
#include <map>
#include <memory>
#include <thread>

#include "app/cli/replay_source.h"
#include "app/cli/verbs.h"
#include "app/config.h"
#include "app/programs.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "base/text_table.h"
#include "base/yaml.h"
#include "wire/traffic.h"

namespace mw::app::cli {
namespace {

using net::Method;

constexpr auto kReadyDeadline = std::chrono::seconds(60);
/// A failure that a server said sooner may be of an earlier attempt.
constexpr auto kStaleReport = std::chrono::seconds(2);

/// What a server that is at it says, or why it cannot; of the wanted version.
struct LoadingState {
  std::string progress;
  std::string error;
};
LoadingState StateOf(const Json& view) {
  LoadingState state;
  state.progress = view.StringOr("fault", "");
  const Json* servers = view.Find("servers");
  for (const Json& version : view.Find("versions") == nullptr ? Json::Array() : view.Find("versions")->AsArray()) {
    servers = version.Find("servers");
    if (servers == nullptr || version.IntOr("version", 0) != view.IntOr("version", 0)) continue;
    for (const Json& server : servers->AsArray()) {
      CatTo(state.progress, server.StringOr("progress", ""));
      if (server.StringOr("state", "") == "FAILED") state.error = server.StringOr("error", "");
    }
  }
  return state;
}

/// Waits until every server answers with the deployment, saying what takes long.
Result<Json> AwaitReady(const Options& options, const std::string& endpoint, std::int64_t generation) {
  const RealClock clock;
  Duration start = clock.Elapsed();
  std::string said;
  while (true) {
    Json view = TRY(Call(options, Method::kGet, "/api/v1/endpoints/" + net::PercentEncode(endpoint)));
    if (view.BoolOr("ready", false) || view.IntOr("generation", 0) > generation) return view;
    const LoadingState state = StateOf(view);
    if (!state.error.empty() && clock.Elapsed() - start > kStaleReport)
      return FailedPrecondition("endpoint ", Quoted(endpoint), " keeps what it had: ", state.error);
    if (state.progress != said) {
      said = state.progress;
      start = clock.Elapsed();
      if (!said.empty() && !options.json) std::fprintf(stderr, "%s\n", said.c_str());
    }
    if (clock.Elapsed() - start > kReadyDeadline) {
      return DeadlineExceeded("endpoint \"", endpoint, "\" was not ready after ", kReadyDeadline.count(), " s; ",
                              said.empty() ? "see what its server says: millwright status --json" : said);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // NOLINT(no-sleeps): the server is asked again
  }
}

struct DeployArguments {
  std::string reference;  // model@version
  std::string endpoint;
  std::string weight;  // "10%"; empty: all
  bool shadow = false;
};

Result<Json> Deploy(const Options& options, const DeployArguments& arguments) {
  const std::size_t at = arguments.reference.find('@');
  const std::string model = arguments.reference.substr(0, at);
  const std::string version = at == std::string::npos ? "candidate" : arguments.reference.substr(at + 1);
  const std::string endpoint = arguments.endpoint.empty() ? model : arguments.endpoint;
  std::int64_t weight = wire::kWeightWhole;
  if (!arguments.weight.empty()) weight = TRY(wire::ParseWeight(arguments.weight).In("--weight"));
  Json body = Json::Make({{"model", model}, {"version", version}, {"weight", weight}});
  if (arguments.shadow) {
    body = Json::Make({{"shadow", Json::Make({{"version", version}, {"share", weight}})}});
  }
  const Json deployment =
      TRY(Call(options, Method::kPost,
               Cat("/api/v1/endpoints/", net::PercentEncode(endpoint), arguments.shadow ? "/split" : "/deploy"), body));
  return AwaitReady(options, endpoint, deployment.IntOr("generation", 0));
}

/// "version 3", or "versions 3 (90%), 4 (10%)".
std::string AnsweringVersions(const Json& view) {
  std::string text;
  int count = 0;
  const Json none = Json::MakeArray();
  const Json* versions = view.Find("versions");
  for (const Json& version : (versions == nullptr ? none : *versions).AsArray()) {
    const std::int64_t weight = version.IntOr("weight", 0);
    if (weight == 0) continue;
    ++count;
    CatTo(text, text.empty() ? "" : ", ", version.IntOr("version", 0));
    if (weight != wire::kWeightWhole) CatTo(text, " (", wire::WeightText(weight), ")");
  }
  if (count == 0) return Cat("version ", view.IntOr("version", 0));
  return Cat(count == 1 ? "version " : "versions ", text);
}

/// ", shadow 5 (20%)" or nothing.
std::string ShadowText(const Json& view) {
  const Json* shadow = view.Find("shadow");
  if (shadow == nullptr || !shadow->IsObject()) return "";
  const std::int64_t share = shadow->IntOr("share", wire::kWeightWhole);
  return Cat(", shadow ", shadow->IntOr("version", 0),
             share == wire::kWeightWhole ? "" : Cat(" (", wire::WeightText(share), ")"));
}

void SayServing(const Json& view) {
  Say(Cat("endpoint ", view.StringOr("endpoint", ""), " answers with ", AnsweringVersions(view), " of ",
          view.StringOr("model", ""), ShadowText(view), "\n"));
}

struct SplitArguments {
  std::string endpoint;
  std::vector<std::string> shares;  // "3=90%"
  std::string shadow;               // "5=20%", "none"
  std::string sticky;               // "header=x-user", "none"
  std::string cache;                // "60s", "off"
};

/// "3=90%", the share under `key`; the whole without one.
Result<Json> ParseShare(const std::string& text, const char* key) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || text.empty()) return InvalidArgument(Quoted(text), " is no VERSION=SHARE; e.g. 3=90%");
  if (equals == std::string::npos) return Json::Make({{"version", text}, {key, wire::kWeightWhole}});
  const std::int64_t share = TRY(wire::ParseWeight(text.substr(equals + 1)));
  return Json::Make({{"version", text.substr(0, equals)}, {key, share}});
}

Status PutSticky(const std::string& text, Json& body) {
  if (text.empty()) return Ok();
  const std::size_t equals = text.find('=');
  const std::string from = text.substr(0, equals);
  if (text == "none") {
    body["sticky"] = Json();
  } else if (equals != std::string::npos && (from == "header" || from == "parameter" || from == "column")) {
    body["sticky"] = Json::Make({{from, text.substr(equals + 1)}});
  } else {
    return InvalidArgument("--sticky ", Quoted(text), " is neither header=NAME, parameter=NAME, column=NAME nor none");
  }
  return Ok();
}

Status PutCache(const std::string& text, Json& body) {
  if (text.empty()) return Ok();
  body["cache"] = Json();
  if (text == "off") return Ok();
  const Duration kept = TRY(ParseDuration(text).In("--cache"));
  const std::int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(kept).count();
  body["cache"] = Json::Make({{"enabled", true}, {"ttl_s", seconds}});
  return Ok();
}

Result<Json> SplitBody(const SplitArguments& arguments) {
  Json body = Json::MakeObject();
  if (!arguments.shares.empty()) {
    Json versions = Json::MakeArray();
    for (const std::string& share : arguments.shares) {
      Json version = TRY(ParseShare(share, "weight"));
      versions.Append(std::move(version));
    }
    body["versions"] = std::move(versions);
  }
  if (arguments.shadow == "none") {
    body["shadow"] = Json();
  } else if (!arguments.shadow.empty()) {
    body["shadow"] = TRY(ParseShare(arguments.shadow, "share"));
  }
  TRY(PutSticky(arguments.sticky, body));
  TRY(PutCache(arguments.cache, body));
  return body;
}

Result<Json> SplitTraffic(const Options& options, const SplitArguments& arguments) {
  const Json body = TRY(SplitBody(arguments));
  const Json deployment = TRY(
      Call(options, Method::kPost, Cat("/api/v1/endpoints/", net::PercentEncode(arguments.endpoint), "/split"), body));
  return AwaitReady(options, arguments.endpoint, deployment.IntOr("generation", 0));
}

Result<Json> Undeploy(const Options& options, const std::string& endpoint) {
  return Call(options, Method::kDelete, Cat("/api/v1/endpoints/", net::PercentEncode(endpoint)));
}

/// A row for each version on each server.
std::string VersionTable(const Json& view) {
  std::vector<std::vector<std::string>> rows = {{"version", "weight", "shadow", "server", "state", "memory", ""}};
  for (const Json& version : view.Find("versions")->AsArray()) {
    std::vector<std::string> row = {
        Cat(version.IntOr("version", 0)), wire::WeightText(version.IntOr("weight", 0)),
        version.Find("shadow_share") == nullptr ? "" : wire::WeightText(version.IntOr("shadow_share", 0))};
    const Json::Array& servers = version.Find("servers")->AsArray();
    if (servers.empty()) rows.push_back({row[0], row[1], row[2], "none", "", "", ""});
    for (const Json& server : servers) {
      const auto bytes = static_cast<double>(server.IntOr("memory_bytes", 0));
      const std::string memory =
          bytes < (1 << 20) ? Cat(Fixed(bytes / 1024, 1), " KiB") : Cat(Fixed(bytes / (1 << 20), 1), " MiB");
      rows.push_back({row[0], row[1], row[2], server.StringOr("server", "").substr(0, 8), server.StringOr("state", ""),
                      bytes == 0 ? "" : memory, Cat(server.StringOr("error", ""), server.StringOr("progress", ""))});
    }
  }
  return TextTable(rows);
}

/// What came of the shadow on each server.
void SayShadow(const Json& view) {
  for (const Json& version : view.Find("versions")->AsArray()) {
    for (const Json& server : version.Find("servers")->AsArray()) {
      const Json* shadow = server.Find("shadow");
      if (shadow == nullptr) continue;
      const std::int64_t rows = shadow->IntOr("rows", 0), others = shadow->IntOr("disagreements", 0);
      const double share = rows == 0 ? 0 : static_cast<double>(others) / static_cast<double>(rows);
      Say(Cat("shadow ", version.IntOr("version", 0), " on ", server.StringOr("server", "").substr(0, 8), ": ",
              WithThousands(rows), " rows compared, ", WithThousands(others), " decided otherwise (",
              Fixed(100 * share, 2), "%), difference ", Fixed(shadow->DoubleOr("difference_mean", 0), 6), " mean, ",
              Fixed(shadow->DoubleOr("difference_max", 0), 6), " at most; requests dropped ",
              WithThousands(shadow->IntOr("dropped", 0)), ", failed ", WithThousands(shadow->IntOr("failures", 0)),
              "\n"));
    }
  }
}

void SayEndpoint(const Json& view) {
  Say(Cat("endpoint ", view.StringOr("endpoint", ""), ", model ", view.StringOr("model", ""), ", ",
          AnsweringVersions(view), view.BoolOr("ready", false) ? ", ready\n" : ", not ready\n"));
  for (const char* setting : {"sticky", "cache", "limits"}) {
    if (const Json* value = view.Find(setting)) Say(Cat(setting, " ", value->Dump(), "\n"));
  }
  Say(VersionTable(view));
  SayShadow(view);
}

struct RollbackArguments {
  std::string endpoint;
  std::int64_t to = 0;
  std::string reason;
};

Result<Json> Rollback(const Options& options, const RollbackArguments& arguments) {
  Json body = Json::Make({{"reason", arguments.reason}});
  if (arguments.to != 0) body["to"] = arguments.to;
  const Json deployment = TRY(Call(
      options, Method::kPost, Cat("/api/v1/endpoints/", net::PercentEncode(arguments.endpoint), "/rollback"), body));
  return AwaitReady(options, arguments.endpoint, deployment.IntOr("generation", 0));
}

struct PredictArguments {
  std::string endpoint;  // of a batch: MODEL[@VERSION]
  bool example = false;
  std::string input;
  /// Of a batch, by flag as the predicting program takes them; empty: not given.
  std::map<std::string, std::string> values;
  bool strict = false;
  bool no_recording = false;
};

/// The request body for one example row, as the model's own warm-up has it.
Result<Json> ExampleRequest(const Options& options, const std::string& endpoint) {
  const Json answer =
      TRY(Call(options, Method::kGet, Cat("/api/v1/endpoints/", net::PercentEncode(endpoint), "/example")));
  const Json* request = answer.Find("request");
  if (request == nullptr) return Internal("the server sent no example");
  return *request;
}

/// One word of a shell, whatever quotes a column's name has.
std::string ShellWord(std::string_view text) {
  std::string word = "'";
  for (const char c : text) c == '\'' ? word += "'\\''" : word += c;
  return word + "'";
}

int SayExample(const Options& options, const std::string& endpoint) {
  const Result<std::string> url = InferenceUrl(options);
  if (!url.ok()) return Fail(url.error());
  const Result<Json> request = ExampleRequest(options, endpoint);
  if (!request.ok()) return Fail(request.error());
  if (options.json) {
    Say(request->DumpPretty());
  } else {
    Say(Cat("curl -s ", *url, "/v2/models/", endpoint, "/infer -H 'Content-Type: application/json' -d ",
            ShellWord(request->Dump()), "\n"));
  }
  return kDone;
}

Result<std::string> ReadInput(const std::string& path) {
  if (path != "-") return ReadFile(path, 64 << 20);
  std::string text;
  char buffer[65536];
  while (const std::size_t got = std::fread(buffer, 1, sizeof buffer, stdin)) text.append(buffer, got);
  return text;
}

Result<Json> Predict(const Options& options, const PredictArguments& arguments) {
  const std::string body = arguments.input.empty() ? TRY(ExampleRequest(options, arguments.endpoint))
  .Dump() : TRY(ReadInput(arguments.input));
  net::HttpClient client = TRY(net::HttpClient::Make(TRY(InferenceUrl(options)), {}));
  const net::Response response =
      TRY(client.Send(Method::kPost, Cat("/v2/models/", net::PercentEncode(arguments.endpoint), "/infer"), body,
                      {{"Content-Type", "application/json"}}));
  const Json answer = TRY(Json::Parse(response.body));
  if (response.status != 200) {
    return Error{CodeFromHttpStatus(response.status), answer.StringOr("error", response.body), {}};
  }
  return answer;
}

/// Data files are read by the program that links the library for them.
Status PredictBatch(const Options& options, const PredictArguments& arguments) {
  const std::string program = TRY(ProgramPath("mw-step"));
  std::vector<std::string> words = {program, "predict", "--input", arguments.input};
  for (const auto& [flag, value] : arguments.values) {
    if (!value.empty()) words.insert(words.end(), {flag, value});
  }
  if (!arguments.endpoint.empty()) {
    const std::string url = TRY(ControlUrl(options));
    words.insert(words.end(), {"--version", arguments.endpoint, "--url", url});
  }
  Flags flags;
  flags.home = options.home;
  const std::string state = TRY(LoadConfig(flags))
  .ServePath();
  words.insert(words.end(), {"--state", state});
  if (arguments.strict) words.emplace_back("--strict");
  if (arguments.no_recording) words.emplace_back("--no-recording");
  if (options.json) words.emplace_back("--json");
  return Become(options, std::move(words));
}

int RunPredict(const Options& options, const PredictArguments& arguments) {
  const auto given = [&arguments](const char* flag) { return !arguments.values.at(flag).empty(); };
  // Where a batch begins, another program has taken over.
  if (given("--output") && !arguments.input.empty()) return Fail(PredictBatch(options, arguments).error());
  if (given("--output") || given("--model")) {
    return Fail(InvalidArgument("a batch prediction takes --input FILE and --output FILE.parquet"));
  }
  if (arguments.endpoint.empty()) {
    return Fail(InvalidArgument("predict takes an endpoint's name; or, with --output, a model's or --model PATH"));
  }
  if (arguments.endpoint.find('@') != std::string::npos) {
    return Fail(InvalidArgument(Quoted(arguments.endpoint),
                                " is a version of a model, and an endpoint is asked by its "
                                "name alone; a version predicts rows of files: --input FILE --output FILE.parquet"));
  }
  if (arguments.example) return SayExample(options, arguments.endpoint);
  return Print(options, Predict(options, arguments), [](const Json& answer) { Say(answer.DumpPretty()); });
}

struct ReplayArguments {
  std::string source;
  /// By flag, as the replaying program takes them; empty: not given.
  std::map<std::string, std::string> values;
  std::vector<std::string> faults;
  bool no_labels = false;
};

std::vector<std::string> PassedOn(const ReplayArguments& arguments) {
  std::vector<std::string> words;
  for (const auto& [flag, value] : arguments.values) {
    if (!value.empty()) words.insert(words.end(), {flag, value});
  }
  for (const std::string& fault : arguments.faults) words.insert(words.end(), {"--fault", fault});
  if (arguments.no_labels) words.emplace_back("--no-labels");
  return words;
}

/// The replay client reads data files, so it lives in the program that links the library for them.
Status Replay(const Options& options, const ReplayArguments& arguments) {
  const ReplaySource source = TRY(FindReplaySource(options, arguments.source));
  const std::string url = TRY(InferenceUrl(options));
  const std::string program = TRY(ProgramPath("mw-step"));
  std::vector<std::string> words = {program, "replay", source.directory, "--url", url};
  if (!source.model.empty()) {
    const std::string labels_to = TRY(ControlUrl(options));
    words.insert(words.end(), {"--model", source.model, "--labels-to", labels_to});
  }
  if (options.json) words.emplace_back("--json");
  const std::vector<std::string> passed_on = PassedOn(arguments);
  words.insert(words.end(), passed_on.begin(), passed_on.end());
  return Become(options, std::move(words));
}

int RunReplay(const Options& options, const ReplayArguments& arguments) {
  const Status replayed = Replay(options, arguments);
  return Fail(replayed.error());  // where it succeeds, another program has taken over
}

}  // namespace

void AddEndpointVerbs(const Registrar& registrar) {
  const Options& options = registrar.options;
  const auto deploy = std::make_shared<DeployArguments>();
  CLI::App* deploy_command =
      registrar.Add("deploy", "Let an endpoint answer with a version", "millwright deploy late-departures@candidate",
                    [&options, deploy] { return Print(options, Deploy(options, *deploy), SayServing); });
  deploy_command->add_option("model", deploy->reference, "MODEL@VERSION or MODEL@ALIAS; without @ the candidate")
      ->required();
  deploy_command->add_option("--to,--endpoint", deploy->endpoint, "Endpoint's name; else the model's");
  deploy_command->add_option("--weight", deploy->weight,
                             "Share of the requests, e.g. 10%; those that answer now keep the rest");
  deploy_command->add_flag("--shadow", deploy->shadow,
                           "Show it the requests (--weight: that share of them) and compare; nobody gets its answers");

  const auto split = std::make_shared<SplitArguments>();
  CLI::App* split_command = registrar.Add(
      "split", "Let versions share an endpoint's requests", "millwright split late-departures 3=90% 4=10%",
      [&options, split] { return Print(options, SplitTraffic(options, *split), SayServing); });
  split_command->add_option("endpoint", split->endpoint, "An endpoint's name")->required();
  split_command->add_option("shares", split->shares, "VERSION=SHARE of all that answer; else as they are");
  split_command->add_option("--shadow", split->shadow, "VERSION or VERSION=SHARE of the requests to show it; or none");
  split_command->add_option("--sticky", split->sticky,
                            "What keeps a caller with a version: header=NAME, parameter=NAME, column=NAME; or none");
  split_command->add_option("--cache", split->cache,
                            "How long answers are given again to the same rows, e.g. 60s; or off");

  const auto undeploy = std::make_shared<std::string>();
  CLI::App* undeploy_command =
      registrar.Add("undeploy", "Let nothing answer at an endpoint any more", "millwright undeploy late-departures",
                    [&options, undeploy] {
                      return Print(options, Undeploy(options, *undeploy), [](const Json& removed) {
                        Say(Cat("endpoint ", removed.StringOr("endpoint", ""), " removed\n"));
                      });
                    });
  undeploy_command->add_option("endpoint", *undeploy, "An endpoint's name")->required();

  const auto shown = std::make_shared<std::string>();
  CLI::App* endpoint_command = registrar.Add(
      "endpoint", "Show what answers at an endpoint, on each server", "millwright endpoint late-departures",
      [&options, shown] {
        return Print(options, Call(options, Method::kGet, Cat("/api/v1/endpoints/", net::PercentEncode(*shown))),
                     SayEndpoint);
      });
  endpoint_command->add_option("endpoint", *shown, "An endpoint's name")->required();

  const auto rollback = std::make_shared<RollbackArguments>();
  CLI::App* rollback_command =
      registrar.Add("rollback", "Go back to the last version that was ready",
                    "millwright rollback late-departures --reason 'summer storms'",
                    [&options, rollback] { return Print(options, Rollback(options, *rollback), SayServing); });
  rollback_command->add_option("endpoint", rollback->endpoint, "An endpoint's name")->required();
  rollback_command->add_option("--to", rollback->to, "Version to go back to");
  rollback_command->add_option("--reason", rollback->reason, "Why; kept in the history");

  const auto predict = std::make_shared<PredictArguments>();
  CLI::App* predict_command =
      registrar.Add("predict", "Ask an endpoint, or predict the rows of files",
                    "millwright predict late-departures --example\n  millwright predict late-departures@3 --input "
                    "flights.parquet --output predictions.parquet",
                    [&options, predict] { return RunPredict(options, *predict); });
  predict_command->add_option("endpoint", predict->endpoint,
                              "An endpoint's name; of a batch MODEL@VERSION or MODEL@ALIAS, without @ what is in "
                              "production");
  predict_command->add_flag("--example", predict->example, "Print the curl line for an example row instead");
  predict_command->add_option("--input", predict->input,
                              "File with an Open Inference request, - for stdin; else an example. Of a batch: a "
                              ".parquet or .csv file, a directory of them, or a pattern");
  const auto batch_option = [&](const char* flag, const char* about) {
    predict_command->add_option(flag, predict->values[flag], about);
  };
  batch_option("--output",
               "Parquet file for the predictions of all rows of the input; run again to go on after a kill");
  batch_option("--model", "Model package or file, instead of a registered model");
  batch_option("--keep", "Columns of the input to keep: key (its key and event time), all, or names with commas");
  batch_option("--record-as", "Endpoint that the rows are recorded for; else the model's name");
  batch_option("--part-rows", "Rows between two checkpoints; else 1048576");
  predict_command->add_flag("--no-recording", predict->no_recording, "Tell the control plane nothing of the rows");
  predict_command->add_flag("--strict", predict->strict, "Stop at the first row that has no prediction");

  const auto replay = std::make_shared<ReplayArguments>();
  CLI::App* replay_command =
      registrar.Add("replay", "Send a dataset's rows as live requests, each row its own request, in event-time order",
                    "millwright replay late-departures --from 2013-05-01 --to 2014-01-01",
                    [&options, replay] { return RunReplay(options, *replay); });
  replay_command
      ->add_option("source", replay->source,
                   "An endpoint: the data its version was made from; a table that data came from; or a directory")
      ->required();
  const auto option = [&](const char* flag, const char* about) {
    replay_command->add_option(flag, replay->values[flag], about);
  };
  option("--from", "First event time to send, e.g. 2013-05-01 or 2013-05-01T12:00:00Z");
  option("--to", "Event time before which it ends");
  option("--limit", "Rows at most");
  option("--rate", "Rows a second at most; else as fast as they are answered, 900 where rows have no event time");
  option("--connections", "Connections to the model server; else 4");
  option("--in-flight", "Requests that wait for their answer on each connection; else 8");
  option("--predictions", "Parquet file to write what was answered to");
  option("--model", "Endpoint to ask, where the source is a directory");
  replay_command
      ->add_option("--fault", replay->faults,
                   "Break the requests: missing=COLUMN, drop=TABLE or scale=COLUMN:FACTOR; again for another")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  replay_command->add_flag("--no-labels", replay->no_labels, "Leave the rows' labels out");
}

}  // namespace mw::app::cli
