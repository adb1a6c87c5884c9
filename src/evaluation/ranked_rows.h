// Rows with their labels and predicted probabilities, in the order that every metric of ranking needs:
// made once, passed over a thousand times by the bootstrap.
//
// A block is a group of rows that are not independent of one another (flights of one hour share their
// weather); resampling draws whole blocks. What is linear in a row's weight (losses, counts at the
// threshold, bins of equal width) is summed per block here, so a pass over rows only does the ranking.
// Immutable after Make; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace mw::evaluation {

/// One element per row. `blocks` numbers the blocks from 0 without gaps; empty: each row is its own.
struct ScoredRows {
  std::vector<std::uint8_t> positives;  ///< label: 0 or 1
  std::vector<double> probabilities;
  std::vector<std::uint32_t> blocks;
};

inline constexpr int kMassBins = 15;
inline constexpr int kWidthBins = 10;
/// Probabilities are kept this far from 0 and 1 in log loss.
inline constexpr double kLogLossClip = 1e-15;

class RankedRows {
 public:
  /// Flagged are the rows whose probability is at or above `threshold`. Errors: kInvalidArgument for
  /// vectors of unequal length, a label other than 0 and 1, or a probability outside [0, 1] (NaN too),
  /// each naming the row.
  static Result<RankedRows> Make(const ScoredRows& rows, double threshold);

  /// The rows for which `keep` is not 0, their blocks numbered anew. `keep` is in the order of the
  /// ScoredRows this was made of.
  [[nodiscard]] RankedRows Subset(std::span<const std::uint8_t> keep) const;

  [[nodiscard]] std::size_t size() const { return probabilities_.size(); }
  [[nodiscard]] std::size_t num_blocks() const { return block_sums_.size(); }
  [[nodiscard]] double threshold() const { return threshold_; }

  // In descending order of probability.
  [[nodiscard]] std::span<const double> probabilities() const { return probabilities_; }
  [[nodiscard]] std::span<const std::uint8_t> positives() const { return positives_; }
  [[nodiscard]] std::span<const std::uint32_t> blocks() const { return blocks_; }
  /// One past the last row of each group of equal probabilities.
  [[nodiscard]] std::span<const std::uint32_t> group_ends() const { return group_ends_; }

  /// Sums over the rows of one block.
  struct BlockSums {
    double rows = 0, positives = 0;
    double flagged = 0, flagged_positives = 0;
    double predicted = 0, log_loss = 0, squared_error = 0;
    std::array<double, kWidthBins> width_gap{};  ///< of label - probability, by bin of probability
  };
  [[nodiscard]] std::span<const BlockSums> block_sums() const { return block_sums_; }

 private:
  RankedRows() = default;
  void Sort(const ScoredRows& rows);
  void FindGroups();
  void SumBlocks();

  double threshold_ = 0;
  std::vector<double> probabilities_;
  std::vector<std::uint8_t> positives_;
  std::vector<std::uint32_t> blocks_;
  std::vector<std::uint32_t> origin_;  ///< position in the ScoredRows
  std::vector<std::uint32_t> group_ends_;
  std::vector<BlockSums> block_sums_;
};

}  // namespace mw::evaluation
