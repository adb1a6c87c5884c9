// One small check per kind of option; each says what to write instead.
#include "pipelines/step_options.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace mw::pipelines {
namespace {

using Kind = YamlNode::Kind;

bool IsScalar(const YamlNode& node) { return node.kind == Kind::kScalar; }

/// A time with its zone, or without one: then it is of the step's timezone, here taken as UTC.
std::optional<Timestamp> TimeOf(const YamlNode& node) {
  if (!IsScalar(node)) return std::nullopt;
  Result<Timestamp> time = ParseTime(node.scalar);
  if (!time.ok()) time = ParseTime(node.scalar + "Z");
  if (!time.ok()) return std::nullopt;
  return *time;
}

bool IsTimes(const YamlNode& node) {
  if (node.kind != Kind::kList || node.list.size() != 2) return false;
  const auto from = TimeOf(node.list[0]);
  const auto until = TimeOf(node.list[1]);
  return from && until && *from < *until;
}

bool IsTexts(const YamlNode& node) {
  return IsScalar(node) || (node.kind == Kind::kList && std::all_of(node.list.begin(), node.list.end(), IsScalar));
}

bool IsNumbersByName(const YamlNode& node) {
  return node.kind == Kind::kMap && std::all_of(node.map.begin(), node.map.end(), [](const auto& member) {
           return IsScalar(member.second) && ParseDouble(member.second.scalar).has_value();
         });
}

/// A path that stays beneath the pipeline file's folder, or an absolute one.
bool IsPath(const YamlNode& node) {
  if (!IsScalar(node) || node.scalar.empty()) return false;
  const auto parts = Split(node.scalar, '/');
  return std::find(parts.begin(), parts.end(), "..") == parts.end();
}

bool Fits(OptionKind kind, const YamlNode& node) {
  switch (kind) {
    case OptionKind::kText: return IsScalar(node);
    case OptionKind::kNumber: return IsScalar(node) && ParseDouble(node.scalar).has_value();
    case OptionKind::kWhole: return IsScalar(node) && ParseInt(node.scalar).has_value();
    case OptionKind::kBool: return IsScalar(node) && (node.scalar == "true" || node.scalar == "false");
    case OptionKind::kDuration: return IsScalar(node) && ParseDuration(node.scalar).ok();
    case OptionKind::kShare: return IsScalar(node) && ParseShare(node.scalar).ok();
    case OptionKind::kTime: return TimeOf(node).has_value();
    case OptionKind::kTimes: return IsTimes(node);
    case OptionKind::kDurationOrTimes: return IsTimes(node) || (IsScalar(node) && ParseDuration(node.scalar).ok());
    case OptionKind::kTexts: return IsTexts(node);
    case OptionKind::kNumbersByName: return IsNumbersByName(node);
    case OptionKind::kFile: return IsPath(node);
  }
  return false;
}

std::string_view Wanted(OptionKind kind) {
  switch (kind) {
    case OptionKind::kText: return "one value";
    case OptionKind::kNumber: return "a number";
    case OptionKind::kWhole: return "a whole number";
    case OptionKind::kBool: return "true or false";
    case OptionKind::kDuration: return "a duration like 14d";
    case OptionKind::kShare: return "a share like 95%";
    case OptionKind::kTime: return "a date like 2013-04-01 or a time with its zone";
    case OptionKind::kTimes: return "two times [from, until), the earlier first: [2013-01-01, 2013-04-01]";
    case OptionKind::kDurationOrTimes: return "a duration like 14d or two times [from, until)";
    case OptionKind::kTexts: return "a value or a list of values";
    case OptionKind::kNumbersByName: return "numbers by name: {roc_auc: 0.005}";
    case OptionKind::kFile: return "a path beneath the pipeline file's folder, without \"..\"";
  }
  return "";
}

std::string Shown(const YamlNode& node) {
  if (node.kind == Kind::kScalar) return Quoted(node.scalar);
  return Quoted(node.ToJson().Dump());
}

void CheckOne(const Option& option, const std::string& where, const YamlNode& value, Complaints& complaints) {
  if (Fits(option.kind, value)) return;
  complaints.Add(value.line, Cat(where, ": ", option.name, " is ", Shown(value), "; write ", Wanted(option.kind)));
}

void CheckNames(const BuiltInStep& built_in, const std::string& where, const YamlNode& with, Complaints& complaints) {
  std::vector<std::string_view> known;
  for (const Option& option : built_in.options) known.push_back(option.name);
  for (const auto& [key, value] : with.map) {
    const auto option = std::find_if(built_in.options.begin(), built_in.options.end(),
                                     [&name = key](const Option& o) { return o.name == name; });
    if (option != built_in.options.end()) {
      CheckOne(*option, where, value, complaints);
      continue;
    }
    const std::string_view nearest = Nearest(key, known);
    std::string remedy = nearest.empty() ? "; it knows: " : Cat("; did you mean ", nearest, "?");
    if (nearest.empty()) remedy += Join(std::vector<std::string>(known.begin(), known.end()), ", ");
    complaints.Add(value.line, Cat(where, ": the step ", built_in.name, " has no option ", Quoted(key), remedy));
  }
}

}  // namespace

void CheckOptions(const BuiltInStep& built_in, const std::string& where, int line, const YamlNode* with,
                  Complaints& complaints) {
  if (with != nullptr && with->kind != Kind::kMap) {
    complaints.Add(with->line, Cat(where, ": with: wants a map of options, {option: value}"));
    return;
  }
  if (built_in.files_as_outputs) {
    if (with == nullptr || with->map.empty()) {
      complaints.Add(line, Cat(where, ": name at least one file: with: {flights: data/flights.parquet}"));
      return;
    }
    for (const auto& [name, value] : with->map) CheckOne({name, OptionKind::kFile}, where, value, complaints);
    return;
  }
  if (with != nullptr) CheckNames(built_in, where, *with, complaints);
  for (const Option& option : built_in.options) {
    if (!option.required || (with != nullptr && with->Find(option.name) != nullptr)) continue;
    complaints.Add(
        line, Cat(where, ": the step ", built_in.name, " needs with: {", option.name, ": ...}, ", Wanted(option.kind)));
  }
}

}  // namespace mw::pipelines
