// Findings as JSON, and their order.
#include "monitoring/finding.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "base/text.h"

namespace mw::monitoring {
namespace {

constexpr std::array<std::string_view, 13> kKindNames = {
    "missing", "wrong_type", "infinite", "out_of_range", "new_category",     "constant",         "scaled",
    "stale",   "volume",     "no_data",  "drift",        "prediction_drift", "attribution_drift"};
constexpr std::array<std::string_view, 7> kStateNames = {"ok",      "warning",          "alert", "insufficient_data",
                                                         "no_data", "baseline_missing", "error"};

Result<FindingKind> KindFromName(std::string_view name) {
  const auto found = std::find(kKindNames.begin(), kKindNames.end(), name);
  if (found == kKindNames.end()) return InvalidArgument(Quoted(name), " is no kind of finding");
  return static_cast<FindingKind>(found - kKindNames.begin());
}

}  // namespace

std::string_view Name(FindingKind kind) { return kKindNames[static_cast<std::size_t>(kind)]; }
std::string Name(const Slice& slice) { return Cat(slice.column, "=", slice.value); }
std::string_view Name(Severity severity) { return severity == Severity::kAlert ? "alert" : "note"; }
std::string_view Name(State state) { return kStateNames[static_cast<std::size_t>(state)]; }

Result<State> StateFromName(std::string_view name) {
  const auto found = std::find(kStateNames.begin(), kStateNames.end(), name);
  if (found == kStateNames.end()) return InvalidArgument(Quoted(name), " is no state of a window");
  return static_cast<State>(found - kStateNames.begin());
}

Json ToJson(const Finding& finding) {
  Json slice;
  if (finding.slice) slice = Json::Make({{"column", finding.slice->column}, {"value", finding.slice->value}});
  Json columns = Json::MakeArray();
  for (const std::string& column : finding.columns) columns.Append(column);
  return Json::Make({{"window", Json::Make({{"from", FormatTime(finding.from)}, {"to", FormatTime(finding.until)}})},
                     {"kind", Name(finding.kind)},
                     {"column", finding.columns.empty() ? Json() : Json(finding.columns.front())},
                     {"columns", std::move(columns)},
                     {"value", finding.value},
                     {"threshold", finding.threshold},
                     {"floor", finding.floor},
                     {"floor_method", Name(finding.floor_method)},
                     {"severity", Name(finding.severity)},
                     {"impact", finding.impact},
                     {"slice", std::move(slice)},
                     {"sentence", finding.sentence}});
}

Result<Finding> FindingFromJson(const Json& json) {
  Finding out;
  out.kind = TRY(KindFromName(json.StringOr("kind", "")));
  if (const Json* columns = json.Find("columns"); columns != nullptr && columns->IsArray()) {
    for (const Json& column : columns->AsArray()) {
      if (column.IsString()) out.columns.push_back(column.AsString());
    }
  }
  out.value = json.DoubleOr("value", 0);
  out.threshold = json.DoubleOr("threshold", 0);
  out.floor = json.DoubleOr("floor", 0);
  out.floor_method = json.StringOr("floor_method", "") == "blocks" ? FloorMethod::kBlocks : FloorMethod::kFormula;
  out.severity = json.StringOr("severity", "") == "alert" ? Severity::kAlert : Severity::kNote;
  out.impact = json.DoubleOr("impact", 0);
  out.sentence = json.StringOr("sentence", "");
  if (const Json* slice = json.Find("slice"); slice != nullptr && slice->IsObject()) {
    out.slice = Slice{slice->StringOr("column", ""), slice->StringOr("value", "")};
  }
  const Json* window = json.Find("window");
  if (window == nullptr) return InvalidArgument("a finding without its window");
  out.from = TRY(ParseTime(window->StringOr("from", "")));
  out.until = TRY(ParseTime(window->StringOr("to", "")));
  return out;
}

void RankFindings(std::vector<Finding>& findings) {
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    return std::tuple(-static_cast<int>(a.severity), -a.impact, a.columns) <
           std::tuple(-static_cast<int>(b.severity), -b.impact, b.columns);
  });
}

}  // namespace mw::monitoring
