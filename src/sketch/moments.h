// Mean, spread, skewness, kurtosis, minimum and maximum of a stream, mergeable (Chan, Golub, LeVeque 1983; higher
// moments: Pébay 2008). Sums are compensated and the mean carries twice a double's digits, so that a column of
// large numbers that differ little (times, ids: 1e15 + x) keeps ten digits of its spread.
//
// Only finite values: the caller counts the others. Merging in another order may change last bits. One thread.
#pragma once

#include <cstdint>
#include <span>

#include "sketch/bytes.h"

namespace mw::sketch {

class Moments {
 public:
  /// All values must be finite.
  void Add(std::span<const double> values);
  void Add(double value) { Add(std::span(&value, 1)); }
  void Merge(const Moments& other);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  // NaN while there is no value.
  [[nodiscard]] double mean() const;
  [[nodiscard]] double min() const;
  [[nodiscard]] double max() const;
  /// Of the population (divided by n). Infinite where squares overflow.
  [[nodiscard]] double variance() const;
  [[nodiscard]] double std() const;
  /// NaN when all values are equal, or their powers overflow.
  [[nodiscard]] double skewness() const;
  [[nodiscard]] double excess_kurtosis() const;
  /// Sums of powers of the distances from the mean.
  [[nodiscard]] double m2() const { return m2_.value(); }
  [[nodiscard]] double m3() const { return m3_.value(); }
  [[nodiscard]] double m4() const { return m4_.value(); }

  void Write(ByteWriter& out) const;
  /// Errors: kDataLoss for bytes that no Write has made.
  static Result<Moments> Read(ByteReader& in);

 private:
  /// A number as the sum of two: about 32 digits.
  struct Twofold {
    double high = 0;
    double low = 0;
    [[nodiscard]] double value() const { return high + low; }
    void Add(double term);
  };
  static Moments OfBlock(std::span<const double> values);
  static Moments OfHugeBlock(std::span<const double> values, Moments block);
  void Settle();

  std::uint64_t count_ = 0;
  double min_ = 0;
  double max_ = 0;
  Twofold mean_;
  Twofold m2_;
  Twofold m3_;
  Twofold m4_;
};

}  // namespace mw::sketch
