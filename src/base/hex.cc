// Two digits a byte.
#include "base/hex.h"

#include <utility>

namespace mw {
namespace {

/// -1 unless they are two digits in lower case.
int ByteOf(char high, char low) {
  const auto upper = [](char c) { return c >= 'A' && c <= 'F'; };
  if (upper(high) || upper(low)) return -1;
  const int first = HexValue(high), second = HexValue(low);
  return first < 0 || second < 0 ? -1 : first * 16 + second;
}

}  // namespace

bool FromHex(std::string_view digits, std::span<std::uint8_t> out) {
  if (digits.size() != 2 * out.size()) return false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int byte = ByteOf(digits[2 * i], digits[2 * i + 1]);
    if (byte < 0) return false;
    out[i] = static_cast<std::uint8_t>(byte);
  }
  return true;
}

std::optional<std::string> FromHex(std::string_view digits) {
  std::string bytes(digits.size() / 2, '\0');
  const std::span<std::uint8_t> out(reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size());
  return FromHex(digits, out) ? std::optional(std::move(bytes)) : std::nullopt;
}

}  // namespace mw
