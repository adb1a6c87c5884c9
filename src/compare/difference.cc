// Two maps side by side, profiles column by column, metrics draw by draw.
#include "compare/difference.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>
#include <utility>

#include "base/text.h"
#include "evaluation/paired.h"

namespace mw::compare {
namespace {

template <typename Map>
std::set<std::string> Names(const Map& a, const Map& b) {
  std::set<std::string> names;
  for (const auto& [name, value] : a) names.insert(name);
  for (const auto& [name, value] : b) names.insert(name);
  return names;
}

template <typename Map>
auto Find(const Map& map, const std::string& name) -> std::optional<typename Map::mapped_type> {
  const auto found = map.find(name);
  if (found == map.end()) return std::nullopt;
  return found->second;
}

template <typename Value, typename Equal>
Presence PresenceOf(const std::optional<Value>& a, const std::optional<Value>& b, Equal equal) {
  if (!b) return Presence::kOnlyA;
  if (!a) return Presence::kOnlyB;
  return equal(*a, *b) ? Presence::kSame : Presence::kChanged;
}

/// What differs first, then by name.
template <typename Entry>
void DifferingFirst(std::vector<Entry>& entries) {
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return (a.presence != Presence::kSame) > (b.presence != Presence::kSame);
  });
}

std::vector<TextDifference> CompareTexts(const Texts& a, const Texts& b) {
  std::vector<TextDifference> out;
  for (const std::string& name : Names(a, b)) {
    TextDifference one{name, Presence::kSame, Find(a, name), Find(b, name)};
    one.presence = PresenceOf(one.a, one.b, [](const std::string& x, const std::string& y) { return x == y; });
    out.push_back(std::move(one));
  }
  DifferingFirst(out);
  return out;
}

// ---- drift ----

std::vector<double> Numbers(const Json& column, std::string_view key) {
  std::vector<double> numbers;
  const Json* list = column.Find(key);
  if (list == nullptr || !list->IsArray()) return numbers;
  for (const Json& value : list->AsArray()) {
    if (value.IsNumber()) numbers.push_back(value.AsDouble());
  }
  return numbers;
}

/// The share of values at or below x, straight between the quantiles of equal steps.
double ShareBelow(const std::vector<double>& quantiles, double x) {
  if (x < quantiles.front()) return 0;
  if (x >= quantiles.back()) return 1;
  const auto above = std::upper_bound(quantiles.begin(), quantiles.end(), x);
  const auto at = static_cast<double>(above - quantiles.begin() - 1);
  const double low = *(above - 1), high = *above;
  return (at + (x - low) / (high - low)) / static_cast<double>(quantiles.size() - 1);
}

double QuantileDistance(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() < 2 || b.size() < 2) return 0;
  double distance = 0;
  for (const std::vector<double>* at : {&a, &b}) {
    for (const double x : *at) distance = std::max(distance, std::abs(ShareBelow(a, x) - ShareBelow(b, x)));
  }
  return distance;
}

std::map<std::string, double> TopShares(const Json& column) {
  std::map<std::string, double> shares;
  const Json* top = column.Find("top");
  const double rows = column.DoubleOr("rows", 0) - column.DoubleOr("missing", 0);
  if (top == nullptr || !top->IsArray() || rows <= 0) return shares;
  for (const Json& entry : top->AsArray()) {
    const Json* value = entry.Find("value");
    if (value != nullptr) shares[value->Dump()] = entry.DoubleOr("count", 0) / rows;
  }
  return shares;
}

/// Half the sum of differences of shares; what is beyond the most frequent counts as one value.
double ShareDistance(const std::map<std::string, double>& a, const std::map<std::string, double>& b) {
  if (a.empty() || b.empty()) return 0;
  double distance = 0, rest_a = 1, rest_b = 1;
  for (const std::string& name : Names(a, b)) {
    const double in_a = Find(a, name).value_or(0), in_b = Find(b, name).value_or(0);
    distance += std::abs(in_a - in_b);
    rest_a -= in_a;
    rest_b -= in_b;
  }
  return (distance + std::abs(rest_a - rest_b)) / 2;
}

double MissingShare(const Json& column) {
  const double rows = column.DoubleOr("rows", 0);
  return rows > 0 ? column.DoubleOr("missing", 0) / rows : 0;
}

std::string ColumnText(const Json& column) {
  std::string text;
  const Json* mean = column.Find("mean");
  if (mean != nullptr && mean->IsNumber()) text = Cat("mean ", Fixed(mean->AsDouble(), 3));
  const Json* top = column.Find("top");
  if (text.empty() && top != nullptr && top->IsArray() && !top->AsArray().empty()) {
    const Json* value = top->AsArray().front().Find("value");
    if (value != nullptr) text = Cat("mostly ", value->IsString() ? value->AsString() : value->Dump());
  }
  const double missing = MissingShare(column);
  if (missing > 0) CatTo(text, text.empty() ? "" : ", ", Fixed(missing * 100, 1), " % missing");
  return text;
}

