// The bytes that sketches are kept and sent as: little-endian numbers, LEB128 varints, texts with their
// length. The reader checks every length against what is there before anything is allocated, and stays
// failed after the first fault: read on, then ask Check() once. One thread each.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace mw::sketch {

/// What all that one reader reads may take in memory beyond a small multiple of the bytes themselves.
inline constexpr std::size_t kUnfoldedBytesMax = std::size_t{256} << 20;

class ByteWriter {
 public:
  void U8(std::uint8_t value) { bytes_.push_back(static_cast<char>(value)); }
  void U64(std::uint64_t value) {
    for (int shift = 0; shift < 64; shift += 8) U8(static_cast<std::uint8_t>(value >> shift));
  }
  void F64(double value) { U64(std::bit_cast<std::uint64_t>(value)); }
  void Varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) U8(static_cast<std::uint8_t>(value | 0x80));
    U8(static_cast<std::uint8_t>(value));
  }
  /// Small numbers of either sign in few bytes.
  void Signed(std::int64_t value) {
    Varint((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
  }
  void Text(std::string_view text) {
    Varint(text.size());
    bytes_.append(text);
  }
  void Raw(std::string_view bytes) { bytes_.append(bytes); }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  std::uint8_t U8();
  std::uint64_t U64();
  double F64() { return std::bit_cast<double>(U64()); }
  std::uint64_t Varint();
  std::int64_t Signed();
  /// A text of at most `limit` bytes; it points into the bytes that are read.
  std::string_view Text(std::size_t limit);
  std::string_view Raw(std::size_t size);
  /// How many things follow: at most `limit`, each of at least `bytes_each` bytes; 0 when that cannot be.
  std::size_t Count(std::size_t limit, std::size_t bytes_each = 1);

  /// Counts what a few bytes unfold into (repetitions, sparse tables); past kUnfoldedBytesMax it is a fault.
  bool Unfold(std::size_t count, std::size_t bytes_each);

  /// Records the first fault; later reads give zeros and empty texts.
  void Fail(std::string_view what);
  [[nodiscard]] bool failed() const { return !fault_.empty(); }
  [[nodiscard]] std::size_t remaining() const { return rest_.size(); }
  /// Errors: kDataLoss with the first fault.
  [[nodiscard]] Status Check() const;
  /// The same; bytes left over are a fault too.
  [[nodiscard]] Status CheckEnd() const;

 private:
  std::string_view rest_;
  std::size_t unfolded_bytes_ = 0;
  std::string fault_;
};

}  // namespace mw::sketch
