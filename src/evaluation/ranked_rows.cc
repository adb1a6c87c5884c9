// Sorts rows by probability and sums them by block.
#include "evaluation/ranked_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/assert.h"
#include "base/text.h"
#include "evaluation/sum.h"

namespace mw::evaluation {
namespace {

double LogLoss(double probability, bool positive) {
  const double clipped = std::clamp(probability, kLogLossClip, 1 - kLogLossClip);
  return positive ? -std::log(clipped) : -std::log1p(-clipped);
}

std::size_t WidthBin(double probability) {
  return std::min<std::size_t>(static_cast<std::size_t>(probability * kWidthBins), kWidthBins - 1);
}

struct CompensatedBlock {
  Sum predicted, log_loss, squared_error;
  std::array<Sum, kWidthBins> width_gap;
};

Status CheckShape(const ScoredRows& rows) {
  const std::size_t count = rows.probabilities.size();
  if (rows.positives.size() != count || (!rows.blocks.empty() && rows.blocks.size() != count)) {
    return InvalidArgument(count, " probabilities beside ", rows.positives.size(), " labels and ", rows.blocks.size(),
                           " blocks; every row needs one of each");
  }
  if (count > std::numeric_limits<std::uint32_t>::max()) return InvalidArgument(count, " rows are too many");
  return Ok();
}

Status CheckValues(const ScoredRows& rows) {
  for (std::size_t i = 0; i < rows.probabilities.size(); ++i) {
    const double probability = rows.probabilities[i];
    if (!(probability >= 0 && probability <= 1)) {
      return InvalidArgument("row ", i, ": the model answered ", probability, "; a probability lies between 0 and 1");
    }
    if (rows.positives[i] > 1)
      return InvalidArgument("row ", i, ": label ", int{rows.positives[i]}, " is neither 0 nor 1");
  }
  return Ok();
}

}  // namespace

Result<RankedRows> RankedRows::Make(const ScoredRows& rows, double threshold) {
  TRY(CheckShape(rows));
  TRY(CheckValues(rows));
  RankedRows ranked;
  ranked.threshold_ = threshold;
  ranked.Sort(rows);
  ranked.FindGroups();
  ranked.SumBlocks();
  return ranked;
}

void RankedRows::Sort(const ScoredRows& rows) {
  const std::size_t count = rows.probabilities.size();
  origin_.resize(count);
  std::iota(origin_.begin(), origin_.end(), 0U);
  std::sort(origin_.begin(), origin_.end(), [&](std::uint32_t a, std::uint32_t b) {
    const double left = rows.probabilities[a], right = rows.probabilities[b];
    return left != right ? left > right : a < b;
  });
  probabilities_.reserve(count);
  positives_.reserve(count);
  blocks_.reserve(count);
  for (const std::uint32_t row : origin_) {
    probabilities_.push_back(rows.probabilities[row]);
    positives_.push_back(rows.positives[row]);
    blocks_.push_back(rows.blocks.empty() ? row : rows.blocks[row]);
  }
}

void RankedRows::FindGroups() {
  for (std::size_t i = 0; i < size(); ++i) {
    if (i + 1 == size() || probabilities_[i] != probabilities_[i + 1]) {
      group_ends_.push_back(static_cast<std::uint32_t>(i + 1));
    }
  }
}

void RankedRows::SumBlocks() {
  const std::size_t count = blocks_.empty() ? 0 : std::size_t{*std::max_element(blocks_.begin(), blocks_.end())} + 1;
  block_sums_.resize(count);
  std::vector<CompensatedBlock> exact(count);
  for (std::size_t i = 0; i < size(); ++i) {
    const double probability = probabilities_[i], label = positives_[i];
    BlockSums& sums = block_sums_[blocks_[i]];
    CompensatedBlock& fine = exact[blocks_[i]];
    const double flagged = probability >= threshold_ ? 1 : 0;
    sums.rows += 1;
    sums.positives += label;
    sums.flagged += flagged;
    sums.flagged_positives += flagged * label;
    fine.predicted.Add(probability);
    fine.log_loss.Add(LogLoss(probability, positives_[i] != 0));
    fine.squared_error.Add((probability - label) * (probability - label));
    fine.width_gap[WidthBin(probability)].Add(label - probability);
  }
  for (std::size_t block = 0; block < count; ++block) {
    BlockSums& sums = block_sums_[block];
    sums.predicted = exact[block].predicted.Total();
    sums.log_loss = exact[block].log_loss.Total();
    sums.squared_error = exact[block].squared_error.Total();
    for (std::size_t bin = 0; bin < kWidthBins; ++bin) sums.width_gap[bin] = exact[block].width_gap[bin].Total();
  }
}

RankedRows RankedRows::Subset(std::span<const std::uint8_t> keep) const {
  MW_ASSERT(keep.size() >= size());
  constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint32_t> renumbered(num_blocks(), kNone);
  std::uint32_t next = 0;
  RankedRows out;
  out.threshold_ = threshold_;
  for (std::size_t i = 0; i < size(); ++i) {
    if (keep[origin_[i]] == 0) continue;
    std::uint32_t& block = renumbered[blocks_[i]];
    if (block == kNone) block = next++;
    out.probabilities_.push_back(probabilities_[i]);
    out.positives_.push_back(positives_[i]);
    out.blocks_.push_back(block);
    out.origin_.push_back(origin_[i]);
  }
  out.FindGroups();
  out.SumBlocks();
  return out;
}

}  // namespace mw::evaluation
