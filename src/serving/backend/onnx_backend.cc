// The ONNX backend's arguments, and what it will take.
#include "serving/backend/onnx_backend.h"

#include "base/file.h"
#include "serving/backend/onnx_scan.h"

namespace mw::serving {

Result<std::unique_ptr<Backend>> StartOnnxBackend(const std::string& path, const NativeBackendOptions& options) {
  if (options.cache_directory.empty()) return StartNativeBackend("onnx", path, {}, 0, options);
  TRY(MakeDirectories(options.cache_directory));
  return StartNativeBackend("onnx", path, {options.cache_directory}, kOnnxFileBytesMax, options);
}

}  // namespace mw::serving
