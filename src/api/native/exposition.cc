// Lines to samples, samples to what they count.
#include "api/native/exposition.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

#include "base/text.h"

namespace mw::api::native {
namespace {

constexpr std::string_view kPrefix = "millwright_inference_";
constexpr std::size_t kBucketsMax = 256;
/// Whole numbers up to here are exact; nothing counts further, and those of many servers still add up to an int64.
constexpr double kCountMax = 9'007'199'254'740'992.0;

struct Sample {
  std::string_view name;  ///< without kPrefix
  std::vector<std::pair<std::string_view, std::string>> labels{};
  double value = 0;
  [[nodiscard]] std::string_view Label(std::string_view key) const {
    const auto found =
        std::find_if(labels.begin(), labels.end(), [key](const auto& label) { return label.first == key; });
    return found == labels.end() ? std::string_view() : std::string_view(found->second);
  }
};

/// Takes `key="value"` off the front; false when that is not what stands there.
bool TakeLabel(std::string_view& rest, Sample& sample) {
  const std::size_t equals = rest.find("=\"");
  if (equals == std::string_view::npos) return false;
  const std::string_view key = rest.substr(0, equals);
  rest.remove_prefix(equals + 2);
  std::string value;
  while (!rest.empty() && rest.front() != '"') {
    char c = rest.front();
    rest.remove_prefix(1);
    if (c == '\\' && !rest.empty()) {
      c = rest.front() == 'n' ? '\n' : rest.front();
      rest.remove_prefix(1);
    }
    value += c;
  }
  if (rest.empty()) return false;
  rest.remove_prefix(1);
  sample.labels.emplace_back(key, std::move(value));
  return true;
}

/// name{key="value",...} number [time]
std::optional<Sample> ParseSample(std::string_view line) {
  const std::size_t brace = line.find('{');
  if (!line.starts_with(kPrefix) || brace == std::string_view::npos || brace < kPrefix.size()) return std::nullopt;
  Sample sample;
  sample.name = line.substr(kPrefix.size(), brace - kPrefix.size());
  std::string_view rest = line.substr(brace + 1);
  while (!rest.empty() && rest.front() != '}') {
    if (!TakeLabel(rest, sample)) return std::nullopt;
    if (rest.starts_with(",")) rest.remove_prefix(1);
  }
  if (!rest.starts_with("} ")) return std::nullopt;
  rest = Trim(rest.substr(2));
  const auto value = ParseDouble(rest.substr(0, rest.find(' ')));
  if (!value || !(*value >= 0 && *value <= kCountMax)) return std::nullopt;
  sample.value = *value;
  return sample;
}

/// The counters that are told, and how they are called.
constexpr std::pair<std::string_view, std::string_view> kCounters[] = {
    {"requests_total", "requests"},
    {"refused_total", "refused"},
    {"failures_total", "failures"},
    {"rows_total", "rows"},
    {"unknown_categories_total", "unknown_categories"},
    {"cache_hits_total", "cache_hits"},
    {"cache_misses_total", "cache_misses"},
    {"run_again_total", "run_again"},
    {"worker_restarts_total", "worker_restarts"},
};

/// A bucket as the format has it: all observations up to its bound.
void AddBucket(const Sample& sample, HistogramReading& out) {
  if (out.counts.size() >= kBucketsMax) return;
  const std::string_view bound = sample.Label("le");
  const double before = std::accumulate(out.counts.begin(), out.counts.end(), 0.0);
  const auto number = bound == "+Inf" ? std::optional(HUGE_VAL) : ParseDouble(bound);
  if (!number) return;
  if (std::isfinite(*number)) out.bounds.push_back(*number);
  out.counts.push_back(std::max(0.0, sample.value - before));
}

void AddHistogram(const Sample& sample, std::string_view part, HistogramReading& out) {
  if (part == "_bucket") return AddBucket(sample, out);
  if (part == "_sum") out.sum = sample.value;
}

void Take(const Sample& sample, VersionReading& out) {
  for (const auto& [name, key] : kCounters) {
    if (sample.name == name) out.counters[std::string(key)] = sample.value;
  }
  const auto part_of = [&sample](std::string_view family) {
    return sample.name.starts_with(family) ? sample.name.substr(family.size()) : std::string_view();
  };
  if (sample.name == "rejections_total") out.rejections[std::string(sample.Label("reason"))] = sample.value;
  if (const std::string_view part = part_of("stage_seconds"); !part.empty()) {
    AddHistogram(sample, part, out.stages[std::string(sample.Label("stage"))]);
  } else if (const std::string_view total = part_of("seconds"); !total.empty()) {
    AddHistogram(sample, total, out.stages["total"]);
  } else if (const std::string_view rows = part_of("batch_rows"); !rows.empty()) {
    AddHistogram(sample, rows, out.batch_rows);
  }
}

void MergeCounts(std::map<std::string, double>& into, const std::map<std::string, double>& from) {
  for (const auto& [key, value] : from) into[key] += value;
}

Json CountsToJson(const std::map<std::string, double>& counts) {
  Json out = Json::MakeObject();
  for (const auto& [key, value] : counts) out[key] = Json(static_cast<std::int64_t>(value));
  return out;
}

Json ToJson(const HistogramReading& histogram) {
  Json counts = Json::MakeArray();
  for (const double count : histogram.counts) counts.Append(static_cast<std::int64_t>(count));
  return Json::Make({{"bounds", Json(Json::Array(histogram.bounds.begin(), histogram.bounds.end()))},
                     {"counts", std::move(counts)},
                     {"sum", histogram.sum}});
}

}  // namespace

void HistogramReading::Merge(const HistogramReading& other) {
  if (counts.empty()) {
    *this = other;
    return;
  }
  if (bounds != other.bounds || counts.size() != other.counts.size()) return;
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
  sum += other.sum;
}

void VersionReading::Merge(const VersionReading& other) {
  MergeCounts(counters, other.counters);
  MergeCounts(rejections, other.rejections);
  for (const auto& [stage, histogram] : other.stages) stages[stage].Merge(histogram);
  batch_rows.Merge(other.batch_rows);
}

EndpointReading ReadExposition(std::string_view text, std::string_view endpoint) {
  EndpointReading reading;
  for (const std::string_view line : Split(text, '\n')) {
    if (!line.starts_with(kPrefix)) continue;
    const std::optional<Sample> sample = ParseSample(line);
    if (!sample || sample->Label("model") != endpoint || sample->Label("version").empty()) continue;
    Take(*sample, reading[std::string(sample->Label("version"))]);
  }
  return reading;
}

Json ToJson(const VersionReading& reading) {
  Json out = CountsToJson(reading.counters);
  out["rejections"] = CountsToJson(reading.rejections);
  Json stages = Json::MakeObject();
  for (const auto& [stage, histogram] : reading.stages) stages[stage] = ToJson(histogram);
  out["stages"] = std::move(stages);
  out["batch_rows"] = ToJson(reading.batch_rows);
  return out;
}

}  // namespace mw::api::native