const Json* ColumnOf(const Json& profile, std::string_view name) {
  const Json* columns = profile.Find("columns");
  if (columns == nullptr || !columns->IsArray()) return nullptr;
  for (const Json& column : columns->AsArray()) {
    if (column.StringOr("name", "") == name) return &column;
  }
  return nullptr;
}

double Distance(const Json& a, const Json& b) {
  const std::vector<double> in_a = Numbers(a, "quantiles"), in_b = Numbers(b, "quantiles");
  const double values =
      in_a.empty() || in_b.empty() ? ShareDistance(TopShares(a), TopShares(b)) : QuantileDistance(in_a, in_b);
  return std::max(values, std::abs(MissingShare(a) - MissingShare(b)));
}

std::vector<DataDifference> CompareData(const Facts& a, const Facts& b) {
  std::vector<DataDifference> out;
  for (const std::string& name : Names(a.data, b.data)) {
    DataDifference one{name, Presence::kSame, Find(a.data, name), Find(b.data, name), {}};
    one.presence = PresenceOf(one.a, one.b, [](const DataFact& x, const DataFact& y) { return x.digest == y.digest; });
    if (one.presence == Presence::kChanged) one.drift = DriftOf(one.a->profile, one.b->profile);
    out.push_back(std::move(one));
  }
  DifferingFirst(out);
  return out;
}

// ---- metrics ----

const evaluation::MetricValue* Measured(const Facts& facts, std::string_view metric) {
  return facts.report ? evaluation::FindMetric(facts.report->overall, metric) : nullptr;
}

/// The side's own value: as its report says it, else as it was logged.
std::optional<double> ValueOf(const Facts& facts, const std::string& metric) {
  const evaluation::MetricValue* measured = Measured(facts, metric);
  if (measured != nullptr && measured->value) return measured->value;
  return Find(facts.metrics, metric);
}

std::vector<MetricDifference> CompareMetrics(const Facts& a, const Facts& b) {
  std::set<std::string> names = Names(a.metrics, b.metrics);
  for (const Facts* side : {&a, &b}) {
    if (!side->report) continue;
    for (const evaluation::MetricValue& value : side->report->overall) names.insert(value.metric);
  }
  const evaluation::PairedGains gains = evaluation::GainsOf(a.report, b.report);
  std::vector<MetricDifference> out;
  for (const std::string& name : names) {
    MetricDifference one;
    one.metric = name;
    one.a = ValueOf(a, name);
    one.b = ValueOf(b, name);
    if (!one.a && !one.b) continue;
    if (one.a && one.b) one.difference = *one.b - *one.a;
    if (const auto* in_a = Measured(a, name)) std::tie(one.a_low, one.a_high) = std::pair(in_a->low, in_a->high);
    if (const auto* in_b = Measured(b, name)) std::tie(one.b_low, one.b_high) = std::pair(in_b->low, in_b->high);
    const auto gain = gains.intervals.find(name);
    if (gain != gains.intervals.end()) {
      one.low = gain->second.low;
      one.high = gain->second.high;
    } else {
      const bool both = Measured(a, name) != nullptr && Measured(b, name) != nullptr;
      one.reason = !one.difference ? "only one side has it"
                   : both          ? gains.reason.empty() ? "too few draws have a value" : gains.reason
                                   : "a logged value: no evaluation measured it on both sides";
    }
    out.push_back(std::move(one));
  }
  return out;
}

// ---- sentences ----

template <typename Entry>
std::size_t Differing(const std::vector<Entry>& entries) {
  return static_cast<std::size_t>(std::count_if(entries.begin(), entries.end(),
                                                [](const Entry& entry) { return entry.presence != Presence::kSame; }));
}

template <typename Entry>
void Tell(std::string_view part, const std::vector<Entry>& entries, std::vector<std::string>& out) {
  const std::size_t differing = Differing(entries);
  if (entries.empty()) return;
  std::vector<std::string> names;
  for (const Entry& entry : entries) {
    if (entry.presence != Presence::kSame && names.size() < 5) names.push_back(entry.name);
  }
  if (differing == 0) {
    out.push_back(Cat(part, ": the same"));
  } else {
    out.push_back(Cat(part, ": ", differing, " of ", entries.size(), " differ: ", Join(names, ", "),
                      differing > names.size() ? ", ..." : ""));
  }
}

void TellMetrics(const std::vector<MetricDifference>& metrics, std::vector<std::string>& out) {
  for (const MetricDifference& one : metrics) {
    if (!one.low || !one.high) continue;
    if (*one.low <= 0 && *one.high >= 0) continue;
    out.push_back(Cat(one.metric, " differs by ", Fixed(*one.difference, 4), " [", Fixed(*one.low, 4), ", ",
                      Fixed(*one.high, 4), "]"));
  }
  const bool any = std::any_of(metrics.begin(), metrics.end(), [](const auto& one) { return one.low.has_value(); });
  if (any && out.empty()) out.push_back("no metric differs by more than chance");
}

