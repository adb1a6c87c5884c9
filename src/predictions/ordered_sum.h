// A sum of doubles that does not depend on the order of its terms, and from which terms can be taken out again:
// in fixed point, 2^-60 fine. Terms beyond 2^40 count as 2^40, NaN as 0. One thread.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace mw::predictions {

class OrderedSum {
 public:
  void Add(double term, int sign) {
    constexpr double kLargest = 1099511627776.0;  // 2^40
    if (std::isnan(term)) return;
    sum_ += sign * static_cast<Wide>(std::ldexp(std::clamp(term, -kLargest, kLargest), kFraction));
  }
  void Add(const OrderedSum& other) { sum_ += other.sum_; }
  [[nodiscard]] double Value() const { return std::ldexp(static_cast<double>(sum_), -kFraction); }
  [[nodiscard]] std::uint64_t high() const { return static_cast<std::uint64_t>(sum_ >> 64); }
  [[nodiscard]] std::uint64_t low() const { return static_cast<std::uint64_t>(sum_); }
  static OrderedSum Of(std::uint64_t high, std::uint64_t low) {
    OrderedSum sum;
    sum.sum_ = static_cast<Wide>((static_cast<UnsignedWide>(high) << 64) | low);
    return sum;
  }
  bool operator==(const OrderedSum&) const = default;

 private:
  static constexpr int kFraction = 60;
  __extension__ typedef __int128 Wide;                   // NOLINT(modernize-use-using): __extension__ wants it
  __extension__ typedef unsigned __int128 UnsignedWide;  // NOLINT(modernize-use-using)
  Wide sum_ = 0;
};

}  // namespace mw::predictions
