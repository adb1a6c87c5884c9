// A tree ensemble, ready to predict: the fast path of the inference plane.
//
// Answers are bit-equal to XGBoost 1.7.4's own (same comparisons, same order of float sums, same
// sigmoid); tests train real models and compare. At load the forest lays its trees out for the fastest
// engine that fits them (README.md): a branchless one for single rows, an AVX2 one for batches, a plain
// walk for the rest. Immutable after loading; any number of threads may predict at once; prediction
// does not lock, and allocates only for models with thousands of features or category splits.
//
// Understood: gbtree boosters (also num_parallel_tree, categorical splits, missing values, several classes)
// with the objectives of the enum below. Everything else is refused with a sentence that names it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mw::forest {

enum class Objective : std::uint8_t {
  kLogistic,      ///< binary:logistic, predictions are probabilities
  kLogitRaw,      ///< binary:logitraw, predictions are margins
  kSquaredError,  ///< reg:squarederror
  kSoftmax,       ///< multi:softprob, predictions are a probability for each class
};
/// XGBoost's name of it: "binary:logistic".
std::string_view ObjectiveName(Objective objective);

enum class Engine : std::uint8_t {
  kWalk,         ///< any forest, one node after the other
  kInterleaved,  ///< one row through eight trees at a time, without branches
  kBinned,       ///< 32 rows at a time on AVX2: values become bytes, depth <= 6
};
std::string_view EngineName(Engine engine);

struct Plan;

class Forest {
 public:
  /// The text of a model that XGBoost saved as JSON (any version up to the fields that 1.7.4 writes).
  /// When the booster carries the attribute best_iteration (early stopping), only the trees up to and
  /// including that iteration count, as in XGBoost's scikit-learn interface.
  /// Errors: kInvalidArgument for text that is no such model; kUnimplemented for a booster or an
  /// objective that this forest does not evaluate; kResourceExhausted beyond the limits of xgboost_json.h.
  static Result<Forest> FromXgboostJson(std::string_view json);

  Forest(Forest&&) noexcept;
  Forest& operator=(Forest&&) noexcept;
  ~Forest();

  [[nodiscard]] std::size_t num_features() const;
  /// Numbers for each row: 1, or one for each class.
  [[nodiscard]] std::size_t num_outputs() const;
  /// Trees that take part in predictions.
  [[nodiscard]] std::size_t num_trees() const;
  [[nodiscard]] std::size_t max_depth() const;
  /// In column order; empty when the model carries none.
  [[nodiscard]] const std::vector<std::string>& feature_names() const;
  /// XGBoost's: "q" or "float", "int", "i" (indicator), "c" (categorical); empty when the model carries none.
  [[nodiscard]] const std::vector<std::string>& feature_types() const;
  [[nodiscard]] Objective objective() const;
  /// As the model states it: a probability for binary:logistic, a margin for the others.
  [[nodiscard]] float base_score() const;

  /// `rows`: `count` x num_features(), row-major, NaN where missing; a category is its code. Writes
  /// `count` x num_outputs() predictions (see Objective), row by row, to `out`. Asserts that the sizes fit.
  void Predict(std::span<const float> rows, std::size_t count, std::span<float> out) const;
  /// The same before the objective's transformation.
  void PredictMargin(std::span<const float> rows, std::size_t count, std::span<float> out) const;

  /// The engine that a batch of that many rows mostly runs on.
  [[nodiscard]] Engine EngineFor(std::size_t count) const;
  /// Whether that engine can run this forest on this machine.
  [[nodiscard]] bool Fits(Engine engine) const;
  /// PredictMargin on one given engine, for tests and benchmarks. Fits(engine) must hold.
  void PredictMarginOn(Engine engine, std::span<const float> rows, std::size_t count, std::span<float> out) const;
  /// "143 trees of depth <= 6 over 20 features; 1 row: interleaved, 32 rows: binned".
  [[nodiscard]] std::string Describe() const;

 private:
  explicit Forest(std::unique_ptr<const Plan> plan);
  std::unique_ptr<const Plan> plan_;
};

}  // namespace mw::forest