Json OrNull(const std::optional<double>& value) { return value ? Json(*value) : Json(); }
Json OrNull(const std::optional<std::string>& value) { return value ? Json(*value) : Json(); }
Json OrNull(const std::optional<DataFact>& fact) {
  if (!fact) return {};
  Json json = Json::Make({{"digest", fact->digest}, {"rows", fact->rows ? Json(*fact->rows) : Json()}});
  if (!fact->uri.empty()) json["uri"] = fact->uri;
  return json;
}

Json TextsJson(const std::vector<TextDifference>& entries) {
  Json out = Json::MakeArray();
  for (const TextDifference& one : entries) {
    out.Append(Json::Make(
        {{"name", one.name}, {"state", PresenceName(one.presence)}, {"a", OrNull(one.a)}, {"b", OrNull(one.b)}}));
  }
  return out;
}

Json DataJson(const std::vector<DataDifference>& entries) {
  Json out = Json::MakeArray();
  for (const DataDifference& one : entries) {
    Json drift = Json::MakeArray();
    for (const ColumnDrift& column : one.drift) {
      drift.Append(
          Json::Make({{"column", column.column}, {"distance", column.distance}, {"a", column.a}, {"b", column.b}}));
    }
    out.Append(Json::Make({{"name", one.name},
                           {"state", PresenceName(one.presence)},
                           {"a", OrNull(one.a)},
                           {"b", OrNull(one.b)},
                           {"drift", std::move(drift)}}));
  }
  return out;
}

Json MetricsJson(const std::vector<MetricDifference>& metrics) {
  Json out = Json::MakeArray();
  for (const MetricDifference& one : metrics) {
    out.Append(Json::Make({{"metric", one.metric},
                           {"a", OrNull(one.a)},
                           {"b", OrNull(one.b)},
                           {"difference", OrNull(one.difference)},
                           {"low", OrNull(one.low)},
                           {"high", OrNull(one.high)},
                           {"interval", one.low ? "paired" : "none"},
                           {"reason", one.reason},
                           {"a_low", OrNull(one.a_low)},
                           {"a_high", OrNull(one.a_high)},
                           {"b_low", OrNull(one.b_low)},
                           {"b_high", OrNull(one.b_high)}}));
  }
  return out;
}

}  // namespace

std::string_view PresenceName(Presence presence) {
  switch (presence) {
    case Presence::kSame: return "same";
    case Presence::kChanged: return "changed";
    case Presence::kOnlyA: return "only_a";
    case Presence::kOnlyB: break;
  }
  return "only_b";
}

std::vector<ColumnDrift> DriftOf(const Json& a, const Json& b) {
  std::vector<ColumnDrift> drift;
  const Json* columns = a.Find("columns");
  if (columns == nullptr || !columns->IsArray()) return drift;
  for (const Json& column : columns->AsArray()) {
    const std::string name = column.StringOr("name", "");
    const Json* other = ColumnOf(b, name);
    if (other == nullptr) continue;
    const double distance = Distance(column, *other);
    if (distance >= kDriftMin) drift.push_back({name, distance, ColumnText(column), ColumnText(*other)});
  }
  std::stable_sort(drift.begin(), drift.end(),
                   [](const ColumnDrift& x, const ColumnDrift& y) { return x.distance > y.distance; });
  if (drift.size() > kDriftColumnsMax) drift.resize(kDriftColumnsMax);
  return drift;
}

Difference Compare(const Facts& a, const Facts& b) {
  Difference out;
  out.metrics = CompareMetrics(a, b);
  out.data = CompareData(a, b);
  out.code = CompareTexts(a.code, b.code);
  out.config = CompareTexts(a.config, b.config);
  out.environment = CompareTexts(a.environment, b.environment);
  out.hardware = CompareTexts(a.hardware, b.hardware);
  TellMetrics(out.metrics, out.summary);
  Tell("data", out.data, out.summary);
  Tell("code", out.code, out.summary);
  Tell("config", out.config, out.summary);
  Tell("environment", out.environment, out.summary);
  Tell("hardware", out.hardware, out.summary);
  return out;
}

Json ToJson(const Difference& difference) {
  Json summary = Json::MakeArray();
  for (const std::string& sentence : difference.summary) summary.Append(sentence);
  return Json::Make({{"metrics", MetricsJson(difference.metrics)},
                     {"data", DataJson(difference.data)},
                     {"code", TextsJson(difference.code)},
                     {"config", TextsJson(difference.config)},
                     {"environment", TextsJson(difference.environment)},
                     {"hardware", TextsJson(difference.hardware)},
                     {"summary", std::move(summary)}});
}

Json ToJson(const Facts& facts) {
  return Json::Make({{"ref", facts.reference},
                     {"kind", facts.is_version ? "version" : "run"},
                     {"run_id", facts.run_id},
                     {"experiment", facts.experiment},
                     {"model", facts.model},
                     {"version", facts.is_version ? Json(facts.version) : Json()},
                     {"name", facts.name},
                     {"created", FormatTime(facts.created)}});
}

}  // namespace mw::compare
