// Sessions and options of the data steps.
#include "steps/data_task.h"

#include <sys/resource.h>

#include <algorithm>
#include <thread>

#include "base/file.h"

namespace mw::steps {
namespace {

std::int64_t MemoryBytes() {
  constexpr std::int64_t kDefault = std::int64_t{1} << 30;
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kDefault;
  return std::max<std::int64_t>(static_cast<std::int64_t>(limit.rlim_cur / 2), std::int64_t{64} << 20);
}

std::string DirectoryOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string(".") : path.substr(0, slash);
}

Error WrongOption(const StepTask& task, std::string_view key, std::string_view what) {
  return InvalidArgument("step ", Quoted(task.step), " (", task.uses, "): with.", key, " ", what);
}

}  // namespace

Result<data::DuckdbSession> OpenSession(const StepTask& task, const std::vector<std::string>& dataset_outputs,
                                        const std::vector<std::string>& files) {
  data::SessionOptions options;
  options.paths = files;
  for (const auto& [name, input] : task.inputs) options.paths.push_back(input.path);
  for (const std::string& name : dataset_outputs) {
    options.paths.push_back(TRY(task.Output(name)));
    TRY(MakeDirectories(options.paths.back()));
  }
  options.memory_bytes = MemoryBytes();
  options.threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  options.spill_directory = DirectoryOf(task.result_path) + "/spill";
  return data::DuckdbSession::Open(options);
}

Result<std::string> TextOption(const StepTask& task, std::string_view key) {
  const Json* value = task.with.Find(key);
  if (value == nullptr || value->IsNull()) return WrongOption(task, key, "is missing");
  if (!value->IsString()) return WrongOption(task, key, Cat("must be a text, not ", value->Dump()));
  return value->AsString();
}

Result<std::string> TextOption(const StepTask& task, std::string_view key, std::string_view otherwise) {
  const Json* value = task.with.Find(key);
  if (value == nullptr || value->IsNull()) return std::string(otherwise);
  return TextOption(task, key);
}

std::vector<std::string> InputDigests(const StepTask& task) {
  std::vector<std::string> digests;
  for (const auto& [name, input] : task.inputs) {
    if (!input.digest.empty()) digests.push_back(input.digest);
  }
  return digests;
}

Json DatasetMetadata(const data::Dataset& dataset) {
  Json metadata = Json::Make({{"rows", dataset.rows}, {"columns", static_cast<std::int64_t>(dataset.columns.size())}});
  if (!dataset.roles.event_time.empty()) metadata["event_time"] = dataset.roles.event_time;
  if (!dataset.split.IsNull()) metadata["split"] = dataset.split;
  return metadata;
}

}  // namespace mw::steps
