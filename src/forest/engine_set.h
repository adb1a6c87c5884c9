// Every engine that fits a forest, and which is the fastest for a batch's size: measured once on rows made up from
// the trees' own thresholds. Immutable once made, any thread.
// Invariant: on this machine each of them gave the walk's bits for such rows, some with infinities; one that did not is
// left out.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "forest/engine.h"
#include "forest/ensemble.h"

namespace mw::forest {

/// Values at the thresholds and among the categories, some missing: rows that take all ways through the trees. The same
/// every time.
std::vector<float> SampleRows(const Ensemble& ensemble, std::size_t count);

/// The first of the rows for which `engine` has other sums than `definition`, in any bit; `count` when none.
template <typename Sum>
std::size_t FirstOtherSum(const SumEngine<Sum>& definition, const SumEngine<Sum>& engine,
                          const std::vector<float>& rows, std::size_t count, std::size_t num_outputs);

template <typename Sum>
class EngineSet {
 public:
  using Engines = std::array<std::unique_ptr<const SumEngine<Sum>>, kEngines>;
  /// The ensemble has to outlive the set. Takes a few milliseconds, most of it measuring.
  explicit EngineSet(const Ensemble& ensemble) : EngineSet(ensemble, EnginesOf(ensemble)) {}
  /// The same of engines that were made for it, the walk among them.
  EngineSet(const Ensemble& ensemble, Engines engines);
  /// All that fit this forest and this machine.
  static Engines EnginesOf(const Ensemble& ensemble);

  [[nodiscard]] bool Fits(Engine engine) const { return Get(engine) != nullptr; }
  /// Null when it does not fit.
  [[nodiscard]] const SumEngine<Sum>* Get(Engine engine) const {
    return engines_[static_cast<std::size_t>(engine)].get();
  }
  [[nodiscard]] Engine EngineFor(std::size_t count) const;
  void AddUp(const float* rows, std::size_t count, Sum* sums) const;
  /// Of all engines; what several share once.
  [[nodiscard]] std::size_t memory_bytes() const;
  /// "1,100,000 (1 row, interleaved), ...".
  [[nodiscard]] std::string Describe() const;

 private:
  /// For batches of at least that many rows; the first one is for all.
  struct Choice {
    std::size_t rows = 1;
    Engine engine = Engine::kWalk;
    double rows_per_second = 0;
  };
  void LeaveOutWrongEngines(const Ensemble& ensemble);
  void Measure(const Ensemble& ensemble);

  std::size_t num_features_;
  std::size_t num_outputs_;
  Engines engines_;
  std::array<Choice, 4> choices_;
};

}  // namespace mw::forest
