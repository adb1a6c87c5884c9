// How far two versions' answers to the same rows are apart. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "serving/model.h"
#include "serving/tensor.h"

namespace mw::api::inference {

struct AnswerDifference {
  std::uint64_t rows = 0;
  std::uint64_t disagreements = 0;  ///< rows that are decided otherwise
  std::uint64_t numbers = 0;        ///< that both answered
  double sum = 0;                   ///< of their absolute differences
  double max = 0;
};

/// Of two row models: a decision is what is decided by the model's own threshold, or the likeliest class. Values that
/// are not finite count as decisions. Nothing when the models answer with
/// other numbers of values or other classes.
std::optional<AnswerDifference> DifferenceOf(const serving::Model& first, std::span<const float> first_values,
                                             const serving::Model& second, std::span<const float> second_values);

/// Of two tensor models, whose outputs are matched by name. Texts, truths and whole numbers are decisions; of numbers
/// with a fraction the difference counts. Nothing when no output is in both with one datatype and shape.
std::optional<AnswerDifference> DifferenceOf(const serving::TensorList& first, const serving::TensorList& second,
                                             std::size_t rows);

}  // namespace mw::api::inference
