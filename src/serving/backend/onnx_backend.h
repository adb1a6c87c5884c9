// A backend that runs an ONNX model with ONNX Runtime, in workers of mw-backend. Any thread; blocks until every worker
// has loaded the model. The file is scanned in the worker before the library sees a byte of it (onnx_scan.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "serving/backend/backend.h"
#include "serving/backend/native_backend.h"

namespace mw::serving {

/// `path`: a .onnx file, absolute. Errors: kInvalidArgument, kPermissionDenied, kUnimplemented, kResourceExhausted why
/// the file is refused, or the library's words; kFailedPrecondition without ONNX Runtime; those of StartNativeBackend.
Result<std::unique_ptr<Backend>> StartOnnxBackend(const std::string& path, const NativeBackendOptions& options);

}  // namespace mw::serving
