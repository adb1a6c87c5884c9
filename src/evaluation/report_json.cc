// Reports as JSON.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "base/text.h"
#include "evaluation/report.h"

namespace mw::evaluation {
namespace {

// Absent and null alike: no value.
std::optional<double> ReadNumber(const Json& json, std::string_view key) {
  const Json* found = json.Find(key);
  if (found == nullptr || !found->IsNumber()) return std::nullopt;
  return found->AsDouble();
}

Json MetricsJson(const std::vector<MetricValue>& metrics) {
  Json out = Json::MakeObject();
  for (const MetricValue& metric : metrics) {
    Json value = Json::Make({{"value", NumberJson(metric.value)},
                             {"low", NumberJson(metric.low)},
                             {"high", NumberJson(metric.high)},
                             {"n", metric.rows}});
    if (!metric.reason.empty()) value["reason"] = metric.reason;
    out[metric.metric] = std::move(value);
  }
  return out;
}

Result<std::vector<MetricValue>> ReadMetrics(const Json& json, std::string_view key) {
  const Json* object = json.Find(key);
  if (object == nullptr || !object->IsObject()) return InvalidArgument("report: ", key, " is missing or no object");
  if (object->AsObject().size() > 1000) return ResourceExhausted("report: more than 1000 metrics");
  std::vector<MetricValue> metrics;
  for (const auto& [name, value] : object->AsObject()) {
    metrics.push_back({.metric = name,
                       .value = ReadNumber(value, "value"),
                       .low = ReadNumber(value, "low"),
                       .high = ReadNumber(value, "high"),
                       .rows = value.IntOr("n", 0),
                       .reason = value.StringOr("reason", "")});
  }
  return metrics;
}

Json CountsJson(const Counts& counts) {
  return Json::Make({{"rows", counts.rows}, {"positives", counts.positives}, {"blocks", counts.blocks}});
}

Result<Counts> ReadCounts(const Json& json) {
  const Json* counts = json.Find("counts");
  if (counts == nullptr) return InvalidArgument("report: counts is missing");
  Counts read;
  read.rows = TRY(counts->GetInt("rows"));
  read.positives = counts->IntOr("positives", 0);
  read.blocks = TRY(counts->GetInt("blocks"));
  return read;
}

Json SliceJson(const SliceReport& slice) {
  Json out = Json::Make({{"column", slice.column},
                         {"value", slice.value},
                         {"counts", CountsJson(slice.counts)},
                         {"status", slice.sufficient ? "ok" : "insufficient_data"}});
  if (!slice.reason.empty()) out["reason"] = slice.reason;
  out["metrics"] = MetricsJson(slice.metrics);
  return out;
}

Result<SliceReport> ReadSlice(const Json& json) {
  SliceReport slice;
  slice.column = TRY(json.GetString("column"));
  slice.value = TRY(json.GetString("value"));
  slice.counts = TRY(ReadCounts(json));
  slice.sufficient = json.StringOr("status", "") == "ok";
  slice.reason = json.StringOr("reason", "");
  slice.metrics = TRY(ReadMetrics(json, "metrics"));
  return slice;
}

Json BaselineJson(const Baseline& baseline) {
  return Json::Make({{"rule", baseline.rule}, {"metrics", MetricsJson(baseline.metrics)}});
}

Result<Baseline> ReadBaseline(const Json& json, std::string_view key) {
  const Json* baseline = json.Find(key);
  if (baseline == nullptr) return InvalidArgument("report: ", key, " is missing");
  std::vector<MetricValue> metrics = TRY(ReadMetrics(*baseline, "metrics"));
  return Baseline{baseline->StringOr("rule", ""), std::move(metrics)};
}

/// Seven digits: what a draw is worth, at half the bytes.
Json DrawJson(double value) {
  if (!std::isfinite(value)) return {};
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, static_cast<float>(value)).ptr;
  double rounded = 0;
  std::from_chars(digits, end, rounded);
  return rounded;
}

Json DrawsJson(const std::map<std::string, std::vector<double>>& draws) {
  Json out = Json::MakeObject();
  for (const auto& [metric, values] : draws) {
    Json list = Json::MakeArray();
    for (const double value : values) list.Append(DrawJson(value));
    out[metric] = std::move(list);
  }
  return out;
}

Status ReadDraws(const Json& json, Report& report) {
  const Json* draws = json.Find("draws");
  if (draws == nullptr || !draws->IsObject()) return Ok();
  if (draws->AsObject().size() > 1000) return ResourceExhausted("report: draws of more than 1000 metrics");
  for (const auto& [metric, values] : draws->AsObject()) {
    if (!values.IsArray()) return InvalidArgument("report: draws of ", Quoted(metric), " are no list");
    if (values.AsArray().size() > kDrawsMax) return ResourceExhausted("report: more than ", kDrawsMax, " draws");
    std::vector<double>& read = report.draws[metric];
    for (const Json& value : values.AsArray()) {
      read.push_back(value.IsNumber() ? value.AsDouble() : std::numeric_limits<double>::quiet_NaN());
    }
  }
  return Ok();
}

Json PointJson(const CurvePoint& point) {
  return Json::Make({{"threshold", point.threshold},
                     {"false_positive_rate", point.false_positive_rate},
                     {"recall", point.recall},
                     {"precision", point.precision},
                     {"flagged_share", point.flagged_share},
                     {"saving", NumberJson(point.saving)}});
}

CurvePoint ReadPoint(const Json& json) {
  return {json.DoubleOr("threshold", 0), json.DoubleOr("false_positive_rate", 0), json.DoubleOr("recall", 0),
          json.DoubleOr("precision", 0), json.DoubleOr("flagged_share", 0),       ReadNumber(json, "saving")};
}

Json BinJson(const CalibrationBin& bin) {
  return Json::Make({{"rows", bin.rows},
                     {"low", bin.low},
                     {"high", bin.high},
                     {"mean_predicted", bin.mean_predicted},
                     {"positive_share", bin.positive_share}});
}

CalibrationBin ReadBin(const Json& json) {
  return {json.IntOr("rows", 0), json.DoubleOr("low", 0), json.DoubleOr("high", 0), json.DoubleOr("mean_predicted", 0),
          json.DoubleOr("positive_share", 0)};
}

Json ClassJson(const ClassReport& one) {
  return Json::Make(
      {{"name", one.name}, {"rows", one.rows}, {"predicted", one.predicted}, {"metrics", MetricsJson(one.metrics)}});
}

Result<ClassReport> ReadClass(const Json& json) {
  ClassReport report;
  report.name = TRY(json.GetString("name"));
  report.rows = json.IntOr("rows", 0);
  report.predicted = json.IntOr("predicted", 0);
  report.metrics = TRY(ReadMetrics(json, "metrics"));
  return report;
}

Json ConfusionJson(const std::vector<std::int64_t>& row) {
  Json out = Json::MakeArray();
  for (const std::int64_t count : row) out.Append(count);
  return out;
}

std::vector<std::int64_t> ReadConfusion(const Json& json) {
  std::vector<std::int64_t> row;
  if (!json.IsArray()) return row;
  for (const Json& count : json.AsArray()) row.push_back(count.IsInt() ? count.AsInt() : 0);
  return row;
}

Json ErrorJson(const ErrorQuantile& quantile) {
  return Json::Make({{"share", quantile.share}, {"error", quantile.error}});
}

ErrorQuantile ReadError(const Json& json) { return {json.DoubleOr("share", 0), json.DoubleOr("error", 0)}; }

Json FitJson(const FitBin& bin) {
  return Json::Make({{"rows", bin.rows},
                     {"low", bin.low},
                     {"high", bin.high},
                     {"mean_predicted", bin.mean_predicted},
                     {"mean_label", bin.mean_label}});
}

FitBin ReadFit(const Json& json) {
  return {json.IntOr("rows", 0), json.DoubleOr("low", 0), json.DoubleOr("high", 0), json.DoubleOr("mean_predicted", 0),
          json.DoubleOr("mean_label", 0)};
}

template <typename T, typename Write>
Json ListJson(const std::vector<T>& elements, Write write) {
  Json out = Json::MakeArray();
  for (const T& element : elements) out.Append(write(element));
  return out;
}

Result<const Json::Array*> ReadList(const Json& json, std::string_view key, std::size_t limit) {
  static const Json::Array kNone;
  const Json* list = json.Find(key);
  if (list == nullptr) return &kNone;
  if (!list->IsArray()) return InvalidArgument("report: ", key, " is no list");
  if (list->AsArray().size() > limit) {
    return ResourceExhausted("report: ", key, " has ", list->AsArray().size(), " entries; at most ", limit);
  }
  return &list->AsArray();
}

/// As many rows and columns as there are classes.
Status CheckConfusion(const Report& report) {
  const std::size_t classes = report.classes.size();
  const bool square =
      report.confusion.size() == classes && std::all_of(report.confusion.begin(), report.confusion.end(),
                                                        [classes](const auto& row) { return row.size() == classes; });
  return square ? Ok() : InvalidArgument("report: confusion is not ", classes, " by ", classes);
}

Result<goals::Problem> ReadProblem(const Json& json) {
  const std::string name = json.StringOr("problem", "binary_classification");
  const auto problem = goals::ProblemFromName(name);
  if (problem) return *problem;
  return InvalidArgument("report: problem ", Quoted(name), " is none of ",
                         goals::ProblemName(goals::Problem::kBinaryClassification), ", ",
                         goals::ProblemName(goals::Problem::kMulticlassClassification), ", ",
                         goals::ProblemName(goals::Problem::kRegression));
}

Status CheckFormat(const Json& json) {
  const std::int64_t format = TRY(json.GetInt("format_version").In("report"));
  if (format <= kReportFormatVersion) return Ok();
  return FailedPrecondition("the report has format ", format, "; this program reads up to ", kReportFormatVersion,
                            ": use the Millwright that wrote it");
}

}  // namespace

