// One element after the other, by datatype.
#include "serving/tensor_text.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "base/text.h"

namespace mw::serving {
namespace {

template <typename Number>
void AppendNumber(std::string& out, Number value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof bytes);
}

/// NaN where the value is null.
Result<double> FloatOf(const Json& value) {
  if (value.IsNull()) return std::numeric_limits<double>::quiet_NaN();
  if (value.IsNumber()) return value.AsDouble();
  return InvalidArgument(value.Dump(), " is no number");
}

template <typename Integer>
Status AppendInteger(std::string& out, const Json& value) {
  const bool whole = value.IsInt() || (value.IsNumber() && std::is_same_v<Integer, std::uint64_t> &&
                                       std::trunc(value.AsDouble()) == value.AsDouble() && value.AsDouble() < 0x1p64);
  if (!whole || (value.IsInt() && !std::in_range<Integer>(value.AsInt())) || (!value.IsInt() && value.AsDouble() < 0)) {
    return InvalidArgument(value.Dump(), " is no whole number of its type");
  }
  AppendNumber(out, value.IsInt() ? static_cast<Integer>(value.AsInt()) : static_cast<Integer>(value.AsDouble()));
  return Ok();
}

Status AppendValue(std::string& out, Datatype datatype, const Json& value) {
  switch (datatype) {
    case Datatype::kBytes:
      if (!value.IsString()) return InvalidArgument(value.Dump(), " is no text");
      AppendElement(out, value.AsString());
      return Ok();
    case Datatype::kBool:
      if (!value.IsBool()) return InvalidArgument(value.Dump(), " is neither true nor false");
      out.push_back(value.AsBool() ? '\1' : '\0');
      return Ok();
    case Datatype::kFp64: AppendNumber(out, TRY(FloatOf(value))); return Ok();
    case Datatype::kFp32: AppendNumber(out, static_cast<float>(TRY(FloatOf(value)))); return Ok();
    case Datatype::kFp16: AppendNumber(out, FloatToHalf(static_cast<float>(TRY(FloatOf(value))))); return Ok();
    case Datatype::kBf16: AppendNumber(out, FloatToBrain(static_cast<float>(TRY(FloatOf(value))))); return Ok();
    case Datatype::kUint8: return AppendInteger<std::uint8_t>(out, value);
    case Datatype::kUint16: return AppendInteger<std::uint16_t>(out, value);
    case Datatype::kUint32: return AppendInteger<std::uint32_t>(out, value);
    case Datatype::kUint64: return AppendInteger<std::uint64_t>(out, value);
    case Datatype::kInt8: return AppendInteger<std::int8_t>(out, value);
    case Datatype::kInt16: return AppendInteger<std::int16_t>(out, value);
    case Datatype::kInt32: return AppendInteger<std::int32_t>(out, value);
    case Datatype::kInt64: break;
  }
  return AppendInteger<std::int64_t>(out, value);
}

Status AppendData(std::string& out, Datatype datatype, const Json& data) {
  if (!data.IsArray()) return AppendValue(out, datatype, data);
  for (const Json& value : data.AsArray()) TRY(AppendData(out, datatype, value));
  return Ok();
}

Status AddTensor(const Json& json, TensorList& out) {
  const std::string name = TRY(json.GetString("name"));
  const std::string type = TRY(json.GetString("datatype"));
  const auto datatype = DatatypeFromName(type);
  if (!datatype) return InvalidArgument(Quoted(type), " is no datatype; e.g. FP32");
  const Json* sizes = json.Find("shape");
  const Json* data = json.Find("data");
  if (sizes == nullptr || !sizes->IsArray() || data == nullptr) return InvalidArgument("shape or data is missing");
  std::vector<std::int64_t> shape;
  for (const Json& size : sizes->AsArray()) {
    if (!size.IsInt()) return InvalidArgument("a size in its shape is no whole number");
    shape.push_back(size.AsInt());
  }
  TRY(ElementCount(shape));
  std::string bytes;
  TRY(AppendData(bytes, *datatype, *data));
  const TensorView tensor{name, *datatype, shape, bytes};
  TRY(CheckTensor(tensor));
  out.Append(tensor);
  return Ok();
}

template <typename Number>
Number NumberAt(std::string_view bytes, std::size_t i) {
  Number value;
  std::memcpy(&value, bytes.data() + i * sizeof value, sizeof value);
  return value;
}

/// Of the element at `i`; BYTES are walked elsewhere.
Json ValueAt(const TensorView& tensor, std::size_t i) {
  switch (tensor.datatype) {
    case Datatype::kBool: return tensor.bytes[i] != 0;
    case Datatype::kUint8: return std::int64_t{NumberAt<std::uint8_t>(tensor.bytes, i)};
    case Datatype::kUint16: return std::int64_t{NumberAt<std::uint16_t>(tensor.bytes, i)};
    case Datatype::kUint32: return std::int64_t{NumberAt<std::uint32_t>(tensor.bytes, i)};
    case Datatype::kUint64: return NumberAt<std::uint64_t>(tensor.bytes, i);
    case Datatype::kInt8: return std::int64_t{NumberAt<std::int8_t>(tensor.bytes, i)};
    case Datatype::kInt16: return std::int64_t{NumberAt<std::int16_t>(tensor.bytes, i)};
    case Datatype::kInt32: return std::int64_t{NumberAt<std::int32_t>(tensor.bytes, i)};
    case Datatype::kInt64: return NumberAt<std::int64_t>(tensor.bytes, i);
    case Datatype::kFp16: return static_cast<double>(HalfToFloat(NumberAt<std::uint16_t>(tensor.bytes, i)));
    case Datatype::kBf16: return static_cast<double>(BrainToFloat(NumberAt<std::uint16_t>(tensor.bytes, i)));
    case Datatype::kFp32: return static_cast<double>(NumberAt<float>(tensor.bytes, i));
    case Datatype::kFp64: return NumberAt<double>(tensor.bytes, i);
    case Datatype::kBytes: break;
  }
  return Json();
}

Json DataOf(const TensorView& tensor) {
  Json::Array data;
  if (tensor.datatype == Datatype::kBytes) {
    std::string_view bytes = tensor.bytes, element;
    while (NextElement(bytes, element)) data.emplace_back(element);
  } else {
    const std::size_t count = tensor.bytes.size() / DatatypeBytes(tensor.datatype);
    for (std::size_t i = 0; i < count; ++i) data.push_back(ValueAt(tensor, i));
  }
  for (Json& value : data) {
    if (value.IsNumber() && !value.IsInt() && !std::isfinite(value.AsDouble())) value = Json();
  }
  return Json(std::move(data));
}

}  // namespace

Result<TensorList> TensorsFromJson(const Json& tensors) {
  if (!tensors.IsArray() || tensors.AsArray().size() > kTensorsMax) return InvalidArgument("tensors are no list");
  TensorList out;
  for (const Json& tensor : tensors.AsArray()) {
    TRY(AddTensor(tensor, out).In(Cat("tensor ", Quoted(tensor.StringOr("name", "")))));
  }
  return out;
}

Json TensorsToJson(const TensorList& tensors) {
  Json out = Json::MakeArray();
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const TensorView tensor = tensors[i];
    Json shape = Json::MakeArray();
    for (const std::int64_t size : tensor.shape) shape.Append(size);
    out.Append(Json::Make({{"name", tensor.name},
                           {"datatype", DatatypeName(tensor.datatype)},
                           {"shape", std::move(shape)},
                           {"data", DataOf(tensor)}}));
  }
  return out;
}

}  // namespace mw::serving
