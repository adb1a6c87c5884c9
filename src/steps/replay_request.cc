// Builds requests from chunks; what is the same in every request is put together once.
#include "steps/replay_request.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/clock.h"
#include "base/text.h"

namespace mw::steps {
namespace {

using data::IsText;
using schema::ColumnType;

std::string_view Datatype(ColumnType type) {
  switch (type) {
    case ColumnType::kInteger: return "INT64";
    case ColumnType::kBoolean: return "BOOL";
    case ColumnType::kCategory:
    case ColumnType::kText:
    case ColumnType::kTimestamp: return "BYTES";
    case ColumnType::kFloat: break;
  }
  return "FP64";
}

Result<std::vector<std::string>> InputNames(const Json& metadata) {
  const Json* inputs = metadata.Find("inputs");
  if (inputs == nullptr || !inputs->IsArray()) return InvalidArgument("the model's metadata names no inputs");
  std::vector<std::string> names;
  for (const Json& input : inputs->AsArray()) names.push_back(TRY(input.GetString("name")));
  return names;
}

}  // namespace

Result<ReplayRequest> ReplayRequest::Make(const Json& metadata, const data::Dataset& dataset, std::string_view host,
                                          std::string_view replay, std::string_view key,
                                          const std::vector<ReplayFault>& faults) {
  ReplayRequest request;
  request.replay_ = replay;
  const schema::Schema schema = dataset.AsSchema("");
  std::vector<std::string> absent;
  for (std::string& name : TRY(InputNames(metadata))) {
    const schema::Column* column = schema.Find(name);
    if (column == nullptr) {
      absent.push_back(Quoted(name));
      continue;
    }
    Input input{request.inputs_.empty() ? "{\"name\":" : ",{\"name\":", column->type, {}};
    AppendJsonString(input.head, name);
    CatTo(input.head, ",\"shape\":[1],\"datatype\":\"", Datatype(column->type), "\",\"data\":[");
    request.inputs_.push_back(std::move(input));
    request.columns_.push_back(std::move(name));
  }
  if (!absent.empty()) {
    return InvalidArgument("the model takes ", Join(absent, ", "), ", which the rows lack; replay the rows that the ",
                           "model's features were made of");
  }
  request.faults_ = TRY(FaultPlan::Make(faults, dataset, request.columns_));
  for (std::size_t i = 0; i < request.inputs_.size(); ++i) {
    request.inputs_[i].fault = request.faults_.Of(request.columns_[i]);
  }
  if (!schema.event_time.empty()) request.event_time_ = request.AddColumn(schema.event_time);
  const bool key_is_input =
      std::find(request.columns_.begin(), request.columns_.end(), schema.key) != request.columns_.end();
  if (const schema::Column* column = schema.Find(schema.key); column != nullptr) {
    request.key_type_ = column->type;
    request.key_ = request.AddColumn(schema.key);
    if (schema.key == key && !key_is_input) {
      request.key_head_ = ",{\"name\":";
      AppendJsonString(request.key_head_, schema.key);
      request.key_head_ += ",\"shape\":[1],\"datatype\":\"BYTES\",\"data\":[";
    }
  }
  if (const schema::Column* label = schema.Find(schema.label);
      label != nullptr && label->type != ColumnType::kTimestamp) {
    request.label_type_ = label->type;
    request.label_ = request.AddColumn(schema.label);
  }
  const Json* parameters = metadata.Find("parameters");
  request.has_classes_ = parameters != nullptr && parameters->Find("classes") != nullptr;
  if (!dataset.roles.known_at.empty()) request.known_at_ = request.AddColumn(dataset.roles.known_at);
  request.head_ = Cat("POST /v2/models/", metadata.StringOr("name", ""), "/infer HTTP/1.1\r\nHost: ", host,
                      "\r\nContent-Type: application/json\r\nContent-Length: ");
  return request;
}

int ReplayRequest::AddColumn(const std::string& name) {
  columns_.push_back(name);
  return static_cast<int>(columns_.size()) - 1;
}

void ReplayRequest::Append(const data::Chunk& chunk, std::size_t row, std::string& out) {
  const std::string key = Key(chunk, row);
  id_ = key.empty() ? Cat(replay_, "/", appended_) : event_time_ < 0 ? Cat(replay_, "/", key) : key;
  ++appended_;
  AppendBody(chunk, row, key);
  CatTo(out, head_, body_.size(), "\r\n\r\n");
  out += body_;
}

void ReplayRequest::AppendBody(const data::Chunk& chunk, std::size_t row, const std::string& key) {
  body_ = "{\"id\":";
  AppendJsonString(body_, id_);
  body_ += ',';
  if (event_time_ >= 0) {
    body_ += "\"parameters\":{\"event_time\":\"";
    body_ += FormatTime(FromMicros(EventTime(chunk, row)));
    body_ += "\"},";
  }
  body_ += "\"inputs\":[";
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    body_ += inputs_[i].head;
    AppendValue(chunk, i, row, inputs_[i], body_);
    body_ += "]}";
  }
  if (!key_head_.empty() && !key.empty()) {
    body_ += key_head_;
    AppendJsonString(body_, key);
    body_ += "]}";
  }
  body_ += "]}";
}

