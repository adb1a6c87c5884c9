// The requests by which a model of tensors is warmed up, and held against the answers of the library that trained it.
// Any thread; a run blocks until the worker has answered.
//
// A forest must repeat its library's bits, since its arithmetic is ours. A library of others may round differently from
// machine to machine, so tensors of floats agree within kAnswerTolerance; whole numbers and texts are the same.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "serving/backend/backend.h"
#include "serving/model_config.h"
#include "serving/tensor.h"

namespace mw::serving {

/// |a - b| <= kAnswerTolerance x (1 + |b|); of two-byte floats a hundred times as much.
inline constexpr double kAnswerTolerance = 1e-5;

struct WarmUpRequest {
  TensorList inputs;   ///< by name, in any order
  TensorList outputs;  ///< what is answered, some of the outputs or all; empty: not known
  int times = 1;
};

/// One row of every input, zeros or empty texts; sizes that a model leaves open are 1.
TensorList ZeroRow(const std::vector<TensorSpec>& inputs);

/// {"inputs":[..],"outputs":[..]} each. Errors: kInvalidArgument naming the request.
Result<std::vector<WarmUpRequest>> WarmUpFromJson(const std::vector<Json>& requests);
Json WarmUpToJson(const WarmUpRequest& request);

/// What config.pbtxt asks for; random numbers are the same every time, from 0 to 1 or whole ones from 0 to 99.
/// Errors: kInvalidArgument for a shape too large, or a file that is not of its size.
Result<std::vector<WarmUpRequest>> WarmUpOf(const ModelConfig& config);

/// Errors: kInvalidArgument for an input that the model lacks or of another datatype or shape; the runner's.
Result<TensorList> Answer(Backend& backend, const WarmUpRequest& request, Duration timeout);
/// Errors: kFailedPrecondition naming the output, the element and both values.
Status CompareAnswers(const TensorList& ours, const TensorList& theirs);
/// All of them, in order. Errors: those of Answer and CompareAnswers.
Status WarmUp(Backend& backend, const std::vector<WarmUpRequest>& requests, Duration timeout);

}  // namespace mw::serving
