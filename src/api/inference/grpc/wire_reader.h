// A forward-only reader of one protobuf message that lies in pieces, as the network brought them: nothing is copied
// but what crosses from one piece into the next, and what has to be aligned. The caller walks field by field:
//
//   WireReader reader(pieces, arena);
//   while (reader.Next()) {
//     if (reader.field() == 1) reader.ReadBytes(name); else reader.Skip();
//   }
//   if (reader.failed()) ...reader.error()...
//
// A message inside is read whole with ReadBytes and walked with a reader of its own. The first fault ends every walk;
// what was read after it means nothing. Groups, which proto3 has not, are a fault.
//
// One thread. Pieces and arena outlive the reader and the views it gives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace mw::api::inference {

/// Memory for the parts of one request that had to be moved; all of it is given back at once. A little is kept.
class RequestArena {
 public:
  static constexpr std::size_t kAlignment = 16;
  static constexpr std::size_t kBytesKept = std::size_t{1} << 20;

  /// Aligned to kAlignment, valid until Clear, not initialised.
  std::span<char> Allocate(std::size_t bytes);
  void Clear();

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    std::size_t capacity = 0;
  };
  std::vector<Block> blocks_;
  std::size_t used_ = 0;  // of the last block
};

class WireReader {
 public:
  enum class Type : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

  WireReader(std::span<const std::string_view> pieces, RequestArena& arena);
  /// Of a message in one piece.
  WireReader(std::string_view message, RequestArena& arena);

  /// The next field's number and type; false at the end and after a fault. The value has to be read or skipped.
  bool Next();
  [[nodiscard]] std::uint32_t field() const { return field_; }
  [[nodiscard]] Type type() const { return type_; }

  // Each fails when the field is of another type.
  bool ReadVarint(std::uint64_t& out);
  bool ReadFixed32(std::uint32_t& out);
  bool ReadFixed64(std::uint64_t& out);
  bool ReadBytes(std::string_view& out);
  /// As ReadBytes, with the first byte at a multiple of `alignment` (at most RequestArena::kAlignment).
  bool ReadAligned(std::size_t alignment, std::string_view& out);
  bool Skip();

  /// A varint without a field of its own, as packed numbers are: false at the end and after a fault.
  bool NextPacked(std::uint64_t& out);

  [[nodiscard]] bool failed() const { return error_ != nullptr; }
  [[nodiscard]] const char* error() const { return error_; }

 private:
  bool Fail(const char* what);
  bool Expect(Type type);
  bool NextPiece();
  bool TakeVarint(std::uint64_t& out, int bytes_max);
  bool TakeSlowVarint(std::uint64_t& out, int bytes_max);
  bool TakeLength(std::size_t& out);
  bool Copy(char* to, std::size_t bytes);
  bool SkipBytes(std::size_t bytes);

  RequestArena& arena_;
  std::span<const std::string_view> pieces_;  // behind the one at hand
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  std::size_t left_ = 0;  // bytes in pieces_
  std::uint32_t field_ = 0;
  Type type_ = Type::kVarint;
  const char* error_ = nullptr;
};

}  // namespace mw::api::inference
