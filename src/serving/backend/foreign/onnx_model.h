// An ONNX model in ONNX Runtime, as mw-backend holds it. The library is opened at run time: its symbols are versioned,
// and a machine without it is told so in one sentence. One thread. The file was scanned (onnx_scan.h) before the
// library is given its bytes; the library itself opens no file but the compile cache's.
//
// Compile cache: the graph as the library optimised it for this processor, in the cache directory as
// DIGEST-ortVERSION-PROCESSOR.onnx; a file that does not load is removed and made anew. Not kept: models of few nodes,
// which are optimised sooner than found, and those whose tensors lie in other files.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "serving/backend/worker_loop.h"

namespace mw::serving {

/// Of all files in a compile cache's directory; the oldest go first.
inline constexpr std::uint64_t kOnnxCacheBytesMax = std::uint64_t{2} << 30;
inline constexpr std::size_t kOnnxCacheNodes = 100;

struct OnnxModelOptions {
  std::string path;
  std::string cache_directory;  ///< empty: no compile cache
  int threads = 1;              ///< of one operator
};

/// Dynamic axes become -1. A classifier's list of maps (scikit-learn's converter makes such) becomes FP32
/// [rows, classes] in the order of the classes. Errors: from ScanOnnx; kFailedPrecondition without the library or
/// with one that is too old; kUnimplemented for element types the protocol lacks; kInvalidArgument with the library's
/// words.
Result<std::unique_ptr<WorkerModel>> LoadOnnxModel(const OnnxModelOptions& options);

}  // namespace mw::serving
