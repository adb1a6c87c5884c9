// Reading what the reconciler wrote, and putting it together for people.
#include "monitoring/monitoring.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "base/text.h"
#include "monitoring/drift_window.h"
#include "monitoring/evaluation_json.h"
#include "monitoring/monitor_store.h"
#include "monitoring/sketched_columns.h"
#include "schema/slice.h"

namespace mw::monitoring {
namespace {

using predictions::WindowRange;
using predictions::WindowSummary;

Json Period(Timestamp from, Timestamp until) {
  return Json::Make({{"from", FormatTime(from)}, {"to", FormatTime(until)}});
}

Json FiniteOrNull(double value) { return std::isfinite(value) ? Json(value) : Json(); }

double Milliseconds(Duration duration) { return static_cast<double>(duration.count()) / 1000; }

Json WindowsJson(const std::vector<Evaluation>& windows) {
  Json out = Json::MakeArray();
  for (const Evaluation& window : windows) {
    Json row = Period(window.from, window.until);
    row["rows"] = static_cast<std::int64_t>(window.rows);
    row["state"] = Name(window.state);
    row["closed"] = window.closed;
    row["predictions_mean"] = window.predictions_mean ? Json(*window.predictions_mean) : Json();
    out.Append(std::move(row));
  }
  return out;
}

/// "alert", "note", or null: the worst finding about a column in a window.
Json SeverityOf(const Evaluation& window, const std::string& column) {
  for (const Finding& finding : window.findings) {  // alerts come first
    const bool named = std::find(finding.columns.begin(), finding.columns.end(), column) != finding.columns.end();
    if (named) return Name(finding.severity);
  }
  return {};
}

const Cell* FindCell(const Evaluation& window, const std::string& column) {
  for (const Cell& cell : window.features) {
    if (cell.column == column) return &cell;
  }
  return window.prediction && window.prediction->column == column ? &*window.prediction : nullptr;
}

Json CellJson(const Evaluation& window, const std::string& column) {
  const Cell* cell = FindCell(window, column);
  if (cell == nullptr) return Json::Make({{"state", Name(window.state)}, {"severity", Json()}});
  Json out = ToJson(*cell);
  out["severity"] = SeverityOf(window, column);
  return out;
}

/// One row of cells for each column, in the order of the model's features, the prediction last.
Json FeaturesJson(const std::vector<Evaluation>& windows) {
  Json out = Json::MakeArray();
  const auto widest = std::max_element(windows.begin(), windows.end(), [](const Evaluation& a, const Evaluation& b) {
    return a.features.size() < b.features.size();
  });
  if (widest == windows.end()) return out;
  std::vector<const Cell*> columns;
  for (const Cell& cell : widest->features) columns.push_back(&cell);
  if (widest->prediction) columns.push_back(&*widest->prediction);
  for (const Cell* column : columns) {
    Json cells = Json::MakeArray();
    for (const Evaluation& window : windows) cells.Append(CellJson(window, column->column));
    out.Append(Json::Make({{"name", column->column},
                           {"kind", column->kind == ColumnKind::kCategory ? "category" : "number"},
                           {"attribution", column->attribution ? Json(*column->attribution) : Json()},
                           {"cells", std::move(cells)}}));
  }
  return out;
}

Json FindingsJson(const std::vector<Evaluation>& windows) {
  Json out = Json::MakeArray();
  for (auto window = windows.rbegin(); window != windows.rend(); ++window) {  // the newest first
    for (const Finding& finding : window->findings) out.Append(ToJson(finding));
  }
  return out;
}

struct Traffic {
  std::int64_t rows = 0;
  std::int64_t requests = 0;
  std::int64_t failures = 0;
  std::int64_t refused = 0;
  std::int64_t dropped = 0;
  wire::LatencyHistogram latency;
  void Add(const WindowSummary& summary) {
    rows += summary.rows;
    requests += summary.requests;
    failures += summary.failures;
    refused += summary.refused;
    dropped += summary.dropped_rows;
    latency.Merge(summary.latency);
  }
};

/// Traffic by hours, or by days when there are many hours.
std::map<Timestamp, Traffic> TrafficOf(const std::vector<WindowSummary>& summaries, Duration step) {
  std::map<Timestamp, Traffic> out;
  for (const WindowSummary& each : summaries) {
    const Duration since = each.window_start.time_since_epoch();
    const Duration into = ((since % step) + step) % step;
    out[each.window_start - into].Add(each);
  }
  return out;
}

Json LatencyJson(const wire::LatencyHistogram& latency) {
  const auto quantile = [&latency](double share) {
    return latency.count() == 0 ? Json() : Json(Milliseconds(latency.Quantile(share)));
  };
  return Json::Make({{"p50_ms", quantile(0.5)}, {"p90_ms", quantile(0.9)}, {"p99_ms", quantile(0.99)}});
}

void AddTraffic(Json& out, const std::vector<WindowSummary>& summaries) {
  const Duration step = std::ssize(summaries) > Monitoring::kHoursShown ? kDay : wire::kWindowLength;
  Json traffic = Json::MakeArray();
  Json latencies = Json::MakeArray();
  Traffic all;
  for (const auto& [start, each] : TrafficOf(summaries, step)) {
    Json row = Period(start, start + step);
    row["rows"] = each.rows;
    row["requests"] = each.requests;
    row["failures"] = each.failures;
    row["refused"] = each.refused;
    row["dropped"] = each.dropped;
    traffic.Append(std::move(row));
    Json latency = LatencyJson(each.latency);
    latency["from"] = FormatTime(start);
    latency["to"] = FormatTime(start + step);
    latencies.Append(std::move(latency));
    all.latency.Merge(each.latency);
  }
  out["traffic"] = std::move(traffic);
  Json latency = LatencyJson(all.latency);
  latency["windows"] = std::move(latencies);
  out["latency"] = std::move(latency);
}

Json CoverageJson(const predictions::LabelCoverage& coverage) {
  return Json::Make({{"predictions", coverage.predictions},
                     {"labelled", coverage.labelled},
                     {"coverage", coverage.predictions == 0 ? Json() : Json(coverage.coverage())},
                     {"delay_p50_s", FiniteOrNull(coverage.delay_p50_s)},
                     {"delay_p95_s", FiniteOrNull(coverage.delay_p95_s)},
                     {"duplicates", coverage.duplicates},
                     {"contradictions", coverage.contradictions},
                     {"unknown", coverage.unknown}});
}

/// Of the newest window; before there is one, what it would be. Null when the package has none.
Json BaselineJson(const PackagedBaseline& package, const std::vector<Evaluation>& windows) {
  const bool said = !windows.empty() && !windows.back().baseline.source.empty();
  if (!said && !package.view) return {};
  const BaselineSummary baseline = said ? windows.back().baseline : SummaryOf(*package.view);
  if (!baseline.reason.empty() && baseline.source == "training") return {};
  Json out = ToJson(baseline);
  out["package"] = package.package;
  return out;
}

/// Of the newest closed window.
Json SlicesJson(const std::vector<Evaluation>& windows) {
  Json out = Json::MakeArray();
  const auto newest =
      std::find_if(windows.rbegin(), windows.rend(), [](const Evaluation& each) { return each.closed; });
  if (newest == windows.rend()) return out;
  for (const SliceCell& slice : newest->slices) out.Append(ToJson(slice));
  return out;
}

/// Columns that were chosen but that the version's package keeps no slices of.
Json MissingSlicesJson(const Settings& settings, const PackagedBaseline& package) {
  Json out = Json::MakeArray();
  if (!settings.slices || settings.baseline) return out;
  for (const std::string& column : *settings.slices) {
    const bool kept = std::any_of(package.slices.begin(), package.slices.end(),
                                  [&column](const PackagedSlice& slice) { return slice.slice.column == column; });
    if (!kept) out.Append(column);
  }
  return out;
}

Json Shares(const std::vector<double>& bins, double rows) {
  Json out = Json::MakeArray();
  for (const double count : bins) out.Append(rows > 0 ? Json(count / rows) : Json());
  return out;
}

/// Neighbouring bins of numbers put together until some 20 are left, for a chart; the ends closed by the extremes.
struct ChartBins {
  std::vector<double> edges;
  std::vector<double> before;
  std::vector<double> now;
};

ChartBins ChartOf(const BaselineColumn& column, const ColumnPeriod& now) {
  constexpr double kBars = 20;
  ChartBins out;
  const ColumnCounts& before = column.whole.counts;
  const NumberShape none;
  const NumberShape& was = column.whole.numbers ? *column.whole.numbers : none;
  const NumberShape& is = now.numbers ? *now.numbers : was;
  double total = 0;
  for (const double count : before.bins) total += count;
  double mass = 0;
  out.edges.push_back(std::min(was.min, is.min));
  out.before.push_back(0);
  out.now.push_back(0);
  for (std::size_t i = 0; i < before.bins.size(); ++i) {
    out.before.back() += before.bins[i];
    out.now.back() += now.counts.bins[i];
    mass += before.bins[i];
    if (i + 1 < before.bins.size() && mass >= total / kBars && column.bins.edges[i] > out.edges.back()) {
      out.edges.push_back(column.bins.edges[i]);
      out.before.push_back(0);
      out.now.push_back(0);
      mass = 0;
    }
  }
  out.edges.push_back(std::max({was.max, is.max, out.edges.back()}));
  return out;
}

Json FeatureJson(const ColumnReference& reference, const ColumnPeriod& now) {
  const BaselineColumn& column = reference.column();
  const Comparison comparison = reference.Compare(now);
  Json out = Json::Make({{"feature", column.name}, {"unit", column.unit}});
  const double before_rows = column.whole.counts.rows;
  const double rows = now.counts.rows;
  if (column.kind == ColumnKind::kNumber) {
    const ChartBins chart = ChartOf(column, now);
    out["kind"] = "number";
    Json edges = Json::MakeArray();
    for (const double edge : chart.edges) edges.Append(edge);
    out["edges"] = std::move(edges);
    out["baseline"] = Shares(chart.before, before_rows);
    out["window"] = Shares(chart.now, rows);
  } else {
    out["kind"] = "category";
    Json categories = Json::MakeArray();
    for (const std::string& category : column.bins.categories) categories.Append(category);
    categories.Append("(others)");
    out["categories"] = std::move(categories);
    std::vector<double> window = now.counts.bins;
    window.back() += now.counts.wrong_type;
    out["baseline"] = Shares(column.whole.counts.bins, before_rows);
    out["window"] = Shares(window, rows);
  }
  out["rows"] = Json::Make({{"baseline", before_rows}, {"window", rows}});
  out["missing"] = Json::Make({{"baseline", comparison.baseline_missing}, {"window", comparison.missing}});
  out["jsd"] = comparison.jensen_shannon;
  out["l_infinity"] = comparison.l_infinity;
  out["wasserstein"] = comparison.wasserstein ? Json(*comparison.wasserstein) : Json();
  out["floor"] = comparison.floor.value;
  out["floor_method"] = Name(comparison.floor.method);
  return out;
}

Result<const ColumnReference*> FindReference(const Detectors& detectors, const std::string& feature) {
  std::vector<std::string> names;
  for (const ColumnReference& each : detectors.features()) {
    if (each.column().name == feature) return &each;
    names.push_back(each.column().name);
  }
  if (detectors.prediction() && detectors.prediction()->column().name == feature) return &*detectors.prediction();
  return NotFound("the model has no feature ", Quoted(feature), "; it has ", Join(names, ", "), " and prediction");
}

}  // namespace

/// A version at an endpoint with its baseline.
struct Monitoring::Subject {
  std::string endpoint;
  std::string model;
  std::int64_t version = 0;
  std::vector<std::int64_t> versions;  ///< that have windows
  std::shared_ptr<const PackagedBaseline> baseline;
};

Task<Result<Monitoring::Subject>> Monitoring::SubjectOf(std::string endpoint, std::int64_t version) {
  const endpoints::EndpointView view = CO_TRY(co_await endpoints_.Get(endpoint));
  Subject out;
  out.endpoint = endpoint;
  out.model = view.current.model;
  out.version = version == 0 ? view.current.version : version;
  out.versions =
      CO_TRY(co_await database_.Read([&](db::Snapshot& snapshot) { return MonitoredVersions(snapshot, endpoint); }));
  out.baseline = CO_TRY(co_await baselines_.Of(out.model, out.version));
  co_return out;
}

Task<Result<Json>> Monitoring::Report(std::string endpoint, std::int64_t version) {
  const Subject subject = CO_TRY(co_await SubjectOf(endpoint, version));
  const std::vector<Evaluation> windows = CO_TRY(co_await database_.Read([&](db::Snapshot& snapshot) {
    return WindowsBetween(snapshot, endpoint, subject.version, Timestamp::min(), Timestamp::max());
  }));
  const Settings settings = CO_TRY(co_await SettingsOf(endpoint));
  const WindowRange range{endpoint, subject.version};
  const predictions::LabelCoverage coverage = CO_TRY(co_await predictions_.Coverage(range));
  const auto assemble = [&] {
    Json versions = Json::MakeArray();
    for (const std::int64_t each : subject.versions) versions.Append(each);
    Json out = Json::Make(
        {{"endpoint", endpoint},
         {"model", subject.model},
         {"version", subject.version},
         {"versions", std::move(versions)},
         {"drift_window", windows.empty() ? Json() : Json(NameOfLength(windows.back().until - windows.back().from))},
         {"baseline", BaselineJson(*subject.baseline, windows)},
         {"settings", ToJson(settings)},
         {"slices", SlicesJson(windows)},
         {"slices_missing", MissingSlicesJson(settings, *subject.baseline)},
         {"windows", WindowsJson(windows)},
         {"features", FeaturesJson(windows)},
         {"findings", FindingsJson(windows)}});
    AddTraffic(out, predictions_.Windows(range));
    out["labels"] = CoverageJson(coverage);
    return out;
  };
  co_return co_await OnWorkers(workers_, assemble);
}

Task<Result<Json>> Monitoring::Feature(std::string endpoint, std::int64_t version, std::string feature, Timestamp from,
                                       Timestamp until) {
  const Subject subject = CO_TRY(co_await SubjectOf(endpoint, version));
  const Settings settings = CO_TRY(co_await SettingsOf(endpoint));
  const Watched watched{endpoint, subject.version, subject.baseline, settings, until - from};
  const std::shared_ptr<const Reference> reference_of_window = CO_TRY(co_await baselines_.ReferenceAt(watched, from));
  const std::shared_ptr<const Detectors>& detectors = reference_of_window->detectors;
  if (!detectors) co_return FailedPrecondition("there is no baseline: ", reference_of_window->baseline.reason);
  const ColumnReference* const reference = CO_TRY(FindReference(*detectors, feature));
  const WindowRange range{endpoint, subject.version, from, until};
  const sketch::Profile profile = CO_TRY(co_await predictions_.MergedProfile(range));
  const sketch::ColumnProfile prediction = CO_TRY(co_await predictions_.MergedPrediction(range));
  const sketch::ColumnProfile* column = profile.Find(feature);
  if (detectors->prediction() && reference == &*detectors->prediction()) column = &prediction;
  const sketch::ColumnProfile none(sketch::ColumnSpec{feature, sketch::ValueKind::kNumber});
  Json out = FeatureJson(*reference, PeriodOf(reference->column(), column == nullptr ? none : *column));
  out["from"] = FormatTime(from);
  out["to"] = FormatTime(until);
  out["version"] = subject.version;
  out["source"] = reference_of_window->baseline.source;
  co_return out;
}

Task<Result<Settings>> Monitoring::SettingsOf(std::string endpoint) {
  CO_TRY(co_await endpoints_.Get(endpoint));
  co_return co_await database_.Read([&](db::Snapshot& snapshot) { return monitoring::SettingsOf(snapshot, endpoint); });
}

Task<Status> Monitoring::CheckColumns(const std::string& endpoint, const Settings& settings) {
  const Subject subject = CO_TRY(co_await SubjectOf(endpoint, 0));
  std::vector<std::string_view> names(subject.baseline->features.begin(), subject.baseline->features.end());
  names.push_back(sketch::kPredictionColumn);
  const auto lacks = [&](std::string_view key, const std::string& column) {
    const std::string_view nearest = Nearest(column, names);
    return InvalidArgument(key, ": the model has no column ", Quoted(column),
                           nearest.empty() ? std::string("; it") : Cat("; did you mean ", nearest, "? It"), " has ",
                           Join(subject.baseline->features, ", "));
  };
  for (const auto& [column, threshold] : settings.thresholds) {
    if (std::find(names.begin(), names.end(), column) == names.end()) co_return lacks("thresholds", column);
  }
  for (const std::string& name : settings.slices.value_or(std::vector<std::string>())) {
    const std::vector<schema::Column>& columns = subject.baseline->columns;
    const auto column =
        std::find_if(columns.begin(), columns.end(), [&name](const schema::Column& each) { return each.name == name; });
    if (column == columns.end()) co_return lacks("slices", name);
    if (!schema::CanSlice(column->type)) {
      co_return InvalidArgument("slices: ", Quoted(name), " is a ", schema::TypeName(column->type),
                                "; slices are by categories, truth values or whole numbers");
    }
  }
  co_return Ok();
}

Task<Status> Monitoring::PutSettings(std::string endpoint, Settings settings) {
  CO_TRY(co_await CheckColumns(endpoint, settings));
  CO_TRY(co_await database_.Write(
      [&](db::Transaction& transaction) { return monitoring::PutSettings(transaction, endpoint, settings); }));
  on_settings_(endpoint);
  co_return Ok();
}

Task<Result<std::vector<Finding>>> Monitoring::Findings(std::string endpoint, std::int64_t version, Timestamp from,
                                                        Timestamp until) {
  const auto read = [&](db::Snapshot& snapshot) -> Result<std::vector<Evaluation>> {
    std::vector<std::int64_t> versions = {version};
    if (version == 0) versions = TRY(MonitoredVersions(snapshot, endpoint));
    std::vector<Evaluation> out;
    for (const std::int64_t each : versions) {
      for (Evaluation& window : TRY(WindowsBetween(snapshot, endpoint, each, from, until))) {
        out.push_back(std::move(window));
      }
    }
    return out;
  };
  std::vector<Evaluation> windows = CO_TRY(co_await database_.Read(read));
  std::stable_sort(windows.begin(), windows.end(),
                   [](const Evaluation& a, const Evaluation& b) { return a.from < b.from; });
  std::vector<Finding> out;
  for (Evaluation& window : windows) {
    for (Finding& finding : window.findings) out.push_back(std::move(finding));
  }
  co_return out;
}

}  // namespace mw::monitoring
