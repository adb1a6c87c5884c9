// A model that is run by code that is not ours: ONNX Runtime, XGBoost's library, Python. Such code runs in a worker
// process (docs/decisions/0009-foreign-code.md), so its crash is an error of the batch at hand and nobody else's.
//
//   Backend: one version of one model, what it takes and gives          one for each version
//   Runner:  one worker of it, one batch at a time                      as many as the backend was given
//
// Ownership: the version owns its backend, the batcher (batcher.h) drives its runners, each from one thread. specs are
// immutable once it was made.
// Invariant: Run either gives every row's outputs in the order of the rows, or an error for the whole batch.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "serving/tensor.h"

namespace mw::serving {

class Runner {
 public:
  virtual ~Runner() = default;
  /// `batch`: tensors in the order of Backend::inputs, joined along their first dimension when the backend is
  /// batchable. Blocks until the worker has answered, at most `timeout`; a worker that takes longer is ended and
  /// started again. Errors: kInvalidArgument what the library says of the values; kUnavailable the worker died or is
  /// being started again, try once more; kDeadlineExceeded; kInternal what else the library says.
  virtual Result<TensorList> Run(const TensorList& batch, Duration timeout) = 0;
  /// False while a worker that failed several times in a row waits before it is started again: Run would answer
  /// kUnavailable at once, another runner may not. Any thread.
  [[nodiscard]] virtual bool Ready() const { return true; }
};

struct BackendInfo {
  std::string platform;  ///< as model metadata names it: "onnxruntime_onnx", "xgboost", "mlflow_pyfunc"
  std::string library;   ///< what runs it: "ONNX Runtime 1.30.0"
  std::vector<TensorSpec> inputs, outputs;
  bool batchable = true;                        ///< every first dimension is the rows
  std::uint64_t memory_bytes = 0;               ///< of one worker with the model loaded
  std::vector<std::string> feature_names = {};  ///< columns of the one input, where the model file names them
};

class Backend {
 public:
  virtual ~Backend() = default;
  [[nodiscard]] virtual const BackendInfo& info() const = 0;
  /// Live for as long as the backend.
  [[nodiscard]] virtual std::vector<Runner*> runners() = 0;
};

}  // namespace mw::serving
