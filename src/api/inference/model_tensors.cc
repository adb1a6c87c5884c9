// Rows to a matrix, outputs to values.
#include "api/inference/model_tensors.h"

#include <array>
#include <limits>

#include "api/inference/tensor_values.h"

namespace mw::api::inference {

std::shared_ptr<const serving::TensorList> InputsOf(const serving::Model& model, const InferenceRequest& request) {
  if (!model.takes_rows()) return request.tensors;
  auto matrix = std::make_shared<serving::TensorList>();
  const std::array<std::int64_t, 2> shape = {static_cast<std::int64_t>(request.rows),
                                             static_cast<std::int64_t>(model.num_features())};
  const std::span<const float> rows = request.features;
  matrix->Append({model.backend()->info().inputs.front().name,
                  serving::Datatype::kFp32,
                  shape,
                  {reinterpret_cast<const char*>(rows.data()), rows.size_bytes()}});
  return matrix;
}

std::vector<float> FirstValues(const serving::TensorList& outputs, std::size_t count) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const serving::TensorView tensor = outputs[i];
    const std::size_t size = serving::DatatypeBytes(tensor.datatype);
    if (size == 0 || tensor.bytes.size() != count * size) continue;
    std::vector<float> values(count);
    for (std::size_t at = 0; at < count; ++at) {
      values[at] = static_cast<float>(NumberAt(tensor.datatype, tensor.bytes.data() + at * size));
    }
    return values;
  }
  return std::vector<float>(count, std::numeric_limits<float>::quiet_NaN());
}

}  // namespace mw::api::inference
