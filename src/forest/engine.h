// What every engine does: add up the leaves that rows reach. Sum is float or double, as the model's library adds.
// Immutable once made, any thread.
// Invariant: each output's sum starts at its base margin and takes its leaves in the order of the trees, so that all
// engines give the same bits.
#pragma once

#include <cstddef>

namespace mw::forest {

template <typename Sum>
class SumEngine {
 public:
  SumEngine() = default;
  SumEngine(const SumEngine&) = delete;
  SumEngine& operator=(const SumEngine&) = delete;
  virtual ~SumEngine() = default;

  /// `rows`: count x num_features. Writes count x num_outputs sums, row by row.
  virtual void AddUp(const float* rows, std::size_t count, Sum* sums) const = 0;
  /// Rows that cost as much as one: a batch is best cut at multiples of it.
  [[nodiscard]] virtual std::size_t rows_at_once() const { return 1; }
  /// What it keeps beside the ensemble.
  [[nodiscard]] virtual std::size_t memory_bytes() const { return 0; }
};

}  // namespace mw::forest
