// The table of what runs what.
#include "serving/backend/start_backend.h"

#include <cstdlib>
#include <memory>

#include "base/text.h"
#include "serving/backend/onnx_backend.h"

namespace mw::serving {
namespace {

Result<std::string> AbsolutePath(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> absolute(realpath(path.c_str(), nullptr), std::free);
  if (absolute == nullptr) return ErrnoError(errno, path);
  return std::string(absolute.get());
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
  return [native](const std::string& path) -> Result<std::unique_ptr<Backend>> {
    const std::string absolute = TRY(AbsolutePath(path));
    if (absolute.ends_with(".onnx")) return StartOnnxBackend(absolute, native);
    return Unimplemented(path, " is no model that is served here; known are model packages, XGBoost (.json), ONNX");
  };
}

}  // namespace mw::serving
