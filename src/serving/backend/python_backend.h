// A backend that runs an MLflow model directory of the flavour python_function (scikit-learn pipelines and most others
// that are logged with MLflow) in worker processes of Python: python/worker/millwright_worker.py, which this program
// carries with it. This process never unpickles anything and never loads Python.
//
// Inputs and outputs are the model's signature: named columns by name, tensors by name or "input" and "predictions".
// Any thread; blocks until every worker has loaded the model, and while an environment is made for it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "serving/backend/backend.h"

namespace mw::serving {

struct PythonBackendOptions {
  std::string program = {};  ///< path of mw-backend; empty: beside the running program
  std::string directory;     ///< absolute: where environments and the worker are kept; made when absent
  /// Interpreter of an environment of the user's that has what models need; empty: one is made for each set of
  /// requirements (python_environment.h).
  std::string python = {};
  std::size_t workers = 1;
  std::uint64_t memory_bytes_max = 0;                       ///< of one worker's data; 0: no limit
  Duration start_timeout = std::chrono::minutes(2);         ///< for importing and loading
  Duration environment_timeout = std::chrono::minutes(20);  ///< for each step of making an environment
  std::vector<std::string> environment = {};                ///< what workers find besides, as "NAME=value"
  /// Told what is being done until the workers answer; on the calling thread.
  std::function<void(std::string_view)> progress = {};
  Counter* restarts = nullptr;
  Counter* timeouts = nullptr;
};

/// Whether a directory is what MLflow calls a model.
bool IsMlflowModel(const std::string& directory);

/// `directory`: absolute. Errors: kInvalidArgument why Python cannot load the model; kUnimplemented for values that no
/// tensor holds; kFailedPrecondition when the environment cannot be made or lacks packages, naming them, or the
/// model's signature does not say what comes out; kNotFound without mw-backend; those of WorkerProcess::Start.
Result<std::unique_ptr<Backend>> StartPythonBackend(const std::string& directory, const PythonBackendOptions& options);

}  // namespace mw::serving
