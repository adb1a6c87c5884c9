// Reads protobuf's wire format field by field, without a schema: enough for ONNX files, whose tree ensembles are a few
// arrays. Lengths are checked against the bytes there are; nothing is copied. The bytes have to outlive what is read.
// Pure, one thread.
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mw::forest {

/// One field of a message.
struct ProtoField {
  std::uint32_t number = 0;
  bool is_bytes = false;    ///< a text, a message, or packed numbers
  std::uint64_t value = 0;  ///< of a varint or a fixed number
  std::string_view bytes;
};

class ProtoReader {
 public:
  explicit ProtoReader(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] bool AtEnd() const { return at_ == bytes_.size(); }
  /// Errors: kInvalidArgument for bytes that are no field.
  Result<ProtoField> Next();
  Result<std::uint64_t> Varint();
  /// `size` bytes as a little-endian number.
  Result<std::uint64_t> Fixed(std::size_t size);

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

/// Calls `read(field) -> Status` for every field of a message.
template <typename Read>
Status ForEachField(std::string_view message, const Read& read) {
  ProtoReader reader(message);
  while (!reader.AtEnd()) {
    const ProtoField field = TRY(reader.Next());
    TRY(read(field));
  }
  return Ok();
}

/// Appends a repeated field's whole numbers, packed or one of them.
Status AppendVarints(const ProtoField& field, std::vector<std::int64_t>& out);
Status AppendFloats(const ProtoField& field, std::vector<float>& out);

}  // namespace mw::forest
