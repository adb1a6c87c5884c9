// What is served, as the extensions of the Open Inference Protocol tell it: index, statistics, configuration. REST
// (v2_catalog.h) and gRPC (grpc/catalog_methods.h) write the same values, each in its own form. The runner's thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/inference/inference_runner.h"
#include "serving/model_repository.h"
#include "serving/served.h"
#include "serving/tensor.h"

namespace mw::api::inference {

/// By the names that the protocol's documents give them.
std::span<const std::string_view> ServerExtensions();

struct CountedTime {
  std::uint64_t count = 0, ns = 0;
};

/// Of one version since the process began, also of what it was before a reload.
struct VersionStatistics {
  std::uint64_t last_inference_ms = 0;  ///< since 1970; 0: none yet
  std::uint64_t inference_count = 0;    ///< rows that the model computed: answers from the cache are none of them
  std::uint64_t execution_count = 0;    ///< how often it computed: of a model with workers once for each batch
  // How long refused and failed requests took is not measured, nor is a look into the cache.
  CountedTime success, fail, queue, compute_input, compute_infer, compute_output, cache_hit;
};
/// Flush the runner first.
VersionStatistics StatisticsOf(InferenceRunner& runner, const serving::ServedVersion& version);

// What both refuse.
/// Whether a parameter of a load would bring files or a configuration along: only the directory's own are loaded.
bool IsForeignContent(std::string_view parameter);
Error ForeignContent(std::string_view parameter);
/// Of a server that was given no ModelControl.
Error NoModelControl();
Error NoModelName(std::string_view name);

/// Every version that is known, served or not; `ready`: only those that answer.
std::vector<serving::RepositoryEntry> IndexOf(InferenceRunner& runner, bool ready);

/// In a sentence, of a server that is not ready: the models that do not answer, and why.
std::string WhyNotReady(InferenceRunner& runner);
/// The same error, saying why a model does not answer where its repository knows and the error does not. Not inside
/// InferenceRunner::Read.
Error ModelNotReady(InferenceRunner& runner, std::string_view model, Error error);

/// As the model configuration extension has it.
struct ModelConfiguration {
  std::string name, platform, backend;
  /// Of a repository's model that says so; then shapes are those of one row. 0: shapes are whole, rows included.
  std::int64_t max_batch_size = 0;
  std::vector<serving::TensorSpec> inputs, outputs;
  std::vector<std::pair<std::string, std::string>> parameters;
};
ModelConfiguration ConfigurationOf(const serving::ServedVersion& version);

}  // namespace mw::api::inference
