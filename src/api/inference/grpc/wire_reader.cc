// Varints, lengths and bytes over the borders of pieces.
#include "api/inference/grpc/wire_reader.h"

#include <algorithm>
#include <cstring>

namespace mw::api::inference {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{16} << 10;
constexpr int kVarintBytesMax = 10;
constexpr int kTagBytesMax = 5;  // also a length's: protobuf reads no longer ones, even when they are zeros at the end

std::size_t AlignedUp(std::size_t bytes) {
  return (bytes + RequestArena::kAlignment - 1) / RequestArena::kAlignment * RequestArena::kAlignment;
}

}  // namespace

std::span<char> RequestArena::Allocate(std::size_t bytes) {
  const std::size_t begin = AlignedUp(used_);
  if (blocks_.empty() || begin > blocks_.back().capacity || bytes > blocks_.back().capacity - begin) {
    // operator new aligns to kAlignment.
    const std::size_t capacity =
        std::max({AlignedUp(bytes), kBlockBytes, blocks_.empty() ? 0 : 2 * blocks_.back().capacity});
    blocks_.push_back({std::make_unique_for_overwrite<char[]>(capacity), capacity});
    used_ = bytes;
    return {blocks_.back().bytes.get(), bytes};
  }
  used_ = begin + bytes;
  return {blocks_.back().bytes.get() + begin, bytes};
}

void RequestArena::Clear() {
  used_ = 0;
  if (blocks_.size() > 1) blocks_.erase(blocks_.begin(), blocks_.end() - 1);  // the last is the largest
  if (!blocks_.empty() && blocks_.back().capacity > kBytesKept) blocks_.clear();
}

WireReader::WireReader(std::span<const std::string_view> pieces, RequestArena& arena) : arena_(arena), pieces_(pieces) {
  for (const std::string_view piece : pieces) left_ += piece.size();
}

WireReader::WireReader(std::string_view message, RequestArena& arena)
    : arena_(arena), at_(message.data()), end_(message.data() + message.size()) {}

bool WireReader::Fail(const char* what) {
  if (error_ == nullptr) error_ = what;
  at_ = end_ = nullptr;
  pieces_ = {};
  left_ = 0;
  return false;
}

bool WireReader::NextPiece() {
  while (at_ == end_) {
    if (pieces_.empty()) return false;
    at_ = pieces_.front().data();
    end_ = at_ + pieces_.front().size();
    left_ -= pieces_.front().size();
    pieces_ = pieces_.subspan(1);
  }
  return true;
}

bool WireReader::Next() {
  if (failed() || !NextPiece()) return false;
  std::uint64_t tag = 0;
  if (!TakeVarint(tag, kTagBytesMax)) return false;
  const auto type = static_cast<std::uint8_t>(tag & 7);
  if (tag >> 3 == 0 || tag > UINT32_MAX) return Fail("a field's number is out of range");
  if (type == 3 || type == 4 || type > 5) return Fail("a field is of a type that the protocol does not use");
  field_ = static_cast<std::uint32_t>(tag >> 3);
  type_ = static_cast<Type>(type);
  return true;
}

bool WireReader::Expect(Type type) {
  if (failed()) return false;
  return type_ == type || Fail("a field is of another type than the protocol says");
}

bool WireReader::TakeVarint(std::uint64_t& out, int bytes_max) {
  if (at_ != end_ && static_cast<signed char>(*at_) >= 0) [[likely]] {
    out = static_cast<unsigned char>(*at_++);
    return true;
  }
  return TakeSlowVarint(out, bytes_max);
}

bool WireReader::TakeSlowVarint(std::uint64_t& out, int bytes_max) {
  out = 0;
  for (int i = 0; i < bytes_max; ++i) {
    if (!NextPiece()) return Fail("it ends inside a number");
    const auto byte = static_cast<unsigned char>(*at_++);
    out |= static_cast<std::uint64_t>(byte & 0x7FU) << (7 * i);
    if (byte < 0x80) return i < kVarintBytesMax - 1 || byte <= 1 || Fail("a number has more than 64 bits");
  }
  return Fail(bytes_max == kTagBytesMax ? "a tag or a length has more than 5 bytes" : "a number has more than 64 bits");
}

bool WireReader::TakeLength(std::size_t& out) {
  std::uint64_t length = 0;
  if (!TakeVarint(length, kTagBytesMax)) return false;
  if (length > static_cast<std::size_t>(end_ - at_) + left_) return Fail("it ends inside a field");
  out = length;
  return true;
}

bool WireReader::Copy(char* to, std::size_t bytes) {
  while (bytes > 0) {
    if (!NextPiece()) return Fail("it ends inside a field");
    const std::size_t part = std::min(bytes, static_cast<std::size_t>(end_ - at_));
    std::memcpy(to, at_, part);
    at_ += part;
    to += part;
    bytes -= part;
  }
  return true;
}

bool WireReader::ReadVarint(std::uint64_t& out) { return Expect(Type::kVarint) && TakeVarint(out, kVarintBytesMax); }

bool WireReader::ReadFixed32(std::uint32_t& out) {
  char bytes[sizeof out];
  if (!Expect(Type::kFixed32) || !Copy(bytes, sizeof out)) return false;
  std::memcpy(&out, bytes, sizeof out);
  return true;
}

bool WireReader::ReadFixed64(std::uint64_t& out) {
  char bytes[sizeof out];
  if (!Expect(Type::kFixed64) || !Copy(bytes, sizeof out)) return false;
  std::memcpy(&out, bytes, sizeof out);
  return true;
}

bool WireReader::ReadBytes(std::string_view& out) { return ReadAligned(1, out); }

bool WireReader::ReadAligned(std::size_t alignment, std::string_view& out) {
  std::size_t bytes = 0;
  if (!Expect(Type::kBytes) || !TakeLength(bytes)) return false;
  if (bytes > 0 && !NextPiece()) return Fail("it ends inside a field");
  const bool here = bytes <= static_cast<std::size_t>(end_ - at_);
  if (here && reinterpret_cast<std::uintptr_t>(at_) % alignment == 0) {
    out = {at_, bytes};
    at_ += bytes;
    return true;
  }
  const std::span<char> copy = arena_.Allocate(bytes);
  out = {copy.data(), copy.size()};
  return Copy(copy.data(), bytes);
}

bool WireReader::SkipBytes(std::size_t bytes) {
  while (bytes > 0) {
    if (!NextPiece()) return Fail("it ends inside a field");
    const std::size_t part = std::min(bytes, static_cast<std::size_t>(end_ - at_));
    at_ += part;
    bytes -= part;
  }
  return true;
}

bool WireReader::Skip() {
  if (failed()) return false;
  std::uint64_t number = 0;
  std::size_t bytes = 0;
  switch (type_) {
    case Type::kVarint: return TakeVarint(number, kVarintBytesMax);
    case Type::kFixed64: return SkipBytes(8);
    case Type::kFixed32: return SkipBytes(4);
    case Type::kBytes: return TakeLength(bytes) && SkipBytes(bytes);
  }
  return false;
}

bool WireReader::NextPacked(std::uint64_t& out) { return !failed() && NextPiece() && TakeVarint(out, kVarintBytesMax); }

}  // namespace mw::api::inference
