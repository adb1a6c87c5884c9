// Building the encoder, and the sentences for what it refuses.
#include "schema/encoder.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace mw::schema {
namespace {

std::string_view Expected(ColumnType type) {
  switch (type) {
    case ColumnType::kFloat: return "a number";
    case ColumnType::kInteger: return "a whole number";
    case ColumnType::kBoolean: return "true or false";
    case ColumnType::kCategory: return "a text, one of its categories";
    case ColumnType::kText:
    case ColumnType::kTimestamp: break;  // never a feature: Make refuses them
  }
  return "nothing";
}

Result<Column> FeatureColumn(const Schema& schema, const std::string& feature) {
  const Column* column = schema.Find(feature);
  if (column == nullptr) {
    std::vector<std::string_view> names;
    for (const Column& known : schema.columns) names.push_back(known.name);
    const std::string_view nearest = Nearest(feature, names);
    return InvalidArgument("feature ", Quoted(feature), " is no column of the schema",
                           nearest.empty() ? std::string() : Cat("; did you mean ", nearest, "?"));
  }
  if (!IsFeatureType(column->type)) {
    return InvalidArgument("feature ", Quoted(feature), " is of type ", TypeName(column->type),
                           "; a model takes float, integer, boolean and category");
  }
  if (column->type == ColumnType::kCategory && column->vocabulary.empty()) {
    return InvalidArgument("feature ", Quoted(feature), " is a category without a vocabulary; ",
                           "learn it from the training rows or write it into the schema");
  }
  return *column;
}

}  // namespace

Result<Encoder> Encoder::Make(const Schema& schema, const std::vector<std::string>& features) {
  Encoder encoder;
  encoder.names_ = NameTable(features);
  encoder.slots_.reserve(features.size());
  for (const std::string& feature : features) {
    if (encoder.names_.Find(feature) != static_cast<int>(encoder.slots_.size())) {
      return InvalidArgument("feature ", Quoted(feature), " is listed twice");
    }
    Column column = TRY(FeatureColumn(schema, feature));
    NameTable vocabulary(column.vocabulary);
    encoder.slots_.push_back({std::move(column), std::move(vocabulary)});
  }
  return encoder;
}

Error Encoder::UnknownFeature(std::string_view name) const {
  const std::vector<std::string_view> known(feature_names().begin(), feature_names().end());
  const std::string_view nearest = Nearest(name, known);
  if (!nearest.empty())
    return InvalidArgument("the model has no column ", Quoted(name), "; did you mean ", Quoted(nearest), "?");
  return InvalidArgument("the model has no column ", Quoted(name), "; its columns: ", Join(feature_names(), ", "));
}

Error Encoder::AbsentFeature(int feature) const {
  const Column& absent = column(feature);
  return InvalidArgument("column ", Quoted(absent.name), " is missing; expected ", Expected(absent.type),
                         absent.required ? "" : ", or null where the value is unknown");
}

Result<float> Encoder::EncodeOtherNumber(const Slot& slot, double value) {
  if (std::isnan(value) && slot.column.type != ColumnType::kCategory) {
    if (slot.column.required) return RequiredMissing(slot);
    return kMissing;
  }
  switch (slot.column.type) {
    case ColumnType::kInteger:
      if (value == std::trunc(value) && std::abs(value) <= std::numeric_limits<float>::max()) {
        return static_cast<float>(value);
      }
      break;
    case ColumnType::kBoolean:
      if (value == 0.0 || value == 1.0) return static_cast<float>(value);
      break;
    case ColumnType::kFloat:
      return InvalidArgument("column ", Quoted(slot.column.name), ": ", value, " is beyond the range of a float32");
    default: break;
  }
  return WrongType(slot, Cat(value));
}

Error Encoder::WrongType(const Slot& slot, std::string_view value) {
  return InvalidArgument("column ", Quoted(slot.column.name), ": ", value, " is not ", Expected(slot.column.type));
}

Error Encoder::WrongText(const Slot& slot, std::string_view value) { return WrongType(slot, Quoted(value)); }

Error Encoder::RequiredMissing(const Slot& slot) {
  return InvalidArgument("column ", Quoted(slot.column.name), " is required and has no value; expected ",
                         Expected(slot.column.type));
}

}  // namespace mw::schema
