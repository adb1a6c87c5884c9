// Quantiles of a stream in bounded memory: the sketch of Karnin, Lang and Liberty (2016), "Optimal Quantile
// Approximation in Streams". Exact until `k` values; after that a rank is off by at most RankError(k) with 99 %.
//
// Level h holds sorted values that stand for 2^h each; level 0 is a plain buffer that is sorted only when it is
// full. Half of a full level moves up: those at odd or at even places, by a coin, and the next time the others.
// Invariants: the weights add up to count(); the same calls with the same seed give the same bytes; while
// exact() the bytes are the same for any order and any split of the values. One thread.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "sketch/bytes.h"

namespace mw::sketch {

class Kll {
 public:
  static constexpr int kDefaultK = 1024;
  static constexpr int kSmallestK = 8;
  static constexpr int kLargestK = 16'384;

  /// `k` within the two bounds above.
  explicit Kll(int k = kDefaultK, std::uint64_t seed = 0);

  /// NaN is passed over; infinities are values like others; -0.0 counts as 0.0.
  void Add(double value);
  void Add(std::span<const double> values);
  void Add(std::span<const float> values);
  /// As if the other's values had been added here. The result has the smaller `k` of the two.
  void Merge(const Kll& other);

  [[nodiscard]] int k() const { return k_; }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] bool exact() const { return levels_.size() <= 1; }
  /// Exact; NaN when there is no value.
  [[nodiscard]] double min() const;
  [[nodiscard]] double max() const;

  /// The smallest kept value whose rank is at least `share` (clamped to 0..1); NaN when there is no value.
  [[nodiscard]] double Quantile(double share) const;
  [[nodiscard]] std::vector<double> Quantiles(std::span<const double> shares) const;
  /// The share of values <= x; NaN when there is no value.
  [[nodiscard]] double Rank(double x) const;
  /// The rank of each edge, in any order of edges; zeros when there is no value.
  [[nodiscard]] std::vector<double> Cdf(std::span<const double> edges) const;
  /// Kept values, ascending, with how many values each stands for; equal ones are together.
  [[nodiscard]] std::vector<std::pair<double, std::uint64_t>> Items() const;

  /// What a rank, and the share between two values, is off by at most with 99 %.
  static double RankError(int k);
  static double ShareError(int k);

  void Write(ByteWriter& out) const;
  /// Errors: kDataLoss for bytes that no Write has made.
  static Result<Kll> Read(ByteReader& in);

 private:
  using Keys = std::vector<std::int64_t>;  ///< number_key.h
  struct Level {
    Keys keys;
    std::uint8_t coin = 0;  ///< bit 0: which half moved up last; bit 1: the other half is next
  };
  struct WeightedKey {
    std::int64_t key;
    std::uint64_t weight;
  };

  [[nodiscard]] std::size_t Capacity(std::size_t level) const;
  template <typename Number>
  void AddAll(std::span<const Number> values);
  void AddKeys(std::span<const std::int64_t> keys);
  void EmptyBuffer();
  void Shrink();
  void MoveUp(std::size_t level);
  bool Coin(Level& level);
  [[nodiscard]] std::vector<WeightedKey> SortedKeys() const;
  void ReadLevels(ByteReader& in);

  int k_;
  std::uint64_t state_;  ///< of the coins
  std::uint64_t count_ = 0;
  std::int64_t min_ = std::numeric_limits<std::int64_t>::max();  ///< of values that left the buffer
  std::int64_t max_ = std::numeric_limits<std::int64_t>::min();
  std::vector<Level> levels_;
};

}  // namespace mw::sketch
