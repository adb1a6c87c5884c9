// Which foreign code runs a model file: by its name, for a directory by what lies in it. Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/metrics.h"
#include "serving/model.h"

namespace mw::serving {

struct ForeignOptions {
  std::size_t workers = 1;             ///< processes for each version
  std::uint64_t memory_bytes_max = 0;  ///< of one worker's data; 0: no limit
  std::string cache_directory;         ///< for what libraries compile; empty: none is kept
  /// Absolute: for the environments that MLflow's models need; empty: such models are refused
  std::string python_directory;
  std::string python;  ///< interpreter of an environment of the user's for them; empty: environments are made
  std::function<void(std::string_view)> progress = {};  ///< told what is done for such a model, on the loading thread
};

/// For Model::Load: starts ONNX Runtime for .onnx files, XGBoost's own library for its files, Python for a directory of
/// MLflow's. `metrics` outlives what it starts. Errors of what it gives: kUnimplemented for a file that nothing here
/// runs; those of the backend.
StartBackend MakeStartBackend(const ForeignOptions& options, MetricsRegistry& metrics);

}  // namespace mw::serving
