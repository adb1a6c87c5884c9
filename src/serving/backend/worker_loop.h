// The worker's side of the worker protocol, for workers written in C++: says hello, answers runs until the server
// closes the socket. One thread, which owns the model.
#pragma once

#include <memory>
#include <span>

#include "base/result.h"
#include "serving/backend/backend.h"
#include "serving/tensor.h"

namespace mw::serving {

/// A model as a worker holds it.
class WorkerModel {
 public:
  virtual ~WorkerModel() = default;
  [[nodiscard]] virtual const BackendInfo& info() const = 0;
  /// `inputs` agree with info().inputs in order, datatype and shape. Adds the outputs to `outputs`, which is empty.
  virtual Status Run(std::span<const TensorView> inputs, TensorList& outputs) = 0;
};

/// Serves the model, or tells the server why there is none, on kWorkerSocket. The exit code of the program.
int ServeWorker(Result<std::unique_ptr<WorkerModel>> model);

}  // namespace mw::serving