Json NumberJson(const std::optional<double>& value) { return value && std::isfinite(*value) ? Json(*value) : Json(); }

Json ToJson(const Report& report) {
  Json json = Json::Make(
      {{"format_version", kReportFormatVersion},
       {"model", report.model},
       {"label", report.label},
       {"problem", goals::ProblemName(report.problem)},
       {"data", Json::Make({{"digest", report.data_digest}, {"from", report.from}, {"until", report.until}})},
       {"threshold", report.problem == goals::Problem::kBinaryClassification ? Json(report.threshold) : Json()},
       {"confidence", report.confidence},
       {"replicates", report.replicates},
       {"seed", report.seed},
       {"block", report.block},
       {"counts", CountsJson(report.counts)},
       {"overall", MetricsJson(report.overall)},
       {"no_model", BaselineJson(report.no_model)},
       {"trivial_model", BaselineJson(report.trivial_model)},
       {"rule_cost", NumberJson(report.rule_cost)},
       {"cost", NumberJson(report.cost)},
       {"currency", report.currency},
       {"slices", ListJson(report.slices, SliceJson)},
       {"curve", ListJson(report.curve, PointJson)},
       {"calibration", ListJson(report.calibration, BinJson)}});
  if (!report.draws.empty()) json["draws"] = DrawsJson(report.draws);
  if (report.problem == goals::Problem::kMulticlassClassification) {
    json["classes"] = ListJson(report.classes, ClassJson);
    json["confusion"] = ListJson(report.confusion, ConfusionJson);
  } else if (report.problem == goals::Problem::kRegression) {
    json["errors"] = ListJson(report.errors, ErrorJson);
    json["fit"] = ListJson(report.fit, FitJson);
  }
  return json;
}

