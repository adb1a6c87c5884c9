// Numbers through to_chars; one switch on the datatype for each tensor, not for each element.
#include "api/inference/tensor_json.h"

#include <charconv>
#include <cmath>

#include "api/inference/tensor_values.h"
#include "base/json.h"

namespace mw::api::inference {
namespace {

using serving::Datatype;

template <typename T>
void AppendNumberJson(std::string& out, T value) {
  if constexpr (std::is_floating_point_v<T>) {
    if (!std::isfinite(value)) [[unlikely]] {
      out += "null";
      return;
    }
  }
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value);
  out.append(digits, end.ptr);
}

struct Half {};
struct Brain {};
struct Truth {};

template <typename T>
void AppendOne(std::string& out, const char* at) {
  if constexpr (std::is_same_v<T, Half>) {
    AppendNumberJson(out, serving::HalfToFloat(ElementAt<std::uint16_t>(at)));
  } else if constexpr (std::is_same_v<T, Brain>) {
    AppendNumberJson(out, serving::BrainToFloat(ElementAt<std::uint16_t>(at)));
  } else if constexpr (std::is_same_v<T, Truth>) {
    out += *at != 0 ? "true" : "false";
  } else {
    AppendNumberJson(out, ElementAt<T>(at));
  }
}

/// Calls use<T>() with the type that stands for the datatype; not for BYTES.
template <typename Use>
void Dispatch(Datatype datatype, const Use& use) {
  switch (datatype) {
    case Datatype::kBool: return use.template operator()<Truth>();
    case Datatype::kUint8: return use.template operator()<std::uint8_t>();
    case Datatype::kUint16: return use.template operator()<std::uint16_t>();
    case Datatype::kUint32: return use.template operator()<std::uint32_t>();
    case Datatype::kUint64: return use.template operator()<std::uint64_t>();
    case Datatype::kInt8: return use.template operator()<std::int8_t>();
    case Datatype::kInt16: return use.template operator()<std::int16_t>();
    case Datatype::kInt32: return use.template operator()<std::int32_t>();
    case Datatype::kInt64: return use.template operator()<std::int64_t>();
    case Datatype::kFp16: return use.template operator()<Half>();
    case Datatype::kBf16: return use.template operator()<Brain>();
    case Datatype::kFp32: return use.template operator()<float>();
    case Datatype::kFp64: return use.template operator()<double>();
    case Datatype::kBytes: break;
  }
}

void AppendHead(std::string& out, const serving::TensorView& tensor) {
  out += "{\"name\":";
  AppendText(out, tensor.name);
  out += ",\"datatype\":\"";
  out += serving::DatatypeName(tensor.datatype);
  out += "\",\"shape\":[";
  for (const std::int64_t size : tensor.shape) {
    if (out.back() != '[') out += ',';
    AppendInteger(out, size);
  }
  out += ']';
}

}  // namespace

void AppendText(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7F || c == '"' || c == '\\') return AppendJsonString(out, text);
  }
  out += '"';
  out += text;
  out += '"';
}

void AppendInteger(std::string& out, std::int64_t number) { AppendNumberJson(out, number); }

void AppendElementJson(std::string& out, Datatype datatype, std::string_view& bytes) {
  if (datatype == Datatype::kBytes) {
    std::string_view element;
    if (serving::NextElement(bytes, element)) AppendText(out, element);
    return;
  }
  Dispatch(datatype, [&]<typename T>() { AppendOne<T>(out, bytes.data()); });
  bytes.remove_prefix(serving::DatatypeBytes(datatype));
}

void AppendData(std::string& out, const serving::TensorView& tensor) {
  out += '[';
  if (tensor.datatype == Datatype::kBytes) {
    std::string_view rest = tensor.bytes, element;
    while (serving::NextElement(rest, element)) {
      AppendText(out, element);
      out += ',';
    }
  } else {
    const std::size_t size = serving::DatatypeBytes(tensor.datatype);
    Dispatch(tensor.datatype, [&]<typename T>() {
      for (std::size_t at = 0; at + size <= tensor.bytes.size(); at += size) {
        AppendOne<T>(out, tensor.bytes.data() + at);
        out += ',';
      }
    });
  }
  if (out.back() == ',') out.pop_back();
  out += ']';
}

void AppendTensor(std::string& out, const serving::TensorView& tensor) {
  AppendHead(out, tensor);
  out += ",\"data\":";
  AppendData(out, tensor);
  out += '}';
}

void AppendBinaryTensor(std::string& out, const serving::TensorView& tensor) {
  AppendHead(out, tensor);
  out += ",\"parameters\":{\"binary_data_size\":";
  AppendInteger(out, static_cast<std::int64_t>(tensor.bytes.size()));
  out += "}}";
}

}  // namespace mw::api::inference
