// Meters, verdicts, words.
#include "load/measurement.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "base/yaml.h"
#include "load/server_processes.h"

namespace mw::load {
namespace {

/// Requests on their way where a short part of a ramp ends.
constexpr double kEdge = 20;

std::optional<Duration> PercentileOf(const LatencyHistogram& latency, double share) {
  if (latency.count() == 0) return std::nullopt;
  if (share < 1 && static_cast<double>(latency.count()) * (1 - share) < 1) return std::nullopt;
  if (share >= 1) return latency.unbounded() > 0 ? LatencyHistogram::kNoBound : latency.max();
  return latency.Percentile(share);
}

std::optional<Duration> Bounded(std::optional<Duration> latency) {
  if (latency == LatencyHistogram::kNoBound) return std::nullopt;
  return latency;
}

Json MillisOf(std::optional<Duration> latency) {
  latency = Bounded(latency);
  return latency ? Json(static_cast<double>(latency->count()) * 1e-3) : Json();
}

Json LatencyJson(const LatencyHistogram& latency) {
  return Json::Make({{"p50", MillisOf(PercentileOf(latency, 0.5))},
                     {"p90", MillisOf(PercentileOf(latency, 0.9))},
                     {"p99", MillisOf(PercentileOf(latency, 0.99))},
                     {"p99.9", MillisOf(PercentileOf(latency, 0.999))},
                     {"max", MillisOf(latency.max())},
                     {"mean", Json(latency.MeanMicros() * 1e-3)}});
}

Json OptionalJson(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

void SetPercentiles(CurvePoint& point, const LatencyHistogram& latency) {
  point.p50 = Bounded(PercentileOf(latency, 0.5));
  point.p90 = Bounded(PercentileOf(latency, 0.9));
  point.p99 = Bounded(PercentileOf(latency, 0.99));
  point.p999 = Bounded(PercentileOf(latency, 0.999));
}

std::string Percent(double share) { return Cat(Fixed(100 * share, share < 0.1 ? 1 : 0), " %"); }

}  // namespace

std::string LatencyText(std::optional<Duration> latency) {
  if (!latency) return "-";
  if (*latency == LatencyHistogram::kNoBound) return "none";
  const double ms = static_cast<double>(latency->count()) * 1e-3;
  if (ms >= 10'000) return Cat(Fixed(ms / 1000, 1), " s");
  return Cat(Fixed(ms, ms < 1 ? 3 : (ms < 10 ? 2 : (ms < 100 ? 1 : 0))), " ms");
}

std::string RateText(double per_second) {
  return per_second < 100 ? Fixed(per_second, 1) : WithThousands(std::llround(per_second));
}

Result<Target> Target::Parse(std::string_view text) {
  const std::size_t equals = text.find('=');
  Target target;
  target.name = ToLower(Trim(text.substr(0, equals)));
  const bool is_max = target.name == "max";
  double percent = 0;
  if (target.name.starts_with('p')) percent = ParseDouble(std::string_view(target.name).substr(1)).value_or(0);
  if (equals == std::string_view::npos || (!is_max && !(percent > 0 && percent < 100))) {
    return InvalidArgument("the target ", Quoted(text), " is none; write p99=10ms, p99.9=50ms or max=1s");
  }
  target.share = is_max ? 1 : percent / 100;
  target.bound = TRY(ParseDuration(Trim(text.substr(equals + 1))).In("the target's latency"));
  if (target.bound.count() <= 0) return InvalidArgument("the target ", Quoted(text), " has no time above 0");
  return target;
}

std::string Target::ToString() const { return Cat(name, " <= ", LatencyText(bound)); }

double Measurement::Asked() const {
  return static_cast<double>(load.tally.planned) / std::max(1e-6, Seconds(load.measured));
}

double Measurement::RequestsPerSecond() const {
  std::uint64_t answers = 0;
  for (const Slice& slice : load.tally.slices) answers += slice.answered_within;
  return static_cast<double>(answers) / std::max(1e-6, Seconds(load.measured));
}

double Measurement::RowsPerSecond() const {
  std::uint64_t rows = 0;
  for (const Slice& slice : load.tally.slices) rows += slice.rows_within;
  return static_cast<double>(rows) / std::max(1e-6, Seconds(load.measured));
}

double Measurement::RowsPerRequest() const {
  if (load.tally.all_answers == 0) return 1;
  return static_cast<double>(load.tally.all_rows) / static_cast<double>(load.tally.all_answers);
}

std::optional<double> Measurement::ServerMicros() const {
  if (!server_cpu || load.tally.all_answers == 0) return std::nullopt;
  return static_cast<double>(server_cpu->count()) / static_cast<double>(load.tally.all_answers);
}

double Measurement::ClientMicros() const {
  return static_cast<double>(load.client_cpu.count()) /
         static_cast<double>(std::max<std::uint64_t>(1, load.tally.all_answers));
}

std::uint64_t Measurement::Bad() const { return load.tally.failed + load.tally.wrong + load.tally.not_sent; }

std::optional<Duration> Measurement::Latency(double share) const { return PercentileOf(load.tally.latency, share); }

Json Measurement::ToJson() const {
  const Tally& tally = load.tally;
  Json statuses = Json::MakeObject();
  for (const auto& [status, count] : tally.statuses) statuses[status == 0 ? "none" : Cat(status)] = Json(count);
  Json by_kind = Json::MakeArray();
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    by_kind.Append(Json::Make({{"kind", Json(kinds[i])},
                               {"planned", Json(tally.by_kind[i].planned)},
                               {"answered", Json(tally.by_kind[i].answered)},
                               {"latency_ms", LatencyJson(tally.by_kind[i].latency)}}));
  }
  const std::optional<double> server = ServerMicros();
  const double rows = RowsPerRequest();
  return Json::Make({{"loop", Json(pacing.closed ? "closed" : "open")},
                     {"asked_requests_per_second", pacing.closed ? Json() : Json(Asked())},
                     {"requests_per_second", Json(RequestsPerSecond())},
                     {"rows_per_second", Json(RowsPerSecond())},
                     {"seconds", Json(Seconds(load.measured))},
                     {"latency_ms", LatencyJson(tally.latency)},
                     {"latency_from_sending_ms", LatencyJson(tally.service)},
                     {"generator_lag_ms", LatencyJson(tally.lag)},
                     {"planned", Json(tally.planned)},
                     {"answered", Json(tally.answered)},
                     {"wrong", Json(tally.wrong)},
                     {"failed", Json(tally.failed)},
                     {"not_sent", Json(tally.not_sent)},
                     {"statuses", std::move(statuses)},
                     {"reconnects", Json(tally.reconnects)},
                     {"server_cpu_us_per_request", OptionalJson(server)},
                     {"server_cpu_us_per_row", server ? Json(*server / rows) : Json()},
                     {"client_cpu_us_per_request", Json(ClientMicros())},
                     {"client_cpu_us_per_row", Json(ClientMicros() / rows)},
                     {"waited_for_cores_share", OptionalJson(waited_share)},
                     {"kinds", std::move(by_kind)}});
}

Result<Measurement> Measure(int port, bool local, const Pacing& pacing, const std::vector<RequestKind>& kinds,
                            const std::function<Result<LoadReport>(const std::function<void()>& around)>& run) {
  const RealClock clock;
  Measurement measurement;
  std::optional<Duration> cpu[2], waited[2];
  Duration at[2] = {};
  int calls = 0;
  const auto read_meters = [&] {
    if (calls == 0 && local) measurement.server_pids = ServerProcesses(port);
    const int call = std::min(calls++, 1);
    at[call] = clock.Elapsed();
    if (!measurement.server_pids.empty()) cpu[call] = CpuOf(measurement.server_pids);
    if (local) waited[call] = WaitedForCores();
  };
  measurement.load = TRY(run(read_meters));
  measurement.pacing = pacing;
  for (const RequestKind& kind : kinds) measurement.kinds.push_back(kind.name);
  if (cpu[0] && cpu[1]) measurement.server_cpu = *cpu[1] - *cpu[0];
  if (waited[0] && waited[1]) measurement.waited_share = Seconds(*waited[1] - *waited[0]) / Seconds(at[1] - at[0]);
  return measurement;
}

Verdict Judge(const Measurement& measurement, const Target& target) {
  const Tally& tally = measurement.load.tally;
  const auto planned = static_cast<double>(std::max<std::uint64_t>(1, tally.planned));
  if (tally.planned == 0) return {false, "nothing was asked"};
  if (const double bad = static_cast<double>(measurement.Bad()) / planned; bad > kBadShareMax) {
    return {false, Cat(Percent(bad), " without a right answer")};
  }
  const double kept_up = measurement.RequestsPerSecond() / measurement.Asked();
  if (kept_up < kKeptUpShare) return {false, Cat("answered ", Percent(kept_up), " of what was asked")};
  const Duration latency = target.share >= 1 ? tally.latency.max() : tally.latency.Percentile(target.share);
  return {latency <= target.bound, Cat(target.name, " ", LatencyText(latency))};
}

std::string LagWarning(const Measurement& measurement) {
  const LatencyHistogram& lag = measurement.load.tally.lag;
  const LatencyHistogram& latency = measurement.load.tally.latency;
  const Duration late = lag.Percentile(0.99);
  if (lag.count() == 0 || late < std::chrono::milliseconds(1) || late * 2 < latency.Percentile(0.99)) return "";
  return Cat("the generator itself was late: it looked at 1 % of the arrivals more than ", LatencyText(late),
             " after they were due, so these latencies speak of a full machine rather than of the server; ask from "
             "another machine, or for less");
}

CurvePoint PointOf(const Measurement& measurement) {
  CurvePoint point;
  point.asked = measurement.pacing.plan.from;  // what a Poisson plan really asked for differs a little
  point.answered = measurement.RequestsPerSecond();
  SetPercentiles(point, measurement.load.tally.latency);
  point.overtaken =
      point.answered < kKeptUpShare * point.asked ||
      static_cast<double>(measurement.Bad()) > kBadShareMax * static_cast<double>(measurement.load.tally.planned);
  return point;
}

std::vector<CurvePoint> CurveOf(const Measurement& measurement) {
  std::vector<CurvePoint> curve;
  const auto& slices = measurement.load.tally.slices;
  const double seconds = Seconds(measurement.load.measured) / static_cast<double>(slices.size());
  for (const Slice& slice : slices) {
    CurvePoint point;
    point.asked = static_cast<double>(slice.planned) / seconds;
    point.answered = static_cast<double>(slice.answered_within) / seconds;
    SetPercentiles(point, slice.latency);
    const auto planned = static_cast<double>(slice.planned);
    const double behind = planned - static_cast<double>(slice.answered_within);
    point.overtaken = behind > std::max(kEdge, (1 - kKeptUpShare) * planned) ||
                      static_cast<double>(slice.latency.unbounded()) > kBadShareMax * planned;
    curve.push_back(point);
  }
  return curve;
}

}  // namespace mw::load
