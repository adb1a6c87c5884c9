// How many distinct values a stream has, in bounded memory: HyperLogLog (Flajolet and others 2007) with the
// sparse start of HyperLogLog++ and the estimator of Ertl (2017), "New cardinality estimation algorithms for
// HyperLogLog sketches", which needs no tables and has no bias between the small and the large.
//
// Invariant: the state is a function of the set of values alone, so order, splits and repetition change no bit.
// A number hashes by its value: 3, 3.0f and 3.0 are one value, -0.0 and 0.0 too, and integers above 2^53 that
// differ by one stay distinct. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sketch/bytes.h"

namespace mw::sketch {

class HyperLogLog {
 public:
  static constexpr int kDefaultLg = 12;
  static constexpr int kIdsLg = 14;
  static constexpr int kSmallestLg = 4;
  static constexpr int kLargestLg = 18;

  /// 2^lg registers: relative standard error 1.04 / sqrt(2^lg).
  explicit HyperLogLog(int lg = kDefaultLg) : lg_(lg) {}

  /// NaN is passed over.
  void Add(std::span<const double> values);
  void Add(std::span<const float> values);
  void Add(double value) { Add(std::span(&value, 1)); }
  void AddInteger(std::int64_t value);
  void AddText(std::string_view text);
  /// The union. With different `lg` the result has the smaller one.
  void Merge(const HyperLogLog& other);

  [[nodiscard]] int lg() const { return lg_; }
  [[nodiscard]] double Estimate() const;
  static double StandardError(int lg);

  void Write(ByteWriter& out) const;
  /// Errors: kDataLoss for bytes that no Write has made.
  static Result<HyperLogLog> Read(ByteReader& in);

 private:
  void AddHash(std::uint64_t hash);
  void AddCoupon(std::uint32_t coupon);
  void AddDense(std::span<const std::uint64_t> hashes);
  void Tidy() const;
  void MakeDense();
  void Narrow(int lg);

  int lg_;
  /// While few: the sorted coupons of the values, then those not yet sorted in. A coupon is 26 bits of the
  /// hash and, in the low 6 bits, the rank of the rest.
  mutable std::vector<std::uint32_t> coupons_;
  mutable std::size_t sorted_ = 0;
  std::vector<std::uint8_t> registers_;  ///< empty while few
};

/// 64 well-mixed bits of a text, the same on every machine and in every version of this format.
std::uint64_t HashText(std::string_view text);

}  // namespace mw::sketch
