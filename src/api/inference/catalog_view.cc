// Reads metrics, snapshots and models.
#include "api/inference/catalog_view.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/text.h"

namespace mw::api::inference {
namespace {

CountedTime TimeOf(const Histogram& seconds) {
  CountedTime time;
  for (std::size_t i = 0; i <= seconds.bounds().size(); ++i) time.count += seconds.Count(i);
  time.ns = static_cast<std::uint64_t>(seconds.Sum() * 1e9);
  return time;
}

/// Threads bring their counts together one after the other, so that a part may be ahead of the whole for a moment.
std::uint64_t Without(std::uint64_t whole, std::uint64_t part) { return whole - std::min(whole, part); }

std::vector<serving::TensorSpec> RowShapes(std::vector<serving::TensorSpec> specs) {
  for (serving::TensorSpec& spec : specs) {
    if (!spec.shape.empty()) spec.shape.erase(spec.shape.begin());
    if (spec.shape.empty()) spec.shape.push_back(1);
  }
  return specs;
}

std::vector<serving::RepositoryEntry> SnapshotIndex(const serving::Snapshot& snapshot) {
  std::vector<serving::RepositoryEntry> index;
  for (const serving::ServedEndpoint& endpoint : snapshot.endpoints) {
    for (const serving::RoutedVersion& entry : endpoint.versions) {
      index.push_back({endpoint.name, entry.version_text, std::string(serving::RepositoryState(entry.state)),
                       entry.state == wire::VersionState::kUnloaded ? "unloaded" : entry.error});
    }
  }
  return index;
}

std::string SentenceOf(const serving::RepositoryEntry& entry) {
  return Cat("model ", Quoted(entry.name), entry.version.empty() ? "" : " version ", entry.version, " is ", entry.state,
             entry.reason.empty() ? "" : ": ", entry.reason);
}

}  // namespace

std::span<const std::string_view> ServerExtensions() {
  static constexpr std::array<std::string_view, 6> kExtensions = {"binary_tensor_data",  "classification",
                                                                  "model_configuration", "model_repository",
                                                                  "schedule_policy",     "statistics"};
  return kExtensions;
}

VersionStatistics StatisticsOf(InferenceRunner& runner, const serving::ServedVersion& version) {
  const serving::VersionMetrics& metrics = version.metrics;
  const serving::CacheMetrics cache(runner.metrics(), version.endpoint, version.version_text);
  VersionStatistics statistics;
  statistics.last_inference_ms = static_cast<std::uint64_t>(metrics.last_answered.Value() * 1e3);
  statistics.cache_hit.count = cache.hits.Value();
  statistics.inference_count = Without(metrics.rows.Value(), cache.rows.Value());
  statistics.success = TimeOf(metrics.seconds);
  statistics.fail.count = metrics.refused.Value() + metrics.failures.Value();
  statistics.queue = TimeOf(metrics.queue_seconds);
  statistics.compute_input = TimeOf(metrics.decode_seconds);
  statistics.compute_infer = TimeOf(metrics.compute_seconds);
  statistics.compute_infer.count = Without(statistics.compute_infer.count, statistics.cache_hit.count);
  statistics.compute_output = TimeOf(metrics.encode_seconds);
  statistics.execution_count =
      version.queue == nullptr ? statistics.compute_infer.count : TimeOf(version.queue->metrics().batch_rows).count;
  return statistics;
}

bool IsForeignContent(std::string_view parameter) { return parameter == "config" || parameter.starts_with("file:"); }

Error ForeignContent(std::string_view parameter) {
  return InvalidArgument("parameter ", Quoted(parameter.substr(0, 80)),
                         " is not taken: models are loaded from their own directory, with the configuration there");
}

Error NoModelControl() { return FailedPrecondition("models are neither loaded nor unloaded by name here"); }

Error NoModelName(std::string_view name) {
  return InvalidArgument(Quoted(name.substr(0, 200)),
                         " is no model's name; use letters, digits, '.', '_' and '-', at most 128");
}

std::vector<serving::RepositoryEntry> IndexOf(InferenceRunner& runner, bool ready) {
  const serving::ModelControl* const control = runner.control();
  std::vector<serving::RepositoryEntry> index = control != nullptr && control->repository() != nullptr
                                                    ? control->repository()->Index()
                                                    : runner.Read(SnapshotIndex);
  if (ready) std::erase_if(index, [](const serving::RepositoryEntry& entry) { return entry.state != "READY"; });
  return index;
}

std::string WhyNotReady(InferenceRunner& runner) {
  constexpr std::size_t kModelsNamed = 10;
  const std::vector<serving::RepositoryEntry> index = IndexOf(runner, false);
  std::map<std::string_view, const serving::RepositoryEntry*> waiting;
  for (const serving::RepositoryEntry& entry : index) waiting.emplace(entry.name, &entry);
  for (const serving::RepositoryEntry& entry : index) {
    if (entry.state == "READY") waiting.erase(entry.name);
  }
  if (waiting.empty()) return "the server is starting or stopping";
  std::vector<std::string> sentences;
  for (const auto& [name, entry] : waiting) {
    if (sentences.size() == kModelsNamed) break;
    sentences.push_back(SentenceOf(*entry));
  }
  const std::size_t more = waiting.size() - sentences.size();
  return Cat(Join(sentences, "; "), more == 0 ? "" : Cat("; and ", more, " more"));
}

Error ModelNotReady(InferenceRunner& runner, std::string_view model, Error error) {
  if (error.code != Code::kNotFound) return error;
  for (const serving::RepositoryEntry& entry : IndexOf(runner, false)) {
    if (entry.name == model && entry.version.empty()) error.message = SentenceOf(entry);
  }
  return error;
}

ModelConfiguration ConfigurationOf(const serving::ServedVersion& version) {
  const serving::Model& model = *version.model;
  ModelConfiguration configuration{
      version.endpoint, model.platform(), "millwright", 0, model.inputs(), model.outputs(), {}};
  if (version.config != nullptr && version.config->max_batch_size > 0) {
    configuration.max_batch_size = version.config->max_batch_size;
    configuration.inputs = RowShapes(std::move(configuration.inputs));
    configuration.outputs = RowShapes(std::move(configuration.outputs));
  }
  configuration.parameters.emplace_back("source", version.source);
  if (model.threshold()) configuration.parameters.emplace_back("threshold", Cat(*model.threshold()));
  return configuration;
}

}  // namespace mw::api::inference
