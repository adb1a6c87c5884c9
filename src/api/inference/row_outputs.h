// The outputs of a row model as tensors: its values, and what is decided from them. One for each thread; the tensors
// point into it and into the values and are valid until the next call.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "serving/model.h"
#include "serving/tensor.h"

namespace mw::api::inference {

class RowOutputs {
 public:
  /// `values`: rows x the model's outputs, floats or doubles. The value first, then the decision, as far as they are
  /// wanted and there.
  template <typename Number>
  std::span<const serving::TensorView> Make(const serving::Model& model, std::span<const Number> values,
                                            std::size_t rows, bool wants_value, bool wants_decision);

 private:
  template <typename Number>
  void AddDecisions(const serving::Model& model, std::span<const Number> values);
  template <typename Number>
  void AddLabels(const serving::Model& model, std::span<const Number> values);

  std::array<serving::TensorView, 2> tensors_;
  std::size_t size_ = 0;
  std::array<std::int64_t, 2> shape_{};  // of the value
  std::string decisions_;
};

}  // namespace mw::api::inference
