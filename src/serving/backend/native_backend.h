// Backends whose libraries run in mw-backend: their options, and how their workers are started.
// Any thread; starting blocks until every worker has loaded the model.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "serving/backend/backend.h"

namespace mw::serving {

struct NativeBackendOptions {
  std::string program = {};  ///< path of mw-backend; empty: beside the running program
  std::size_t workers = 1;
  std::uint64_t memory_bytes_max = 0;  ///< of one worker's data; 0: no limit
  Duration start_timeout = std::chrono::seconds(60);
  /// Where optimised graphs are kept, made when absent; empty: none is kept. ONNX only.
  std::string cache_directory = {};
  Counter* restarts = nullptr;
  Counter* timeouts = nullptr;
};

/// Workers that run `mw-backend KIND PATH MORE...` in the directory of `path`, which is absolute. `file_bytes_max`: of
/// each file they write. Errors: kNotFound without mw-backend; those of WorkerProcess::Start.
Result<std::unique_ptr<Backend>> StartNativeBackend(const std::string& kind, const std::string& path,
                                                    const std::vector<std::string>& more, std::uint64_t file_bytes_max,
                                                    const NativeBackendOptions& options);

/// What one worker will take with the model loaded, told by the file's size and kind before anything is started: the
/// library's own share and so many bytes for each byte of the file (the factors stand in native_backend.cc, from
/// bench/onnx_bench.cc). Files beside the model count with it. Meant to be rather too high. Errors: from reading.
Result<std::uint64_t> EstimateBackendMemory(const std::string& path);

}  // namespace mw::serving
