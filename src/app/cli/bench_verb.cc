// bench: asks a model server at a rate, or finds the highest one that holds a target.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <memory>
#include <utility>

#include "api/inference/inference_api.h"
#include "app/cli/bench_report.h"
#include "app/cli/verbs.h"
#include "app/config.h"
#include "base/file.h"
#include "base/text.h"
#include "base/yaml.h"
#include "load/encode.h"
#include "load/first_answer.h"
#include "load/grpc_lane.h"
#include "load/plot.h"
#include "load/rate_search.h"
#include "load/server_processes.h"
#include "net/socket.h"

namespace mw::app::cli {
namespace {

constexpr std::size_t kRampSlices = 20;
constexpr int kRowsMax = 65'536;
constexpr int kConnectionsMax = 10'000;
constexpr double kRateMax = 10e6;
constexpr std::chrono::seconds kFirstAnswerTimeout{10};
constexpr std::chrono::milliseconds kShortest{100}, kSettleMax{500};
constexpr std::string_view kAsFastAsAnswered = "max";

/// As on the command line; empty: not given.
struct BenchArguments {
  std::string model;
  std::string rate, ramp, target, wanted, duration, mix, protocol = "rest", arrivals = "poisson", layout = "columns";
  std::string rows_file, package, plot, grpc_address;
  double price = 0;
  int rows = 1, connections = 64, pipeline = 1;
  std::uint64_t seed = 1;
  bool find_rate = false, recorded = false;
};

/// What is to be done.
struct Plan {
  load::ModelAddress address;
  load::ModelInput input;
  std::string rows_about;
  std::vector<load::RequestKind> kinds;
  load::OpenLoopOptions options;
  std::optional<load::Target> target;
  std::optional<load::WantedRate> wanted;
  bool search = false;
  double first_rate = 0;
};

Result<double> ParseRate(std::string_view flag, std::string_view text) {
  std::string digits(Trim(text));
  if (digits.ends_with("/s")) digits.resize(digits.size() - 2);
  std::erase(digits, ',');
  const auto rate = ParseDouble(digits);
  if (rate && *rate > 0 && *rate <= kRateMax) return *rate;
  return InvalidArgument(flag, " is ", Quoted(text), "; it must be requests a second, from above 0 to ",
                         WithThousands(static_cast<long long>(kRateMax)));
}

Result<load::KindPlan> ParseKind(std::string_view text, load::Protocol protocol) {
  load::KindPlan plan;
  const std::size_t colon = text.rfind(':');
  std::string_view what = text.substr(0, colon);
  const auto weight = ParseDouble(colon == std::string_view::npos ? "1" : text.substr(colon + 1));
  const std::size_t slash = what.find('/');
  const auto named = slash == std::string_view::npos ? protocol : load::ProtocolFromName(what.substr(0, slash));
  if (slash != std::string_view::npos) what.remove_prefix(slash + 1);
  const auto rows = ParseInt(what);
  if (!named || !rows || *rows < 1 || *rows > kRowsMax || !weight || !(*weight > 0 && *weight <= 1e9)) {
    return InvalidArgument("--mix has ", Quoted(text), "; write [PROTOCOL/]ROWS:WEIGHT, e.g. rest/1:90,binary/1024:10");
  }
  plan.protocol = *named;
  plan.rows = static_cast<int>(*rows);
  plan.weight = *weight;
  return plan;
}

Result<std::vector<load::KindPlan>> KindPlans(const BenchArguments& arguments) {
  const auto protocol = load::ProtocolFromName(arguments.protocol);
  if (!protocol) {
    return InvalidArgument("--protocol is ", Quoted(arguments.protocol), "; it must be rest, binary, grpc or get");
  }
  std::vector<load::KindPlan> plans;
  if (arguments.mix.empty()) plans.push_back({*protocol, arguments.rows, 1});
  for (const std::string_view part : Split(arguments.mix, ',')) {
    if (!arguments.mix.empty()) plans.push_back(TRY(ParseKind(Trim(part), *protocol)));
  }
  for (const load::KindPlan& plan : plans) {
    if ((plan.protocol == load::Protocol::kGrpc) != (*protocol == load::Protocol::kGrpc)) {
      return InvalidArgument("--mix joins grpc with HTTP; ask by one of the two at a time");
    }
    if (plan.protocol == load::Protocol::kGet) return InvalidArgument("get asks a URL, not a model; leave --mix out");
  }
  return plans;
}

/// Where the package of what is served lies on this machine, or empty.
std::string PackageDirectory(const Options& options, const BenchArguments& arguments, const load::ModelInput& input) {
  if (!arguments.package.empty()) return arguments.package;
  const auto is_package = [](const std::string& directory) {
    return ReadFile(directory + "/package.json", std::size_t{1} << 20).ok();
  };
  if (!input.source.starts_with("sha256:")) return is_package(input.source) ? input.source : "";
  const Result<std::string> home = HomeDirectory(options.home);
  if (!home.ok()) return "";
  const std::string fetched = Cat(*home, "/serve/packages/", input.source.substr(7));
  return is_package(fetched) ? fetched : "";
}

Result<std::unique_ptr<load::RowSource>> OpenRows(const Options& options, const BenchArguments& arguments,
                                                  load::ModelInput& input) {
  const std::string package = PackageDirectory(options, arguments, input);
  std::optional<sketch::Baseline> baseline;
  if (!package.empty()) baseline = TRY(load::ReadPackageInput(package, input));
  if (!arguments.rows_file.empty()) {
    const bool csv = arguments.rows_file.ends_with(".csv");
    const std::string text = TRY(ReadFile(arguments.rows_file, load::kRowFileBytesMax));
    return load::RecordedRows(input.columns, text, csv).In(arguments.rows_file);
  }
  if (baseline) return load::BaselineRows(input.columns, *baseline, arguments.seed);
  return load::MadeUpRows(input.columns, arguments.seed);
}

Status PrepareModel(const Options& options, const BenchArguments& arguments, Plan& plan) {
  const bool is_url = arguments.model.find("://") != std::string::npos;
  const std::string url =
      is_url ? arguments.model : Cat(TRY(InferenceUrl(options)), "/", net::PercentEncode(arguments.model));
  plan.address = TRY(load::ModelAddress::Parse(url));
  plan.input = TRY(load::AskModelInput(plan.address));
  const std::unique_ptr<load::RowSource> rows = TRY(OpenRows(options, arguments, plan.input));
  plan.rows_about = rows->About();
  load::EncodeOptions encode;
  if (!arguments.recorded) encode.request_id = api::inference::kProbeId;
  if (arguments.layout != "columns" && arguments.layout != "matrix") {
    return InvalidArgument("--layout is ", Quoted(arguments.layout), "; it must be columns or matrix");
  }
  encode.matrix = arguments.layout == "matrix";
  for (const load::KindPlan& kind : TRY(KindPlans(arguments))) {
    plan.kinds.push_back(TRY(load::PrepareKind(kind, plan.address, plan.input, *rows, encode)));
  }
  return Ok();
}

/// --grpc-address; else what the local model server says of itself; else the port after 8080.
Result<net::Address> GrpcAddress(const Options& options, const BenchArguments& arguments, const Plan& plan) {
  if (!arguments.grpc_address.empty()) return net::ParseAddress(arguments.grpc_address).In("--grpc-address");
  const Result<std::string> home = HomeDirectory(options.home);
  if (home.ok() && arguments.model.find("://") == std::string::npos) {
    const Result<std::string> text = ReadFile(*home + "/serve/serve.json", std::size_t{1} << 16);
    const Result<Json> file = text.ok() ? Json::Parse(*text) : Result<Json>(text.error());
    const std::string address = file.ok() ? file->StringOr("grpc", "") : "";
    if (!address.empty()) return net::ParseAddress(address);
  }
  if (plan.address.port == kInferencePort) return net::Address{plan.address.host, kGrpcPort};
  return InvalidArgument("where does ", plan.address.host, " speak gRPC? Say --grpc-address HOST:PORT");
}

Status PrepareRequests(const Options& options, const BenchArguments& arguments, Plan& plan) {
  if (arguments.protocol != load::ProtocolName(load::Protocol::kGet)) return PrepareModel(options, arguments, plan);
  const net::Url url = TRY(net::Url::Parse(arguments.model));
  plan.address.host = url.host;
  plan.address.port = url.port;
  plan.address.path = url.target;
  plan.kinds.push_back(load::GetKind(url.host, url.port, url.target));
  return Ok();
}

/// Errors: kInvalidArgument for flags that contradict one another.
Status CheckFlags(const BenchArguments& arguments, const Plan& plan) {
  const bool ramp = !arguments.ramp.empty();
  if (plan.search && !plan.target)
    return InvalidArgument("--find-rate wants to know what must hold: --target p99=10ms");
  if (plan.search && ramp) return InvalidArgument("--ramp and --find-rate exclude one another");
  if (ramp && !arguments.rate.empty()) return InvalidArgument("--rate and --ramp exclude one another");
  if (plan.search && plan.options.pacing.closed) {
    return InvalidArgument("--find-rate looks for the rate itself; leave --rate max out");
  }
  if (!arguments.plot.empty() && !plan.search && !ramp) {
    return InvalidArgument("--plot draws latency against rate; it wants --ramp FROM:TO or --find-rate");
  }
  return Ok();
}

Status ReadRates(const BenchArguments& arguments, Plan& plan) {
  load::Pacing& pacing = plan.options.pacing;
  plan.first_rate = arguments.rows > 16 ? 100 : 1000;
  if (!arguments.rate.empty() && !pacing.closed) plan.first_rate = TRY(ParseRate("--rate", arguments.rate));
  pacing.plan.from = pacing.plan.to = plan.first_rate;
  if (arguments.ramp.empty()) return Ok();
  const auto ends = Split(arguments.ramp, ':');
  if (ends.size() != 2) return InvalidArgument("--ramp is ", Quoted(arguments.ramp), "; write FROM:TO");
  pacing.plan.from = TRY(ParseRate("--ramp", ends[0]));
  pacing.plan.to = TRY(ParseRate("--ramp", ends[1]));
  pacing.slices = kRampSlices;
  return Ok();
}

Status ReadTimes(const BenchArguments& arguments, Plan& plan) {
  load::Pacing& pacing = plan.options.pacing;
  const bool ramp = !arguments.ramp.empty();
  const std::string usual = plan.search ? "3s" : (ramp ? "20s" : "10s");
  pacing.plan.duration = TRY(ParseDuration(arguments.duration.empty() ? usual : arguments.duration).In("--duration"));
  if (pacing.plan.duration < kShortest) return InvalidArgument("--duration must be 100ms or more");
  if (!ramp) pacing.settle = std::min<Duration>(pacing.plan.duration / 10, kSettleMax);
  if (arguments.arrivals != "poisson" && arguments.arrivals != "even") {
    return InvalidArgument("--arrivals is ", Quoted(arguments.arrivals), "; it must be poisson or even");
  }
  pacing.plan.arrivals = arguments.arrivals == "even" ? load::Arrivals::kEven : load::Arrivals::kPoisson;
  pacing.plan.seed = arguments.seed;
  return Ok();
}

Status PreparePacing(const BenchArguments& arguments, Plan& plan) {
  if (!arguments.target.empty()) plan.target = TRY(load::Target::Parse(arguments.target));
  if (!arguments.wanted.empty()) plan.wanted = TRY(load::WantedRate::Parse(arguments.wanted));
  plan.search = arguments.find_rate || (plan.target && arguments.rate.empty() && arguments.ramp.empty());
  plan.options.pacing.closed = arguments.rate == kAsFastAsAnswered;
  TRY(CheckFlags(arguments, plan));
  TRY(ReadRates(arguments, plan));
  return ReadTimes(arguments, plan);
}

Result<Plan> Prepare(const Options& options, const BenchArguments& arguments) {
  Plan plan;
  TRY(PreparePacing(arguments, plan));
  TRY(PrepareRequests(options, arguments, plan));
  plan.options.host = plan.address.host;
  plan.options.port = plan.address.port;
  plan.options.connections = arguments.connections;
  plan.options.in_flight_max = arguments.pipeline;
  plan.options.threads = std::clamp(load::Cores() / 4, 1, 8);
  const bool grpc = plan.kinds.front().expect == load::Expect::kGrpcRows;
  if (grpc) {
    const net::Address address = TRY(GrpcAddress(options, arguments, plan));
    plan.options.transport = load::Transport::kGrpc;
    plan.options.host = address.host;
    plan.options.port = address.port;
  }
  for (const load::RequestKind& kind : plan.kinds) {
    const auto check = grpc ? load::CheckFirstGrpcAnswer : load::CheckFirstAnswer;
    TRY(check(plan.options.host, plan.options.port, kind, kFirstAnswerTimeout));
  }
  return plan;
}

Result<load::Measurement> MeasureAt(const Plan& plan, const load::Pacing& pacing) {
  load::OpenLoopOptions options = plan.options;
  options.pacing = pacing;
  return load::Measure(options.port, net::IsLoopback(options.host), pacing, plan.kinds,
                       [&](const std::function<void()>& around) { return RunOpenLoop(options, plan.kinds, around); });
}

std::string KindNames(const Plan& plan) {
  std::vector<std::string> names;
  for (const load::RequestKind& kind : plan.kinds) names.push_back(kind.name);
  return Join(names, "; ");
}

void SayLoadPlan(const BenchArguments& arguments, const Plan& plan) {
  const load::OpenLoopOptions& options = plan.options;
  const std::string where = net::HostPort(options.host, options.port);
  if (plan.address.model.empty()) {
    Say(Cat("GET ", plan.address.path, " at ", where, "\n"));
  } else {
    Say(Cat(plan.address.model, plan.input.version.empty() ? "" : " version ", plan.input.version, " at ", where, ": ",
            KindNames(plan), "; ", plan.input.columns.size(), " columns, ", plan.rows_about, "\n",
            arguments.recorded ? "recorded by the server like any traffic\n"
                               : "not recorded in the model's monitoring (--recorded has it so)\n"));
  }
  Say(Cat(options.connections, options.connections == 1 ? " connection, " : " connections, ",
          options.in_flight_max > 1 ? Cat(options.in_flight_max, " requests in flight on each, ") : "", options.threads,
          options.threads == 1 ? " thread; " : " threads; ",
          options.pacing.closed ? "" : Cat(arguments.arrivals, " arrivals, "),
          "latency from the time at which a request was due\n\n"));
}

struct Search {
  std::vector<load::Measurement> trials;
  std::vector<load::Verdict> verdicts;
  load::SearchStep outcome;
};

Result<Search> FindRate(const Plan& plan, bool quiet) {
  Search search;
  std::vector<load::Trial> trials;
  load::SearchOptions options;
  options.first = plan.first_rate;
  options.rate_max = kRateMax;
  if (!quiet) Say(TrialHeading());
  while (true) {
    search.outcome = load::NextTrial(trials, options);
    if (!search.outcome.next) return search;
    load::Pacing pacing = plan.options.pacing;
    pacing.plan.from = pacing.plan.to = *search.outcome.next;
    pacing.plan.seed += trials.size();
    search.trials.push_back(TRY(MeasureAt(plan, pacing)));
    search.verdicts.push_back(load::Judge(search.trials.back(), *plan.target));
    trials.push_back({*search.outcome.next, search.verdicts.back().held});
    if (!quiet) Say(TrialText(search.trials.back(), search.verdicts.back()));
  }
}

/// Of the trials at the best rate the one with the median latency at the target.
const load::Measurement* BestOf(const Search& search, const load::Target& target) {
  std::vector<const load::Measurement*> at_best;
  for (const load::Measurement& trial : search.trials) {
    if (trial.pacing.plan.from == search.outcome.best) at_best.push_back(&trial);
  }
  if (at_best.empty()) return nullptr;
  std::sort(at_best.begin(), at_best.end(), [&](const load::Measurement* a, const load::Measurement* b) {
    return a->load.tally.latency.Percentile(target.share) < b->load.tally.latency.Percentile(target.share);
  });
  return at_best[at_best.size() / 2];
}

/// `rate_that_held`: 0 when no search found it, and nothing may be said of machines like this one.
load::MeasuredCost CostOf(const load::Measurement& measurement, double rate_that_held) {
  return {rate_that_held, measurement.RowsPerRequest(), measurement.ServerMicros(), load::Cores()};
}

Status WritePlot(const BenchArguments& arguments, const Plan& plan, std::vector<load::CurvePoint> points,
                 const load::Measurement& any, double best) {
  if (arguments.plot.empty()) return Ok();
  load::Plot plot;
  plot.title = Cat(plan.address.model.empty() ? plan.address.path : plan.address.model, ": latency against rate");
  plot.subtitle =
      Cat(KindNames(plan), "; ", plan.options.connections, " connections, ", arguments.arrivals, " arrivals; ",
          load::Cores(), " cores", net::IsLoopback(plan.address.host) ? ", client included" : "");
  plot.points = std::move(points);
  plot.rows_per_request = any.RowsPerRequest();
  plot.target = plan.target;
  plot.best_rate = best;
  return WriteFileDurably(arguments.plot, load::LatencyPlot(plot));
}

Json PlanJson(const BenchArguments& arguments, const Plan& plan) {
  return Json::Make({{"model", Json(plan.address.model)},
                     {"version", Json(plan.input.version)},
                     {"address", Json(net::HostPort(plan.options.host, plan.options.port))},
                     {"requests", Json(KindNames(plan))},
                     {"rows", Json(plan.rows_about)},
                     {"recorded", Json(arguments.recorded)},
                     {"connections", Json(plan.options.connections)},
                     {"in_flight", Json(plan.options.in_flight_max)},
                     {"cores", Json(load::Cores())}});
}

Json CapacityJson(const load::WantedRate& wanted, const load::Capacity& capacity) {
  return Json::Make({{"wanted_per_second", Json(wanted.per_second)},
                     {"unit", Json(wanted.rows ? "rows" : "requests")},
                     {"spare_share", Json(load::kSpareShare)},
                     {"server_cores", capacity.server_cores ? Json(*capacity.server_cores) : Json()},
                     {"server_machines", capacity.server_machines ? Json(*capacity.server_machines) : Json()},
                     {"machines_like_this", Json(capacity.machines_like_this)}});
}

Json CostJson(const BenchArguments& arguments, const load::Measurement& measurement) {
  const std::optional<double> server = measurement.ServerMicros();
  if (!server) return {};
  const double us_per_row = *server / measurement.RowsPerRequest();
  Json cost = Json::Make({{"core_seconds_per_million_rows", Json(us_per_row)}});
  if (arguments.price > 0) {
    cost["price_per_million_rows"] = Json(load::CostPerMillionRows(us_per_row, arguments.price));
    cost["price_per_core_hour"] = Json(arguments.price);
    cost["spare_share"] = Json(load::kSpareShare);
  }
  return cost;
}

/// Cost and capacity, said or added to `out`.
void Conclude(const Options& options, const BenchArguments& arguments, const Plan& plan,
              const load::Measurement& measurement, double rate_that_held, Json& out) {
  out["cost"] = CostJson(arguments, measurement);
  if (!options.json) {
    Say(CostText(measurement, arguments.price > 0 ? std::optional(arguments.price) : std::nullopt));
  }
  if (!plan.wanted) return;
  const load::Capacity capacity = load::CapacityFor(*plan.wanted, CostOf(measurement, rate_that_held));
  out["capacity"] = CapacityJson(*plan.wanted, capacity);
  if (!options.json) Say(CapacityText(*plan.wanted, capacity, load::Cores()));
}

Result<int> RunOnce(const Options& options, const BenchArguments& arguments, const Plan& plan) {
  const load::Measurement measurement = TRY(MeasureAt(plan, plan.options.pacing));
  TRY(WritePlot(arguments, plan, load::CurveOf(measurement), measurement, 0));
  Json out = PlanJson(arguments, plan);
  out["measurement"] = measurement.ToJson();
  if (!options.json) Say(MeasurementText(measurement));
  Conclude(options, arguments, plan, measurement, 0, out);
  bool held = measurement.RequestsPerSecond() > 0;
  if (plan.target) {
    const load::Verdict verdict = load::Judge(measurement, *plan.target);
    held = verdict.held;
    out["target"] =
        Json::Make({{"target", Json(plan.target->ToString())}, {"held", Json(held)}, {"why", Json(verdict.why)}});
    if (!options.json) {
      Say(Cat("target ", plan.target->ToString(), held ? " held: " : " missed: ", verdict.why, "\n"));
    }
  }
  if (options.json) Say(out.DumpPretty());
  return held ? kDone : kFailed;
}

Json SearchJson(const Search& search) {
  Json trials = Json::MakeArray();
  for (std::size_t i = 0; i < search.trials.size(); ++i) {
    Json trial = search.trials[i].ToJson();
    trial["held"] = Json(search.verdicts[i].held);
    trial["why"] = Json(search.verdicts[i].why);
    trials.Append(std::move(trial));
  }
  return trials;
}

void SayBest(const Plan& plan, const Search& search, const load::Measurement& best) {
  Say(Cat("\nmeasured: ", load::RateText(search.outcome.best), " requests/s (",
          load::RateText(search.outcome.best * best.RowsPerRequest()), " rows/s) is the highest rate that holds ",
          plan.target->ToString(), "; it held ", search.outcome.held_times,
          search.outcome.held_times == 1 ? " time" : " times",
          search.outcome.confirmed ? "" : ", which is fewer than were wanted", "\n\n", MeasurementText(best)));
}

Result<int> RunSearch(const Options& options, const BenchArguments& arguments, const Plan& plan) {
  const Search search = TRY(FindRate(plan, options.json));
  const load::Measurement* best = BestOf(search, *plan.target);
  std::vector<load::CurvePoint> points;
  for (const load::Measurement& trial : search.trials) points.push_back(load::PointOf(trial));
  TRY(WritePlot(arguments, plan, points, search.trials.front(), search.outcome.best));
  Json out = PlanJson(arguments, plan);
  out["target"] = Json(plan.target->ToString());
  out["trials"] = SearchJson(search);
  if (best != nullptr) {
    out["best_requests_per_second"] = Json(search.outcome.best);
    out["confirmed"] = Json(search.outcome.confirmed);
    out["best"] = best->ToJson();
    if (!options.json) SayBest(plan, search, *best);
    Conclude(options, arguments, plan, *best, search.outcome.best, out);
  } else if (!options.json) {
    Say(Cat("\nno rate that was tried holds ", plan.target->ToString(), "\n"));
  }
  if (options.json) Say(out.DumpPretty());
  return best != nullptr ? kDone : kFailed;
}

int RunBench(const Options& options, const BenchArguments& arguments) {
  const Result<Plan> plan = Prepare(options, arguments);
  if (!plan.ok()) return Fail(plan.error());
  if (!options.json) SayLoadPlan(arguments, *plan);
  const Result<int> done = plan->search ? RunSearch(options, arguments, *plan) : RunOnce(options, arguments, *plan);
  return done.ok() ? *done : Fail(done.error());
}

void AddLoadOptions(CLI::App* command, BenchArguments& arguments) {
  command->add_option("--rate", arguments.rate,
                      "Requests a second whatever the answers do; else 1000. max: as fast as they are answered");
  command->add_option("--ramp", arguments.ramp, "FROM:TO requests a second, rising evenly over the duration");
  command->add_flag("--find-rate", arguments.find_rate, "Find the highest rate that holds --target");
  command->add_option("--target", arguments.target,
                      "What must hold: p99=10ms, p99.9=50ms, max=1s; alone: finds the rate");
  command->add_option("--for", arguments.wanted, "A rate to size for: 1000000/s (requests) or 1000000rows/s");
  command->add_option("--duration", arguments.duration, "Of a measurement; else 10s, 20s for a ramp, 3s in a search");
  command->add_option("--arrivals", arguments.arrivals, "poisson (as from many clients; the default) or even");
  command->add_option("--connections", arguments.connections, "Connections to the server; else 64")
      ->check(CLI::Range(1, kConnectionsMax));
  command->add_option("--pipeline", arguments.pipeline, "Unanswered requests on each connection; else 1")
      ->check(CLI::Range(1, 1024));
  command->add_option("--seed", arguments.seed, "Of arrivals and rows; else 1");
}

void AddRequestOptions(CLI::App* command, BenchArguments& arguments) {
  command->add_option("--rows-per-request", arguments.rows, "Rows in each request; else 1")
      ->check(CLI::Range(1, kRowsMax));
  command->add_option("--protocol", arguments.protocol,
                      "rest (v2 JSON), binary (v2 with binary tensors), grpc, or get (any URL: the floor beneath)");
  command->add_option("--grpc-address", arguments.grpc_address,
                      "HOST:PORT of gRPC; else the local server's own, or 8081 beside 8080");
  command->add_option("--layout", arguments.layout, "Of rest: columns (a tensor for each) or matrix (one of FP32)");
  command->add_option("--mix", arguments.mix,
                      "Several kinds by weight: [PROTOCOL/]ROWS:WEIGHT,... e.g. 1:90,binary/1024:10");
  command->add_option("--rows", arguments.rows_file,
                      "Recorded rows: CSV with a heading, or a JSON object on each line");
  command->add_option("--package", arguments.package, "The model's package, for rows like its training data's");
  command->add_flag("--recorded", arguments.recorded, "Let the model's monitoring record the requests");
}

}  // namespace

void AddBenchVerb(const Registrar& registrar) {
  const Options& options = registrar.options;
  const auto arguments = std::make_shared<BenchArguments>();
  CLI::App* command = registrar.Add(
      "bench", "Ask a model at a rate: latency, processor time, the highest rate that holds a target, cores for yours",
      "millwright bench late-departures --target p99=10ms --for 1000000/s",
      [&options, arguments] { return RunBench(options, *arguments); });
  command->add_option("model", arguments->model, "An endpoint's name, or http://HOST:PORT/MODEL of any v2 server")
      ->required();
  AddLoadOptions(command, *arguments);
  AddRequestOptions(command, *arguments);
  command->add_option("--price", arguments->price, "Of one core for one hour, in any currency");
  command->add_option("--plot", arguments->plot, "Write latency against rate as an SVG file");
}

}  // namespace mw::app::cli
