// Latency, errors, throughput, ages; what nobody measures says so.
#include "monitoring/production_operation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "base/text.h"

namespace mw::monitoring {
namespace {

using goals::Measurement;

OperationMeasure Nothing(const goals::Target& target, std::string_view reason) {
  return {{target.require.metric, std::nullopt, std::nullopt, std::nullopt, std::string(reason)}, std::nullopt};
}
OperationMeasure Value(const goals::Target& target, double value, std::optional<double> within = std::nullopt) {
  return {{target.require.metric, value, std::nullopt, std::nullopt, ""}, within};
}

bool InCalendar(const goals::Target& target, Timestamp at) {
  if (!target.calendar) return true;
  const Result<TimeZone> zone = TimeZone::Load(target.calendar->zone);
  if (!zone.ok()) return true;
  const std::int64_t day = zone->DayOf(at);
  const auto weekday = static_cast<std::size_t>(((day + 3) % 7 + 7) % 7);  // 1970-01-01 was a Thursday
  const int minute = zone->MinuteOfDay(at);
  return target.calendar->days[weekday] && minute >= target.calendar->from_minute &&
         minute < target.calendar->until_minute;
}

// Everything that counts for the target.
struct TargetTraffic {
  wire::LatencyHistogram latency;
  std::int64_t requests = 0, failures = 0, refused = 0, rows = 0;
  double busy_seconds = 0;  // wall time
};

TargetTraffic TrafficFor(const goals::Target& target, const ProductionInput& input) {
  TargetTraffic traffic;
  Timestamp first = kNever, last = Timestamp::min();
  for (const predictions::WindowSummary& hour : input.hours) {
    if (!InCalendar(target, hour.window_start)) continue;
    traffic.latency.Merge(hour.latency);
    traffic.requests += hour.requests;
    traffic.failures += hour.failures;
    traffic.refused += hour.refused;
    traffic.rows += hour.rows;
    first = std::min(first, hour.first_received);
    last = std::max(last, hour.last_received);
  }
  if (first < last) traffic.busy_seconds = static_cast<double>((last - first).count()) / 1e6;
  return traffic;
}

double ShareWithin(const wire::LatencyHistogram& latency, double bound_seconds) {
  const Duration bound(static_cast<std::int64_t>(bound_seconds * 1e6));
  std::uint64_t within = 0;
  for (int i = 0; i < wire::LatencyHistogram::kBuckets && wire::LatencyHistogram::UpperEnd(i) <= bound; ++i) {
    within += latency.bucket(i);
  }
  return static_cast<double>(within) / static_cast<double>(latency.count());
}

OperationMeasure Latency(const goals::Target& target, const ProductionInput& input) {
  const TargetTraffic traffic = TrafficFor(target, input);
  if (traffic.latency.count() == 0) return Nothing(target, "no request was answered");
  constexpr std::array<std::pair<std::string_view, double>, 3> kQuantiles = {
      {{"latency.p50", 0.5}, {"latency.p90", 0.9}, {"latency.p99", 0.99}}};
  double share = target.objective.value_or(1);
  for (const auto& [metric, quantile] : kQuantiles) {
    if (target.require.metric == metric) share = quantile;
  }
  const double value = static_cast<double>(traffic.latency.Quantile(share).count()) / 1e6;
  const double rate = traffic.busy_seconds > 0 ? static_cast<double>(traffic.requests) / traffic.busy_seconds : 0;
  if (target.peak_per_second && rate > *target.peak_per_second && !target.require.Holds(value)) {
    return Nothing(target, Cat(WithThousands(std::llround(rate)), " requests/s are more than the ",
                               WithThousands(std::llround(*target.peak_per_second)), "/s that it is promised up to"));
  }
  return Value(target, value, ShareWithin(traffic.latency, target.require.value));
}

OperationMeasure ErrorRate(const goals::Target& target, const ProductionInput& input) {
  const TargetTraffic traffic = TrafficFor(target, input);
  const std::int64_t valid = traffic.requests - traffic.refused;
  if (traffic.requests == 0) return Nothing(target, "there were no requests");
  if (valid <= 0) {
    return Nothing(target, Cat("none of the ", WithThousands(traffic.requests), " requests was valid"));
  }
  return Value(target, static_cast<double>(traffic.failures) / static_cast<double>(valid));
}

OperationMeasure Throughput(const goals::Target& target, const ProductionInput& input) {
  const TargetTraffic traffic = TrafficFor(target, input);
  if (traffic.busy_seconds <= 0) return Nothing(target, "there were no requests over any length of time");
  return Value(target, static_cast<double>(traffic.rows) / traffic.busy_seconds);
}

OperationMeasure ModelAge(const goals::Target& target, const ProductionInput& input, const VersionFacts* facts) {
  if (facts == nullptr || !facts->trained_until) return Nothing(target, "the end of the training data is not known");
  const Timestamp now = std::min(input.window.until, std::max(input.seen_until, input.window.from));
  return Value(target, static_cast<double>((now - *facts->trained_until).count()) / 1e6);
}

// Seconds in one unit of an age column: its schema says, else its name.
double UnitSeconds(std::string_view suffix, const VersionFacts* facts, const std::string& feature) {
  constexpr std::array<std::pair<std::string_view, double>, 13> kUnits = {{{"s", 1},
                                                                           {"seconds", 1},
                                                                           {"second", 1},
                                                                           {"min", 60},
                                                                           {"m", 60},
                                                                           {"minutes", 60},
                                                                           {"minute", 60},
                                                                           {"h", 3600},
                                                                           {"hours", 3600},
                                                                           {"hour", 3600},
                                                                           {"d", 86400},
                                                                           {"days", 86400},
                                                                           {"day", 86400}}};
  const schema::Column* column = facts == nullptr ? nullptr : facts->schema.Find(feature);
  for (const std::string_view word :
       {column == nullptr ? std::string_view() : std::string_view(column->unit), suffix}) {
    for (const auto& [unit, seconds] : kUnits) {
      if (unit == word) return seconds;
    }
  }
  return 1;
}

// A missing age is an endless one.
OperationMeasure SourceAge(const goals::Target& target, const ProductionInput& input, const VersionFacts* facts) {
  const std::string_view metric = target.require.metric;
  const std::string source(metric.substr(0, metric.size() - std::string_view(".age").size()));
  const auto& names = input.rows.feature_names;
  for (const std::string_view suffix : {"seconds", "minutes", "hours", "days"}) {
    const std::string feature = Cat(source, "_age_", suffix);
    const auto found = std::find(names.begin(), names.end(), feature);
    if (found == names.end() || input.rows.features.empty()) continue;
    const double unit = UnitSeconds(suffix, facts, feature);
    std::vector<double> ages;
    std::size_t within = 0;
    const auto column = static_cast<std::size_t>(found - names.begin());
    for (std::size_t row = 0; row < input.rows.size(); ++row) {
      const auto age = static_cast<double>(input.rows.features[row * names.size() + column]);
      ages.push_back(std::isnan(age) ? std::numeric_limits<double>::infinity() : age * unit);
      within += target.require.Holds(ages.back()) ? 1 : 0;
    }
    if (ages.empty()) return Nothing(target, "there were no predictions");
    // The smallest age that at least the objective's share keeps.
    const double rank = std::ceil(target.objective.value_or(1) * static_cast<double>(ages.size()));
    const auto at = ages.begin() + static_cast<std::ptrdiff_t>(std::max(rank, 1.0)) - 1;
    std::nth_element(ages.begin(), at, ages.end());
    const double share = static_cast<double>(within) / static_cast<double>(ages.size());
    return Value(target, std::isinf(*at) ? std::nan("") : *at, share);
  }
  return Nothing(target, Cat("the model has no input ", source, "_age_minutes (or _seconds, _hours, _days)"));
}

}  // namespace

OperationMeasure MeasureOperation(const goals::Target& target, const ProductionInput& input,
                                  const VersionFacts* facts) {
  const std::string_view metric = target.require.metric;
  if (metric == "model.age") return ModelAge(target, input, facts);
  if (metric.ends_with(".age")) return SourceAge(target, input, facts);
  if (metric.starts_with("latency")) return Latency(target, input);
  if (metric == "error_rate") return ErrorRate(target, input);
  if (metric == "throughput") return Throughput(target, input);
  return Nothing(target, "what a prediction costs is not metered yet");
}

}  // namespace mw::monitoring