Result<Report> ReportFromJson(const Json& json) {
  TRY(CheckFormat(json));
  Report report;
  report.model = json.StringOr("model", "");
  report.label = json.StringOr("label", "");
  report.problem = TRY(ReadProblem(json));
  if (const Json* data = json.Find("data")) {
    report.data_digest = data->StringOr("digest", "");
    report.from = data->StringOr("from", "");
    report.until = data->StringOr("until", "");
  }
  if (report.problem == goals::Problem::kBinaryClassification) {
    report.threshold = TRY(json.GetDouble("threshold").In("report"));
  }
  report.confidence = TRY(json.GetDouble("confidence").In("report"));
  if (!(report.confidence >= 0 && report.confidence <= 1)) {
    return InvalidArgument("report: confidence is ", report.confidence, ", which is no share from 0 to 1");
  }
  report.replicates = static_cast<int>(std::clamp<std::int64_t>(json.IntOr("replicates", 0), 0, 1'000'000));
  report.seed = static_cast<std::uint64_t>(json.IntOr("seed", 0));
  report.block = json.StringOr("block", "");
  report.counts = TRY(ReadCounts(json));
  report.overall = TRY(ReadMetrics(json, "overall"));
  TRY(ReadDraws(json, report));
  report.no_model = TRY(ReadBaseline(json, "no_model"));
  report.trivial_model = TRY(ReadBaseline(json, "trivial_model"));
  report.rule_cost = ReadNumber(json, "rule_cost");
  report.cost = ReadNumber(json, "cost");
  report.currency = json.StringOr("currency", "");
  for (const Json& slice : *TRY(ReadList(json, "slices", kSlicesMax))) report.slices.push_back(TRY(ReadSlice(slice)));
  for (const Json& point : *TRY(ReadList(json, "curve", kCurvePointsMax))) report.curve.push_back(ReadPoint(point));
  for (const Json& bin : *TRY(ReadList(json, "calibration", kMassBins))) report.calibration.push_back(ReadBin(bin));
  for (const Json& one : *TRY(ReadList(json, "classes", kClassesMax))) report.classes.push_back(TRY(ReadClass(one)));
  for (const Json& row : *TRY(ReadList(json, "confusion", kClassesMax))) {
    report.confusion.push_back(ReadConfusion(row));
  }
  TRY(CheckConfusion(report));
  for (const Json& one : *TRY(ReadList(json, "errors", kFitBinsMax))) report.errors.push_back(ReadError(one));
  for (const Json& bin : *TRY(ReadList(json, "fit", kFitBinsMax))) report.fit.push_back(ReadFit(bin));
  return report;
}

}  // namespace mw::evaluation
