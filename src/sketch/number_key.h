// Doubles as integers of the same order, so that they are sorted, merged and packed without comparing floating
// point: a double's magnitude bits, negated for negative ones. -0.0 and 0.0 are one key. Pure.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "sketch/bytes.h"

namespace mw::sketch {

inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr std::int64_t kInfinityKey = 0x7ff0'0000'0000'0000;

inline std::int64_t KeyOf(double value) {
  const auto bits = std::bit_cast<std::int64_t>(value);
  const std::int64_t sign = bits >> 63;
  return ((bits & 0x7fff'ffff'ffff'ffff) ^ sign) - sign;
}

inline double NumberOf(std::int64_t key) {
  const auto sign = static_cast<std::uint64_t>(key >> 63);
  const auto magnitude = (static_cast<std::uint64_t>(key) ^ sign) - sign;
  return std::bit_cast<double>(magnitude | (sign & 0x8000'0000'0000'0000));
}

/// Ascending order. `scratch` is room for as many, its content is lost.
void SortKeys(std::vector<std::int64_t>& keys, std::vector<std::int64_t>& scratch);

/// Ascending keys in few bytes: low bits that all lack are left out (numbers that were 32-bit floats, or
/// whole), then differences, and how often the same one follows.
void PackKeys(ByteWriter& out, std::span<const std::int64_t> keys);
/// At most `limit` keys, ascending, none of a NaN.
std::vector<std::int64_t> UnpackKeys(ByteReader& in, std::size_t limit);

}  // namespace mw::sketch
