// Faults by name become effects by column.
#include "steps/replay_fault.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace mw::steps {
namespace {

constexpr std::string_view kForms = "a fault is missing=COLUMN, drop=TABLE or scale=COLUMN:FACTOR";

Result<ReplayFault> ParseScale(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const auto factor = colon == std::string_view::npos ? std::nullopt : ParseDouble(text.substr(colon + 1));
  if (!factor || !std::isfinite(*factor)) {
    return InvalidArgument("scale=", text, " lacks its factor; write scale=COLUMN:FACTOR, e.g. scale=temp:1.8");
  }
  return ReplayFault{ReplayFault::Kind::kScale, std::string(text.substr(0, colon)), *factor};
}

Status CheckInput(const std::string& column, const std::vector<std::string>& inputs) {
  if (std::find(inputs.begin(), inputs.end(), column) != inputs.end()) return Ok();
  const std::string_view nearest = Nearest(column, {inputs.begin(), inputs.end()});
  return InvalidArgument(
      "the model takes no column ", Quoted(column),
      nearest.empty() ? Cat("; it takes ", Join(inputs, ", ")) : Cat("; did you mean ", Quoted(nearest), "?"));
}

bool IsNumeric(const data::Dataset& dataset, std::string_view name) {
  const auto found = std::find_if(dataset.columns.begin(), dataset.columns.end(),
                                  [name](const schema::Column& column) { return column.name == name; });
  return found != dataset.columns.end() &&
         (found->type == schema::ColumnType::kFloat || found->type == schema::ColumnType::kInteger);
}

/// The columns that a table brings and the model takes.
Result<std::vector<std::string>> ColumnsOf(const std::string& table, const data::Dataset& dataset,
                                           const std::vector<std::string>& inputs) {
  const auto found = dataset.origins.find(table);
  if (found == dataset.origins.end()) {
    std::vector<std::string> tables;
    for (const auto& [name, columns] : dataset.origins) tables.push_back(name);
    return InvalidArgument("cannot drop ", Quoted(table), ": the dataset says of ",
                           tables.empty() ? std::string("no table") : Join(tables, ", "),
                           " which columns it brings; name columns instead: missing=COLUMN");
  }
  std::vector<std::string> columns;
  for (const std::string& column : found->second) {
    if (std::find(inputs.begin(), inputs.end(), column) != inputs.end()) columns.push_back(column);
  }
  if (columns.empty()) return InvalidArgument("the model takes no column of ", Quoted(table));
  return columns;
}

}  // namespace

Result<ReplayFault> ParseFault(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::string_view kind = text.substr(0, equals);
  const std::string_view rest = equals == std::string_view::npos ? std::string_view() : text.substr(equals + 1);
  if (rest.empty()) return InvalidArgument("the fault ", Quoted(text), " names nothing; ", kForms);
  if (kind == "missing") return ReplayFault{ReplayFault::Kind::kMissing, std::string(rest)};
  if (kind == "drop") return ReplayFault{ReplayFault::Kind::kDrop, std::string(rest)};
  if (kind == "scale") return ParseScale(rest);
  return InvalidArgument("no fault is called ", Quoted(kind), "; ", kForms);
}

Result<FaultPlan> FaultPlan::Make(const std::vector<ReplayFault>& faults, const data::Dataset& dataset,
                                  const std::vector<std::string>& inputs) {
  FaultPlan plan;
  for (const ReplayFault& fault : faults) {
    if (fault.kind == ReplayFault::Kind::kDrop) {
      const std::vector<std::string> columns = TRY(ColumnsOf(fault.name, dataset, inputs));
      for (const std::string& column : columns) plan.effects_[column].missing = true;
      plan.sentences_.push_back(Cat(fault.name, " dropped: ", Join(columns, ", "), " missing"));
      continue;
    }
    TRY(CheckInput(fault.name, inputs));
    if (fault.kind == ReplayFault::Kind::kMissing) {
      plan.effects_[fault.name].missing = true;
      plan.sentences_.push_back(Cat(fault.name, " missing"));
      continue;
    }
    if (!IsNumeric(dataset, fault.name)) return InvalidArgument(Quoted(fault.name), " is no number to be scaled");
    plan.effects_[fault.name].factor *= fault.factor;
    plan.sentences_.push_back(Cat(fault.name, " multiplied by ", fault.factor));
  }
  return plan;
}

FaultPlan::Effect FaultPlan::Of(std::string_view column) const {
  const auto found = effects_.find(column);
  return found == effects_.end() ? Effect{} : found->second;
}

}  // namespace mw::steps
