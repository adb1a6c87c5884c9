// Labels from JSON.
#include "wire/label_text.h"

#include <algorithm>
#include <array>

#include "base/clock.h"
#include "base/text.h"

namespace mw::wire {
namespace {

constexpr std::array<std::string_view, 4> kKeys = {"prediction_id", "key", "label", "time"};

Status CheckKeys(const Json& json) {
  if (!json.IsObject()) return InvalidArgument("it is ", Quoted(json.Dump()), ", not an object");
  for (const auto& [key, value] : json.AsObject()) {
    bool known = false;
    for (const std::string_view name : kKeys) known = known || key == name;
    if (!known) return InvalidArgument("unknown key ", Quoted(key), "; known are prediction_id or key, label, time");
  }
  return Ok();
}

Status ReadValue(const Json& json, Label& label) {
  const Json* value = json.Find("label");
  if (value == nullptr) return InvalidArgument("\"label\" is missing");
  if (value->IsBool()) {
    label.value = value->AsBool() ? 1.0 : 0.0;
  } else if (value->IsNumber()) {
    label.value = value->AsDouble();
  } else if (value->IsString() && !value->AsString().empty()) {
    label.text = value->AsString();
  } else {
    return InvalidArgument("\"label\" is ", Quoted(value->Dump()),
                           "; it must be a number, true or false, or a class's name");
  }
  return Ok();
}

}  // namespace

Result<Label> LabelFromJson(const Json& json) {
  TRY(CheckKeys(json));
  const bool by_id = json.Find("prediction_id") != nullptr;
  if (by_id == (json.Find("key") != nullptr)) {
    return InvalidArgument("a label has either \"prediction_id\" or \"key\"");
  }
  Label label;
  label.by = by_id ? LabelBy::kPrediction : LabelBy::kKey;
  label.id = TRY(json.GetString(by_id ? "prediction_id" : "key"));
  TRY(ReadValue(json, label));
  if (const Json* time = json.Find("time"); time != nullptr && !time->IsNull()) {
    label.time_us = ToMicros(TRY(ParseTime(TRY(json.GetString("time"))).In("\"time\"")));
  }
  TRY(CheckLabel(label));
  return label;
}

Result<std::vector<Label>> LabelsFromJson(const Json& json) {
  if (!json.IsArray()) return InvalidArgument("\"labels\" must be an array");
  std::vector<Label> labels;
  labels.reserve(json.AsArray().size());
  for (const Json& label : json.AsArray()) {
    labels.push_back(TRY(LabelFromJson(label).In(Cat("label ", labels.size() + 1))));
  }
  return labels;
}

Result<std::vector<Label>> LabelsFromLines(std::string_view text) {
  std::vector<Label> labels;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = Trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty()) continue;
    const Json json = TRY(Json::Parse(line).In(Cat("line ", number)));
    labels.push_back(TRY(LabelFromJson(json).In(Cat("line ", number))));
  }
  return labels;
}

}  // namespace mw::wire
