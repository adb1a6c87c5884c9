// Values into tensors.
#include "api/inference/row_outputs.h"

#include <algorithm>

namespace mw::api::inference {

template <typename Number>
std::span<const serving::TensorView> RowOutputs::Make(const serving::Model& model, std::span<const Number> values,
                                                      std::size_t rows, bool wants_value, bool wants_decision) {
  size_ = 0;
  shape_ = {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(model.num_outputs())};
  if (wants_value) {
    tensors_[size_++] = {model.output_name(),
                         sizeof(Number) == sizeof(float) ? serving::Datatype::kFp32 : serving::Datatype::kFp64,
                         std::span(shape_).first(model.num_outputs() > 1 ? 2 : 1),
                         {reinterpret_cast<const char*>(values.data()), values.size_bytes()}};
  }
  if (wants_decision && model.decision_name() != nullptr) {
    decisions_.clear();
    if (model.classes().empty()) {
      AddDecisions(model, values);
    } else {
      AddLabels(model, values);
    }
  }
  return std::span(tensors_).first(size_);
}

template <typename Number>
void RowOutputs::AddDecisions(const serving::Model& model, std::span<const Number> values) {
  const double threshold = *model.threshold();
  for (const Number value : values) decisions_ += static_cast<double>(value) >= threshold ? '\1' : '\0';
  tensors_[size_++] = {model.decision_name(), serving::Datatype::kBool, std::span(shape_).first(1), decisions_};
}

/// The likeliest class of each row; of equal ones the first.
template <typename Number>
void RowOutputs::AddLabels(const serving::Model& model, std::span<const Number> values) {
  const std::vector<std::string>& classes = model.classes();
  for (std::size_t row = 0; row < values.size(); row += classes.size()) {
    const auto own = values.subspan(row, classes.size());
    const auto likeliest = static_cast<std::size_t>(std::max_element(own.begin(), own.end()) - own.begin());
    serving::AppendElement(decisions_, classes[likeliest]);
  }
  tensors_[size_++] = {model.decision_name(), serving::Datatype::kBytes, std::span(shape_).first(1), decisions_};
}

template std::span<const serving::TensorView> RowOutputs::Make(const serving::Model& model,
                                                               std::span<const float> values, std::size_t rows,
                                                               bool wants_value, bool wants_decision);
template std::span<const serving::TensorView> RowOutputs::Make(const serving::Model& model,
                                                               std::span<const double> values, std::size_t rows,
                                                               bool wants_value, bool wants_decision);

}  // namespace mw::api::inference
