// Reading bytes that may come from anywhere.
#include "sketch/bytes.h"

#include "base/text.h"

namespace mw::sketch {

void ByteReader::Fail(std::string_view what) {
  if (fault_.empty()) fault_ = what;
  rest_ = {};
}

std::uint8_t ByteReader::U8() {
  if (rest_.empty()) {
    Fail("the bytes end too early");
    return 0;
  }
  const auto value = static_cast<std::uint8_t>(rest_.front());
  rest_.remove_prefix(1);
  return value;
}

std::uint64_t ByteReader::U64() {
  const std::string_view bytes = Raw(8);
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<std::uint8_t>(bytes[i]);
  return value;
}

std::uint64_t ByteReader::Varint() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const std::uint8_t byte = U8();
    if (shift == 63 && byte > 1) break;
    value |= std::uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80) return value;
  }
  Fail("a number has too many bytes");
  return 0;
}

std::int64_t ByteReader::Signed() {
  const std::uint64_t value = Varint();
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

std::string_view ByteReader::Raw(std::size_t size) {
  if (size > rest_.size()) {
    Fail("the bytes end too early");
    return {};
  }
  const std::string_view bytes = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return bytes;
}

std::string_view ByteReader::Text(std::size_t limit) {
  const std::uint64_t size = Varint();
  if (size > limit) {
    Fail(Cat("a text of ", size, " bytes; at most ", limit));
    return {};
  }
  return Raw(static_cast<std::size_t>(size));
}

std::size_t ByteReader::Count(std::size_t limit, std::size_t bytes_each) {
  const std::uint64_t count = Varint();
  if (count > limit || count > rest_.size() / bytes_each) {
    Fail(Cat("a count of ", count, "; at most ", limit, " and ", rest_.size(), " bytes follow"));
    return 0;
  }
  return static_cast<std::size_t>(count);
}

bool ByteReader::Unfold(std::size_t count, std::size_t bytes_each) {
  if (failed() || count > (kUnfoldedBytesMax - unfolded_bytes_) / bytes_each) {
    Fail("the bytes unfold into too much");
    return false;
  }
  unfolded_bytes_ += count * bytes_each;
  return true;
}

Status ByteReader::Check() const { return failed() ? Status(Error{Code::kDataLoss, fault_, {}}) : Ok(); }

Status ByteReader::CheckEnd() const {
  TRY(Check());
  return rest_.empty() ? Ok() : Status(DataLoss(rest_.size(), " bytes too many at the end"));
}

}  // namespace mw::sketch
