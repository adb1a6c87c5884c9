// One value, or a run of numbers.
#include "api/inference/json_cells.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "api/inference/json_errors.h"
#include "api/inference/row_layout.h"
#include "api/inference/tensor_values.h"
#include "base/text.h"

namespace mw::api::inference {
namespace {

using serving::Datatype;
using Kind = JsonScanner::Kind;

bool AreAllFloats(const schema::Encoder& encoder) {
  for (std::size_t i = 0; i < encoder.num_features(); ++i) {
    if (encoder.column(static_cast<int>(i)).type != schema::ColumnType::kFloat) return false;
  }
  return true;
}

std::string_view KindName(Kind kind) {
  switch (kind) {
    case Kind::kObject: return "an object";
    case Kind::kArray: return "a list";
    case Kind::kString: return "a string";
    case Kind::kNumber: return "a number";
    case Kind::kTrue: return "true";
    case Kind::kFalse: return "false";
    default: return "null";
  }
}

bool IsNumber(Datatype datatype) { return datatype != Datatype::kBytes && datatype != Datatype::kBool; }

}  // namespace

void JsonCells::Begin(const serving::Model& model) {
  model_ = &model;
  unknown_categories_ = 0;
  if (model.serial() == model_serial_) [[likely]]
    return;
  model_serial_ = model.serial();
  all_floats_ = AreAllFloats(model.encoder());
}

Result<float> JsonCells::ReadInColumn(JsonScanner& json, Datatype datatype, int feature) {
  const schema::Encoder& encoder = model_->encoder();
  const Kind kind = json.Peek();
  if (kind == Kind::kNumber && IsNumber(datatype)) {
    double value = 0;
    if (!json.ReadNumber(value)) return Scanned(json).error();
    if (!IsFloating(datatype) && value != std::floor(value)) [[unlikely]] {
      return InvalidArgument("column ", Quoted(encoder.column(feature).name), " holds ", value,
                             ", but its datatype is ", serving::DatatypeName(datatype));
    }
    return encoder.EncodeNumber(feature, value);
  }
  if (kind == Kind::kString && datatype == Datatype::kBytes) {
    std::string_view text;
    if (!json.ReadString(text)) return Scanned(json).error();
    Result<float> code = encoder.EncodeText(feature, text);
    if (code.ok() && std::isnan(*code)) ++unknown_categories_;
    return code;
  }
  if ((kind == Kind::kTrue || kind == Kind::kFalse) && datatype == Datatype::kBool) {
    if (!(kind == Kind::kTrue ? json.ReadTrue() : json.ReadFalse())) return Scanned(json).error();
    return encoder.EncodeBool(feature, kind == Kind::kTrue);
  }
  if (kind == Kind::kNull || kind == Kind::kNan) {
    if (!(kind == Kind::kNull ? json.ReadNull() : json.ReadNan())) return Scanned(json).error();
    return encoder.EncodeMissing(feature);
  }
  const char* const start = json.position();
  json.Skip();
  if (json.failed()) return Scanned(json).error();
  const std::string_view value(start, static_cast<std::size_t>(json.position() - start));
  return InvalidArgument("column ", Quoted(encoder.column(feature).name), " holds ", KindName(kind), " (",
                         value.substr(0, 80), "), but its datatype is ", serving::DatatypeName(datatype));
}

Result<float> JsonCells::ReadInMatrix(JsonScanner& json, std::string_view input, Datatype datatype, int feature) {
  const schema::Encoder& encoder = model_->encoder();
  const Kind kind = json.Peek();
  if (kind == Kind::kNull || kind == Kind::kNan) {
    if (!(kind == Kind::kNull ? json.ReadNull() : json.ReadNan())) return Scanned(json).error();
    return encoder.EncodeMissing(feature);
  }
  if (kind != Kind::kNumber || !IsNumber(datatype)) {
    json.Skip();
    if (json.failed()) return Scanned(json).error();
    return InvalidArgument("column ", Quoted(encoder.column(feature).name), " holds ", KindName(kind), "; input ",
                           Quoted(input), " is a matrix of numbers of datatype ", serving::DatatypeName(datatype));
  }
  double value = 0;
  if (!json.ReadNumber(value)) return Scanned(json).error();
  return EncodeInMatrix(encoder, feature, value);
}

Result<std::size_t> JsonCells::ReadMatrixRun(JsonScanner& json, Datatype datatype, std::size_t feature,
                                             std::span<float> cells) {
  if (!IsNumber(datatype)) return std::size_t{0};
  std::array<double, kCellRunMax> numbers;
  const std::size_t count = json.ReadNumbers(std::span(numbers).first(std::min(cells.size(), kCellRunMax)));
  if (all_floats_) {  // plain numbers are in a float's range
    std::transform(numbers.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(count), cells.begin(),
                   [](double number) { return static_cast<float>(number); });
    return count;
  }
  const std::size_t width = model_->num_features();
  for (std::size_t i = 0; i < count; ++i) {
    cells[i] = TRY(EncodeInMatrix(model_->encoder(), static_cast<int>(feature), numbers[i]));
    if (++feature == width) feature = 0;
  }
  return count;
}

}  // namespace mw::api::inference
