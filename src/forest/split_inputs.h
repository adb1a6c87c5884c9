// What the splits of a forest look at, each thing once: numeric features with the rules for their missing values,
// then the category sets. The engines compute every input once for a row (or a block of rows), with the missing value
// already turned into one that goes the right way; a split is then one comparison without a special case.
// Pure, any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "forest/ensemble.h"

namespace mw::forest {

struct NumericInput {
  std::uint32_t feature = 0;
  bool default_left = false;
  bool zero_is_missing = false;
  auto operator<=>(const NumericInput&) const = default;

  /// A value is there when its size is above this; false for NaN too.
  [[nodiscard]] float MissingMax() const { return zero_is_missing ? kZeroMax : -1.0F; }
};

/// The category sets of one feature: [first, first + count) in Ensemble::category_sets.
struct CategoryFeature {
  std::uint32_t feature = 0;
  std::size_t first = 0;
  std::size_t count = 0;
  std::uint32_t code_max = 0;  ///< the greatest category that any of the sets lists

  /// The row of a look-up table that a value asks for: its category up to code_max; code_max + 1 for anything else;
  /// code_max + 2 when it is missing.
  [[nodiscard]] std::uint32_t TableRow(float value, CategoryRule rule) const {
    if (value != value) return code_max + 2;
    if (!IsCategory(value, rule)) return code_max + 1;
    const std::uint32_t category = CategoryOf(value);
    return category <= code_max ? category : code_max + 1;
  }
};

class SplitInputs {
 public:
  explicit SplitInputs(const Ensemble& ensemble);

  /// The input of a split: numeric inputs come first, then the category sets in their order.
  [[nodiscard]] std::size_t IndexOf(const Node& split) const;
  [[nodiscard]] std::size_t size() const { return numeric_.size() + num_sets_; }
  [[nodiscard]] const std::vector<NumericInput>& numeric() const { return numeric_; }
  [[nodiscard]] const std::vector<CategoryFeature>& categorical() const { return categorical_; }

 private:
  std::vector<NumericInput> numeric_;  ///< sorted
  std::vector<CategoryFeature> categorical_;
  std::size_t num_sets_;
};

}  // namespace mw::forest
