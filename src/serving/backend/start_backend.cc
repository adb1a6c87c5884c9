// The table of what runs what.
#include "serving/backend/start_backend.h"

#include <cstdlib>
#include <memory>

#include "base/log.h"
#include "base/text.h"
#include "serving/backend/onnx_backend.h"
#include "serving/backend/python_backend.h"
#include "serving/backend/xgboost_backend.h"

namespace mw::serving {
namespace {

Result<std::string> AbsolutePath(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> absolute(realpath(path.c_str(), nullptr), std::free);
  if (absolute == nullptr) return ErrnoError(errno, path);
  return std::string(absolute.get());
}

Result<std::unique_ptr<Backend>> StartPython(const std::string& path, PythonBackendOptions options) {
  if (options.directory.empty()) {
    return FailedPrecondition(path, " is a model of MLflow's, whose environment needs a place: give --state-dir");
  }
  options.progress = [path, told = std::move(options.progress)](std::string_view what) {
    LogInfo("a model is made ready", {{"model", Json(path)}, {"doing", Json(what)}});
    if (told) told(what);
  };
  return StartPythonBackend(path, options);
}

bool IsXgboost(const std::string& path) {
  return path.ends_with(".json") || path.ends_with(".ubj") || path.ends_with(".xgb") || path.ends_with(".bst");
}

}  // namespace

StartBackend MakeStartBackend(const ForeignOptions& options, MetricsRegistry& metrics) {
  NativeBackendOptions native;
  native.workers = options.workers;
  native.memory_bytes_max = options.memory_bytes_max;
  native.cache_directory = options.cache_directory;
  native.restarts = &metrics.AddCounter("millwright_backend_restarts_total",
                                        "Workers of foreign code that ended and were started again.");
  native.timeouts =
      &metrics.AddCounter("millwright_backend_timeouts_total", "Batches that took too long, with their workers.");
  PythonBackendOptions python;
  python.directory = options.python_directory;
  python.python = options.python;
  python.workers = options.workers;
  python.memory_bytes_max = options.memory_bytes_max;
  python.progress = options.progress;
  python.restarts = native.restarts;
  python.timeouts = native.timeouts;
  return [native, python](const std::string& path) -> Result<std::unique_ptr<Backend>> {
    const std::string absolute = TRY(AbsolutePath(path));
    if (absolute.ends_with(".onnx")) return StartOnnxBackend(absolute, native);
    if (IsXgboost(absolute)) return StartXgboostBackend(absolute, native);
    if (IsMlflowModel(absolute)) return StartPython(absolute, python);
    return Unimplemented(path, " is no model that is served here; known are model packages, XGBoost (.json, .ubj), ",
                         "LightGBM (.txt), ONNX (.onnx) and directories of MLflow's");
  };
}

}  // namespace mw::serving