void ReplayRequest::AppendValue(const data::Chunk& chunk, std::size_t column, std::size_t row, const Input& input,
                                std::string& out) {
  if (input.fault.missing || chunk.IsMissing(column, row)) {
    out += "null";
    return;
  }
  switch (input.type) {
    case ColumnType::kCategory:
    case ColumnType::kText: return AppendJsonString(out, chunk.Texts(column)[row]);
    case ColumnType::kTimestamp: return AppendJsonString(out, FormatTime(FromMicros(chunk.Times(column)[row])));
    case ColumnType::kBoolean: out += chunk.Numbers(column)[row] != 0 ? "true" : "false"; return;
    case ColumnType::kInteger:
      return CatTo(out, static_cast<std::int64_t>(std::llround(chunk.Numbers(column)[row] * input.fault.factor)));
    case ColumnType::kFloat: return AppendJsonNumber(out, chunk.Numbers(column)[row] * input.fault.factor);
  }
}

/// Names are what the values of the label are as texts: so the model's classes were made, too.
wire::Label ReplayRequest::WordedLabel(const data::Chunk& chunk, std::size_t row) const {
  const auto column = static_cast<std::size_t>(label_);
  wire::Label label{wire::LabelBy::kPrediction, id_, 0, wire::kNoLabelTime};
  if (IsText(label_type_)) {
    label.text = chunk.Texts(column)[row];
    return label;
  }
  label.value = chunk.Numbers(column)[row];
  if (!has_classes_) return label;
  label.text = label_type_ == ColumnType::kBoolean ? (label.value != 0 ? "true" : "false") : Cat(label.value);
  label.value = 0;
  return label;
}

std::optional<wire::Label> ReplayRequest::LabelOf(const data::Chunk& chunk, std::size_t row) const {
  if (!has_labels() || chunk.IsMissing(static_cast<std::size_t>(label_), row)) return std::nullopt;
  wire::Label label = WordedLabel(chunk, row);
  if (label.text.empty() && IsText(label_type_)) return std::nullopt;  // a class without a name cannot be named
  if (known_at_ < 0) return label;
  const std::int64_t known = chunk.Times(static_cast<std::size_t>(known_at_))[row];
  if (known == data::Chunk::kMissingTime) return std::nullopt;
  label.time_us = known;
  return label;
}

std::int64_t ReplayRequest::EventTime(const data::Chunk& chunk, std::size_t row) const {
  return event_time_ < 0 ? data::Chunk::kMissingTime : chunk.Times(static_cast<std::size_t>(event_time_))[row];
}

std::string ReplayRequest::Key(const data::Chunk& chunk, std::size_t row) const {
  if (key_ < 0) return "";
  const auto column = static_cast<std::size_t>(key_);
  if (chunk.IsMissing(column, row)) return "";
  if (IsText(key_type_)) {
    return std::string(chunk.Texts(column)[row]);
  }
  return Cat(static_cast<std::int64_t>(chunk.Numbers(column)[row]));
}

}  // namespace mw::steps
