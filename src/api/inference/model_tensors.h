// Between a request and the tensors that workers take and give. Pure, any thread.
#pragma once

#include <memory>
#include <vector>

#include "api/inference/inference_request.h"
#include "serving/model.h"
#include "serving/tensor.h"

namespace mw::api::inference {

/// What a model with workers takes: the request's own tensors, or of a row model a copy of its rows as one matrix.
std::shared_ptr<const serving::TensorList> InputsOf(const serving::Model& model, const InferenceRequest& request);

/// The first output of numbers with that many elements, NaN when there is none: what is recorded as the prediction.
std::vector<float> FirstValues(const serving::TensorList& outputs, std::size_t count);

}  // namespace mw::api::inference
