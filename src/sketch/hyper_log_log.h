// How many distinct values a stream has, in bounded memory: HyperLogLog (Flajolet and others 2007) with the
// sparse start of HyperLogLog++ and the estimator of Ertl (2017), "New cardinality estimation algorithms for
// HyperLogLog sketches", which needs no tables and has no bias between the small and the large.
//
// Invariant: the bytes are a function of the set of values alone: order, splits and repetition change no bit.
// A number counts by its value: 3, 3.0f and 3.0 are one value, -0.0 and 0.0 too, and integers above 2^53 that
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
  static constexpr int kSmallestLg = 6;
  static constexpr int kLargestLg = 18;

  /// 2^lg registers: relative standard error StandardError(lg). `lg` within the two bounds above.
  explicit HyperLogLog(int lg = kDefaultLg);

  /// NaN is passed over.
  void Add(std::span<const double> values);
  void Add(std::span<const float> values);
  void Add(double value) { Add(std::span(&value, 1)); }
  void AddInteger(std::int64_t value);
  void AddText(std::string_view text);
  /// Values by their hashes (hash.h).
  void AddHashes(std::span<const std::uint64_t> hashes);
  /// The union. With different `lg` the result has the smaller one.
  void Merge(const HyperLogLog& other);

  [[nodiscard]] int lg() const { return lg_; }
  [[nodiscard]] double Estimate() const;
  /// 1.04 / sqrt(2^lg).
  static double StandardError(int lg);

  void Write(ByteWriter& out) const;
  /// Errors: kDataLoss for bytes that no Write has made.
  static Result<HyperLogLog> Read(ByteReader& in);

 private:
  template <typename Number>
  void AddAll(std::span<const Number> values);
  void AddCoupon(std::uint32_t coupon);
  [[nodiscard]] bool dense() const { return !registers_.empty(); }
  [[nodiscard]] std::vector<std::uint32_t> SortedCoupons() const;
  void GrowCoupons();
  void MakeDense();
  void Narrow(int lg);
  void ReadCoupons(ByteReader& in);
  void ReadRegisters(ByteReader& in);

  int lg_;
  /// While few: a hash set with open addressing (0 is free) of coupons, each 26 bits of a value's hash and, in
  /// the low 6 bits, the rank of the rest.
  std::vector<std::uint32_t> coupons_;
  std::size_t num_coupons_ = 0;
  std::vector<std::uint8_t> registers_;  ///< empty while few
};

}  // namespace mw::sketch
