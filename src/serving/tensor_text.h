// Tensors as JSON, in the words of the Open Inference Protocol: as packages and people write the requests by which a
// model is warmed up and checked. Requests of clients are decoded elsewhere, faster (api/inference). Pure; any thread.
#pragma once

#include "base/json.h"
#include "base/result.h"
#include "serving/tensor.h"

namespace mw::serving {

/// [{"name","datatype","shape","data"}]: data row by row, nested or not; of BYTES texts, of floats null where missing.
/// Errors: kInvalidArgument naming the tensor.
Result<TensorList> TensorsFromJson(const Json& tensors);
/// The same, data not nested. Floats are written so that they read back to the same bits; what is not finite as null.
Json TensorsToJson(const TensorList& tensors);

}  // namespace mw::serving
