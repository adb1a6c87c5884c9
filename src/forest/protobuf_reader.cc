// Tags, varints and lengths, as protobuf's encoding guide has them.
#include "forest/protobuf_reader.h"

#include "base/text.h"

namespace mw::forest {
namespace {

constexpr unsigned kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5;

}  // namespace

Result<std::uint64_t> ProtoReader::Varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (AtEnd()) return InvalidArgument("the message ends within a number");
    const auto byte = static_cast<unsigned char>(bytes_[at_++]);
    value |= std::uint64_t{byte & 0x7FU} << shift;
    if ((byte & 0x80U) == 0) return value;
  }
  return InvalidArgument("a number has more than 64 bits");
}

Result<std::uint64_t> ProtoReader::Fixed(std::size_t size) {
  if (bytes_.size() - at_ < size) return InvalidArgument("the message ends within a number");
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value |= std::uint64_t{static_cast<unsigned char>(bytes_[at_ + i])} << (8 * i);
  }
  at_ += size;
  return value;
}

Result<ProtoField> ProtoReader::Next() {
  const std::uint64_t tag = TRY(Varint());
  if (tag >> 3U == 0 || tag > 0xFFFFFFFFU) return InvalidArgument("a field has the tag ", tag);
  ProtoField field;
  field.number = static_cast<std::uint32_t>(tag >> 3U);
  switch (tag & 7U) {
    case kVarint: field.value = TRY(Varint()); return field;
    case kFixed64: field.value = TRY(Fixed(8)); return field;
    case kFixed32: field.value = TRY(Fixed(4)); return field;
    case kBytes: break;
    default: return InvalidArgument("field ", field.number, " has the wire type ", tag & 7U);
  }
  const std::uint64_t size = TRY(Varint());
  if (size > bytes_.size() - at_) {
    return InvalidArgument("field ", field.number, " claims ", size, " bytes; ", bytes_.size() - at_, " are left");
  }
  field.is_bytes = true;
  field.bytes = bytes_.substr(at_, size);
  at_ += size;
  return field;
}

Status AppendVarints(const ProtoField& field, std::vector<std::int64_t>& out) {
  if (!field.is_bytes) {
    out.push_back(static_cast<std::int64_t>(field.value));
    return Ok();
  }
  ProtoReader packed(field.bytes);
  while (!packed.AtEnd()) out.push_back(static_cast<std::int64_t>(TRY(packed.Varint())));
  return Ok();
}

Status AppendFloats(const ProtoField& field, std::vector<float>& out) {
  if (!field.is_bytes) {
    out.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(field.value)));
    return Ok();
  }
  ProtoReader packed(field.bytes);
  while (!packed.AtEnd()) {
    const std::uint64_t bits = TRY(packed.Fixed(sizeof(float)));
    out.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
  }
  return Ok();
}

}  // namespace mw::forest
