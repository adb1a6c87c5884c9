// Exact Shapley values of a tree ensemble's margin, one for each feature and row ("path-dependent
// TreeSHAP"): what a prediction owes to each of its inputs. A coalition of features is worth what the trees
// expect when only its members are known and every other split is taken as often as the training rows took
// it. They are XGBoost's pred_contribs, but in double precision and some hundred times faster:
// values of shallow trees are looked up (pattern_tables.h), any other tree is walked (path_walk.h).
//
//   sum of a row's values + expected_value() = its margin           (to the last digits of a double)
//
// Immutable once made, any number of threads; Explain allocates its scratch itself and does not lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "forest/ensemble.h"

namespace mw::explain {

struct TreeShapOptions {
  std::size_t table_bytes_max = std::size_t{64} << 20;  ///< trees beyond it are walked; 0 walks all
  std::uint32_t output = 0;  ///< the class whose margin is explained, where there are several
};

class TreeShap {
 public:
  /// Takes some 0.1 s for 100 trees of depth 6: make it once for a model.
  /// Errors: kFailedPrecondition when the model carries no covers (sum_hessian), or unusable ones;
  /// kInvalidArgument for an output that it does not have.
  static Result<TreeShap> Make(const forest::Ensemble& ensemble, const TreeShapOptions& options = {});
  /// The text of a model that XGBoost saved. Errors: also those of forest::Forest::FromXgboostJson.
  static Result<TreeShap> FromXgboostJson(std::string_view json, const TreeShapOptions& options = {});

  TreeShap(TreeShap&&) noexcept;
  TreeShap& operator=(TreeShap&&) noexcept;
  ~TreeShap();

  [[nodiscard]] std::size_t num_features() const;
  /// The margin when nothing is known: the base margin and every leaf by its share of the training rows.
  [[nodiscard]] double expected_value() const;
  /// "100 trees over 30 features: 100 by tables of 11.4 MB, 0 walked".
  [[nodiscard]] std::string Describe() const;

  /// `rows`: `count` x num_features() as for forest::Forest::Predict. Writes to `phi` for each row num_features() + 1
  /// numbers: the values in margin space, then expected_value(). Asserts that the sizes fit.
  void Explain(std::span<const float> rows, std::size_t count, std::span<double> phi) const;

 private:
  struct Plan;
  explicit TreeShap(std::unique_ptr<const Plan> plan);
  std::unique_ptr<const Plan> plan_;
};

}  // namespace mw::explain
