// Hexadecimal digits, read; what writes them is Hex of text.h. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mw {

/// Of a digit of either case; -1: it is none.
constexpr int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The bytes of as many digits as `out` needs, in lower case, as Hex writes them. False when `digits` are more, fewer
/// or no such digits; `out` is of no use then.
bool FromHex(std::string_view digits, std::span<std::uint8_t> out);
/// The same, of any even number of digits.
std::optional<std::string> FromHex(std::string_view digits);

}  // namespace mw
