// Tables from JSON answers.
#include "app/cli/comparison_text.h"

#include <cmath>
#include <set>
#include <vector>

#include "base/text.h"
#include "base/text_table.h"

namespace mw::app::cli {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string Number(const Json& json, std::string_view key) {
  const Json* value = json.Find(key);
  if (value == nullptr || !value->IsNumber()) return "-";
  const double number = value->AsDouble();
  const bool whole = std::floor(number) == number && std::abs(number) < 1e9;
  return whole ? WithThousands(static_cast<long long>(number)) : Fixed(number, std::abs(number) < 10 ? 4 : 1);
}

std::string Interval(const Json& json, std::string_view low, std::string_view high) {
  const Json* from = json.Find(low);
  if (from == nullptr || !from->IsNumber()) return "";
  return Cat("[", Number(json, low), ", ", Number(json, high), "]");
}

/// A value in a cell: long digests and texts are cut.
std::string Cell(const Json& json, std::string_view key) {
  std::string text = json.StringOr(key, "-");
  for (char& c : text) c = c == '\n' || c == '\t' ? ' ' : c;
  if (text.starts_with("sha256:")) return text.substr(0, 15);
  if (text.size() <= 34) return text;
  std::size_t end = 31;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

/// In a line of its own: what follows a line break in a parameter's value would be a command.
std::string Comment(const Json& line) {
  std::string text;
  for (const char c : line.AsString()) text += c == '\n' ? std::string("\\n") : std::string(1, c);
  return text;
}

std::string Side(const Json& comparison, std::string_view key) {
  const Json* side = comparison.Find(key);
  if (side == nullptr) return std::string(key);
  const std::string name = side->StringOr("name", "");
  const std::string reference = side->StringOr("ref", "");
  return Cat(reference, name.empty() || name == reference ? "" : Cat(" (", name, ")"), ", ",
             side->StringOr("created", "").substr(0, 19));
}

std::string MetricsPart(const Json& comparison) {
  Rows rows = {{"metric", "a", "b", "b - a", "interval", ""}};
  for (const Json& one : comparison.ListOrEmpty("metrics")) {
    const Json* low = one.Find("low");
    const bool sure = low != nullptr && low->IsNumber() && (low->AsDouble() > 0 || one.DoubleOr("high", 0) < 0);
    rows.push_back({one.StringOr("metric", ""), Number(one, "a"), Number(one, "b"), Number(one, "difference"),
                    Interval(one, "low", "high"),
                    low != nullptr && low->IsNumber() ? (sure ? "differs" : "within chance")
                                                      : Cat("no interval: ", one.StringOr("reason", ""))});
  }
  return rows.size() > 1 ? TextTable(rows) : "no metrics\n";
}

std::string DataPart(const Json& comparison, bool all) {
  Rows rows = {{"data", "", "a", "b", "rows a", "rows b"}};
  std::string drift;
  std::size_t same = 0;
  for (const Json& one : comparison.ListOrEmpty("data")) {
    const std::string state = one.StringOr("state", "");
    if (state == "same") ++same;
    if (state == "same" && !all) continue;
    const Json *a = one.Find("a"), *b = one.Find("b");
    const Json none = Json::MakeObject();
    const Json &left = a != nullptr && a->IsObject() ? *a : none, &right = b != nullptr && b->IsObject() ? *b : none;
    rows.push_back({one.StringOr("name", ""), state, Cell(left, "digest"), Cell(right, "digest"), Number(left, "rows"),
                    Number(right, "rows")});
    Rows columns = {{Cat("  drift of ", one.StringOr("name", "")), "distance", "a", "b"}};
    for (const Json& column : one.ListOrEmpty("drift")) {
      columns.push_back({Cat("  ", column.StringOr("column", "")), Fixed(column.DoubleOr("distance", 0), 3),
                         column.StringOr("a", ""), column.StringOr("b", "")});
    }
    if (columns.size() > 1) CatTo(drift, "\n", TextTable(columns));
  }
  if (rows.size() == 1 && same == 0) return "";
  const std::string count = same == 0 || all ? "" : Cat("data: ", same, " the same\n");
  return Cat("\n", rows.size() > 1 ? TextTable(rows) : "", count, drift);
}

std::string TextsPart(const Json& comparison, const std::string& part, bool all) {
  Rows rows = {{part, "", "a", "b"}};
  std::size_t same = 0;
  for (const Json& one : comparison.ListOrEmpty(part)) {
    const std::string state = one.StringOr("state", "");
    if (state == "same") ++same;
    if (state == "same" && !all) continue;
    rows.push_back({one.StringOr("name", ""), state, Cell(one, "a"), Cell(one, "b")});
  }
  if (rows.size() == 1 && same == 0) return "";
  const std::string count = same == 0 || all ? "" : Cat(part, ": ", same, " the same\n");
  return Cat("\n", rows.size() > 1 ? TextTable(rows) : "", count);
}

/// "flights, dataset sha256:01234567"
std::string ArtifactName(const Json& artifact) {
  const std::string title = artifact.StringOr("name", "");
  return title.empty() ? Cell(artifact, "digest") : title;
}

std::string Names(const Json::Array& names) {
  std::vector<std::string> texts;
  for (const Json& name : names) texts.push_back(name.IsString() ? name.AsString() : name.Dump());
  return texts.empty() ? "none" : Join(texts, ", ");
}

std::string Reference(const Json& answer) {
  const Json* of = answer.Find("of");
  return of == nullptr ? "" : of->StringOr("ref", "");
}

/// What else the same name has meant.
std::string DigestsPart(const Json& answer) {
  const Json* of = answer.Find("of");
  if (of == nullptr || of->ListOrEmpty("digests").empty()) return "";
  const Json::Array& chosen = of->ListOrEmpty("artifacts");
  Rows rows = {{"", "digest", "recorded (UTC)", "runs"}};
  for (const Json& one : of->ListOrEmpty("digests")) {
    const std::string id = one.StringOr("artifact", "");
    const bool here = !chosen.empty() && chosen.front().IsString() && chosen.front().AsString() == id;
    const std::string runs = Names(one.ListOrEmpty("runs"));
    rows.push_back({here ? "this" : "", Cell(one, "digest"), one.StringOr("created", "").substr(0, 19),
                    one.BoolOr("more_runs", false) ? Cat(runs, ", ...") : runs});
  }
  return Cat("\ndigests of that name, newest first; TYPE:TITLE@DIGEST names one\n", TextTable(rows));
}

std::string Cut(const Json& answer) {
  return answer.BoolOr("truncated", false) ? "there is more: the walk was cut at its nearest artifacts\n" : "";
}

}  // namespace

std::string ComparisonText(const Json& comparison, bool all) {
  std::string text = Cat("a  ", Side(comparison, "a"), "\nb  ", Side(comparison, "b"), "\n\n");
  for (const Json& sentence : comparison.ListOrEmpty("summary")) CatTo(text, "- ", sentence.AsString(), "\n");
  CatTo(text, "\n", MetricsPart(comparison), DataPart(comparison, all));
  for (const char* part : {"code", "config", "environment", "hardware"}) text += TextsPart(comparison, part, all);
  return text;
}

std::string OriginText(const Json& origin) {
  Rows data = {{"made of", "type", "digest"}};
  for (const Json& artifact : origin.ListOrEmpty("data")) {
    data.push_back({ArtifactName(artifact), artifact.StringOr("type", ""), Cell(artifact, "digest")});
  }
  Rows steps = {{"by", "what", "state", "at (UTC)", "code"}};
  for (const Json& execution : origin.ListOrEmpty("executions")) {
    steps.push_back({execution.StringOr("name", ""), execution.StringOr("type", ""), execution.StringOr("state", ""),
                     execution.StringOr("started", "").substr(0, 19), Cell(execution, "code_version")});
  }
  return Cat(Reference(origin), "\n\n", data.size() > 1 ? TextTable(data) : "made of nothing that is recorded\n", "\n",
             steps.size() > 1 ? TextTable(steps) : "", "\nruns: ", Names(origin.ListOrEmpty("runs")), "\n",
             DigestsPart(origin), Cut(origin));
}

std::string ImpactText(const Json& impact) {
  std::string text = Cat(Reference(impact), " reached ", impact.IntOr("artifacts", 1) - 1, " artifacts\n\n");
  Rows endpoints = {{"live endpoint", "answers with", "as"}};
  for (const Json& one : impact.ListOrEmpty("endpoints")) {
    endpoints.push_back({one.StringOr("endpoint", ""), Cat(one.StringOr("model", ""), " ", one.IntOr("version", 0)),
                         one.StringOr("role", "")});
  }
  std::vector<std::string> versions;
  for (const Json& one : impact.ListOrEmpty("versions")) {
    versions.push_back(Cat(one.StringOr("model", ""), "@", one.IntOr("version", 0)));
  }
  CatTo(text, endpoints.size() > 1 ? TextTable(endpoints) : "no live endpoint\n",
        "\nversions: ", versions.empty() ? "none" : Join(versions, ", "), "\nruns: ", Names(impact.ListOrEmpty("runs")),
        "\n", DigestsPart(impact), Cut(impact));
  return text;
}

std::string RecordsText(const Json& graph) {
  std::set<std::string> makers;
  for (const Json& event : graph.ListOrEmpty("events")) {
    if (event.StringOr("direction", "") == "output") makers.insert(event.StringOr("execution", ""));
  }
  Rows rows = {{"recorded", "by", "at (UTC)", "note"}};
  for (const Json& execution : graph.ListOrEmpty("executions")) {
    const Json* metadata = execution.Find("metadata");
    const std::string by = metadata == nullptr ? "" : metadata->StringOr("by", "");
    if (by.empty() || makers.contains(execution.StringOr("id", ""))) continue;
    rows.push_back({execution.StringOr("type", ""), by, execution.StringOr("started", "").substr(0, 19),
                    metadata->StringOr("note", "")});
  }
  return rows.size() > 1 ? Cat("\n", TextTable(rows)) : "";
}

std::string RecipeText(const Json& recipe) {
  std::string text;
  for (const Json& line : recipe.ListOrEmpty("missing")) CatTo(text, "# missing: ", Comment(line), "\n");
  for (const Json& line : recipe.ListOrEmpty("notes")) CatTo(text, "# ", Comment(line), "\n");
  for (const Json& line : recipe.ListOrEmpty("commands")) CatTo(text, line.AsString(), "\n");
  return text;
}

}  // namespace mw::app::cli
