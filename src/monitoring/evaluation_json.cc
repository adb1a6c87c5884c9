// Evaluations to JSON and back.
#include "monitoring/evaluation_json.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace mw::monitoring {
namespace {

Json OrNull(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

std::optional<double> Optional(const Json& json, std::string_view key) {
  const Json* value = json.Find(key);
  if (value == nullptr || !value->IsNumber()) return std::nullopt;
  return value->AsDouble();
}

Result<Cell> CellFromJson(const Json& json) {
  Cell out;
  out.column = TRY(json.GetString("column"));
  out.kind = json.StringOr("kind", "") == "category" ? ColumnKind::kCategory : ColumnKind::kNumber;
  out.state = TRY(StateFromName(json.StringOr("state", "")));
  out.comparison.jensen_shannon = json.DoubleOr("jsd", 0);
  out.comparison.l_infinity = json.DoubleOr("l_infinity", 0);
  out.comparison.wasserstein = Optional(json, "wasserstein");
  out.comparison.floor.value = json.DoubleOr("floor", 0);
  out.comparison.floor.method =
      json.StringOr("floor_method", "") == "blocks" ? FloorMethod::kBlocks : FloorMethod::kFormula;
  out.comparison.missing = json.DoubleOr("missing", 0);
  out.comparison.baseline_missing = json.DoubleOr("baseline_missing", 0);
  out.threshold = json.DoubleOr("threshold", 0);
  out.exceeds = json.BoolOr("exceeds", false);
  out.windows_in_a_row = static_cast<int>(json.IntOr("windows_in_a_row", 0));
  out.attribution = Optional(json, "attribution");
  return out;
}

Json TimeOrNull(Timestamp at) { return at == Timestamp() ? Json() : Json(FormatTime(at)); }

Timestamp TimeOr(const Json& json, std::string_view key) {
  const Result<Timestamp> at = ParseTime(json.StringOr(key, ""));
  return at.ok() ? *at : Timestamp();
}

BaselineSummary BaselineFromJson(const Json& json) {
  BaselineSummary out;
  out.source = json.StringOr("source", "");
  out.from = TimeOr(json, "from");
  out.until = TimeOr(json, "to");
  out.rows = json.DoubleOr("rows", 0);
  out.blocks = static_cast<std::size_t>(std::max<std::int64_t>(0, json.IntOr("blocks", 0)));
  out.reason = json.StringOr("reason", "");
  return out;
}

Result<SliceCell> SliceFromJson(const Json& json) {
  SliceCell out;
  out.slice.column = TRY(json.GetString("column"));
  out.slice.value = TRY(json.GetString("value"));
  out.state = TRY(StateFromName(json.StringOr("state", "")));
  out.rows = json.DoubleOr("rows", 0);
  const Json* streaks = json.Find("windows_in_a_row");
  if (streaks == nullptr || !streaks->IsObject()) return out;
  for (const auto& [column, windows] : streaks->AsObject()) {
    if (windows.IsInt()) out.windows_in_a_row[column] = static_cast<int>(windows.AsInt());
  }
  return out;
}

}  // namespace

Json ToJson(const BaselineSummary& baseline) {
  return Json::Make({{"source", baseline.source},
                     {"from", TimeOrNull(baseline.from)},
                     {"to", TimeOrNull(baseline.until)},
                     {"rows", static_cast<std::int64_t>(baseline.rows)},
                     {"blocks", static_cast<std::int64_t>(baseline.blocks)},
                     {"reason", baseline.reason.empty() ? Json() : Json(baseline.reason)}});
}

Json ToJson(const SliceCell& slice) {
  Json streaks = Json::MakeObject();
  for (const auto& [column, windows] : slice.windows_in_a_row) streaks[column] = windows;
  return Json::Make({{"column", slice.slice.column},
                     {"value", slice.slice.value},
                     {"state", Name(slice.state)},
                     {"rows", static_cast<std::int64_t>(slice.rows)},
                     {"windows_in_a_row", std::move(streaks)}});
}

Json ToJson(const Cell& cell) {
  const bool empty = cell.state == State::kInsufficientData;
  const Comparison& comparison = cell.comparison;
  return Json::Make({{"column", cell.column},
                     {"kind", cell.kind == ColumnKind::kCategory ? "category" : "number"},
                     {"state", Name(cell.state)},
                     {"jsd", empty ? Json() : Json(comparison.jensen_shannon)},
                     {"l_infinity", empty ? Json() : Json(comparison.l_infinity)},
                     {"wasserstein", OrNull(comparison.wasserstein)},
                     {"floor", comparison.floor.value},
                     {"floor_method", Name(comparison.floor.method)},
                     {"threshold", cell.threshold},
                     {"missing", comparison.missing},
                     {"baseline_missing", comparison.baseline_missing},
                     {"exceeds", cell.exceeds},
                     {"windows_in_a_row", cell.windows_in_a_row},
                     {"attribution", OrNull(cell.attribution)}});
}

Json ToJson(const Evaluation& evaluation) {
  Json features = Json::MakeArray();
  for (const Cell& cell : evaluation.features) features.Append(ToJson(cell));
  Json findings = Json::MakeArray();
  for (const Finding& finding : evaluation.findings) findings.Append(ToJson(finding));
  Json slices = Json::MakeArray();
  for (const SliceCell& slice : evaluation.slices) slices.Append(ToJson(slice));
  return Json::Make({{"from", FormatTime(evaluation.from)},
                     {"to", FormatTime(evaluation.until)},
                     {"closed", evaluation.closed},
                     {"state", Name(evaluation.state)},
                     {"rows", evaluation.rows},
                     {"baseline", ToJson(evaluation.baseline)},
                     {"predictions_mean", OrNull(evaluation.predictions_mean)},
                     {"features", std::move(features)},
                     {"prediction", evaluation.prediction ? ToJson(*evaluation.prediction) : Json()},
                     {"attribution_windows_in_a_row", evaluation.attribution_windows_in_a_row},
                     {"slices", std::move(slices)},
                     {"findings", std::move(findings)}});
}

Result<Evaluation> EvaluationFromJson(const Json& json) {
  Evaluation out;
  out.from = TRY(ParseTime(json.StringOr("from", "")));
  out.until = TRY(ParseTime(json.StringOr("to", "")));
  out.closed = json.BoolOr("closed", true);
  out.state = TRY(StateFromName(json.StringOr("state", "")));
  out.rows = json.DoubleOr("rows", 0);
  out.predictions_mean = Optional(json, "predictions_mean");
  out.attribution_windows_in_a_row = static_cast<int>(json.IntOr("attribution_windows_in_a_row", 0));
  const Json* features = json.Find("features");
  const Json* findings = json.Find("findings");
  if (features == nullptr || !features->IsArray() || findings == nullptr || !findings->IsArray()) {
    return InvalidArgument("an evaluation without features and findings");
  }
  for (const Json& cell : features->AsArray()) out.features.push_back(TRY(CellFromJson(cell)));
  for (const Json& finding : findings->AsArray()) out.findings.push_back(TRY(FindingFromJson(finding)));
  if (const Json* baseline = json.Find("baseline"); baseline != nullptr) out.baseline = BaselineFromJson(*baseline);
  if (const Json* slices = json.Find("slices"); slices != nullptr && slices->IsArray()) {
    for (const Json& slice : slices->AsArray()) out.slices.push_back(TRY(SliceFromJson(slice)));
  }
  if (const Json* prediction = json.Find("prediction"); prediction != nullptr && prediction->IsObject()) {
    out.prediction = TRY(CellFromJson(*prediction));
  }
  return out;
}

std::string StreaksOf(const Evaluation& evaluation) {
  std::string out;
  for (const Cell& cell : evaluation.features) CatTo(out, cell.windows_in_a_row, ",");
  CatTo(out, evaluation.prediction ? evaluation.prediction->windows_in_a_row : 0, ",");
  CatTo(out, evaluation.attribution_windows_in_a_row);
  for (const SliceCell& slice : evaluation.slices) {
    if (slice.windows_in_a_row.empty()) continue;
    CatTo(out, ";", Name(slice.slice));
    for (const auto& [column, windows] : slice.windows_in_a_row) CatTo(out, ",", column, ":", windows);
  }
  return out;
}

}  // namespace mw::monitoring
