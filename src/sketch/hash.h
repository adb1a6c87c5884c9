// 64 well-mixed bits of a value: a part of the sketches' byte format, so the same for ever and on every
// machine. Not for secrets. Pure.
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

namespace mw::sketch {

/// A bijection in which each bit of the result depends on each bit of the word (SplitMix64's finaliser).
inline std::uint64_t HashWord(std::uint64_t word) {
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
  word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
  return word ^ (word >> 31);
}

inline std::uint64_t HashInteger(std::int64_t value) {
  return HashWord(static_cast<std::uint64_t>(value) + 0x9e3779b97f4a7c15);
}

/// A whole number hashes as that integer, so that 3, 3.0f and 3.0 are one value, and -0.0 is 0.
inline std::uint64_t HashNumber(double value) {
  constexpr double kTwoTo63 = 9223372036854775808.0;
  const auto whole = value >= -kTwoTo63 && value < kTwoTo63 ? static_cast<std::int64_t>(value) : 0;
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(value) ^ 0x5851f42d4c957f2d;
  return static_cast<double>(whole) == value ? HashInteger(whole) : HashWord(bits);
}

std::uint64_t HashText(std::string_view text);

}  // namespace mw::sketch
