// Protobuf's wire format, as much of it as is needed.
#include "load/grpc_message.h"

#include <optional>

namespace mw::load {
namespace {

constexpr std::uint32_t kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5;

void AppendVarint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

void AppendBytes(std::string& out, std::uint32_t field, std::string_view bytes) {
  AppendVarint(out, field << 3 | kBytes);
  AppendVarint(out, bytes.size());
  out += bytes;
}

std::optional<std::uint64_t> TakeVarint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

struct Field {
  std::uint64_t number = 0;
  std::uint32_t type = 0;
  std::uint64_t varint = 0;  ///< of kVarint
  std::string_view bytes;    ///< of kBytes; cut where the message is
};

/// The next field; nothing at the end or where the bytes are no message.
std::optional<Field> TakeField(std::string_view& bytes) {
  if (bytes.empty()) return std::nullopt;
  const auto tag = TakeVarint(bytes);
  if (!tag) return std::nullopt;
  Field field;
  field.number = *tag >> 3;
  field.type = static_cast<std::uint32_t>(*tag & 7);
  std::size_t skip = 0;
  if (field.type == kVarint || field.type == kBytes) {
    const auto value = TakeVarint(bytes);
    if (!value) return std::nullopt;
    field.varint = *value;
    if (field.type == kVarint) return field;
    skip = static_cast<std::size_t>(std::min<std::uint64_t>(*value, bytes.size()));
  } else if (field.type == kFixed64) {
    skip = 8;
  } else if (field.type == kFixed32) {
    skip = 4;
  } else {
    return std::nullopt;
  }
  if (skip > bytes.size()) return std::nullopt;
  field.bytes = bytes.substr(0, skip);
  bytes.remove_prefix(skip);
  return field;
}

/// The first size of an output tensor's shape: field 3, packed or not.
std::int64_t FirstSize(std::string_view tensor) {
  while (auto field = TakeField(tensor)) {
    if (field->number != 3) continue;
    if (field->type == kVarint) return static_cast<std::int64_t>(field->varint);
    const auto size = field->type == kBytes ? TakeVarint(field->bytes) : std::nullopt;
    return size ? static_cast<std::int64_t>(*size) : -1;
  }
  return -1;
}

}  // namespace

std::string InferRequestMessage(const MatrixRequest& request) {
  std::string shape;
  AppendVarint(shape, static_cast<std::uint64_t>(request.rows));
  AppendVarint(shape, static_cast<std::uint64_t>(request.columns));
  std::string tensor;
  AppendBytes(tensor, 1, request.tensor);
  AppendBytes(tensor, 2, "FP32");
  AppendBytes(tensor, 3, shape);
  std::string message;
  AppendBytes(message, 1, request.model);
  if (!request.version.empty()) AppendBytes(message, 2, request.version);
  if (!request.id.empty()) AppendBytes(message, 3, request.id);
  AppendBytes(message, 5, tensor);
  AppendBytes(message, 7, {reinterpret_cast<const char*>(request.values.data()), request.values.size_bytes()});
  return message;
}

std::int64_t FirstOutputRows(std::string_view response) {
  while (const auto field = TakeField(response)) {
    if (field->number == 5 && field->type == kBytes) return FirstSize(field->bytes);
  }
  return -1;
}

}  // namespace mw::load
