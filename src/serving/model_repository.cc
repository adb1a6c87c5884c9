// Reads a model repository's directories and has the catalog serve what they hold.
#include "serving/model_repository.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/text.h"
#include "serving/public_reason.h"
#include "serving/text_format.h"

namespace mw::serving {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kModelsMax = 4096;
constexpr std::array<std::string_view, 6> kFiles = {"model.onnx",  "xgboost.json", "model.json",
                                                    "xgboost.ubj", "model.ubj",    "model.txt"};

/// The path without links. Errors: kNotFound; kInvalidArgument when it lies outside `root`.
Result<std::string> Within(const std::string& root, const std::string& path) {
  std::error_code error;
  const std::string real = fs::canonical(path, error).string();
  if (error) return NotFound(path, " cannot be read: ", error.message());
  if (real.starts_with(root + "/")) return real;
  return InvalidArgument(path, " leads out of the model repository; links must stay inside");
}

/// Changes when the file, or a file of the directory, does.
std::string ContentName(const std::string& path) {
  std::int64_t newest = 0;
  std::int64_t bytes = 0;
  const auto add = [&](const std::string& file) {
    struct stat status {};
    if (stat(file.c_str(), &status) != 0) return;
    newest = std::max(newest, std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec);
    bytes += status.st_size;
  };
  add(path);
  std::error_code error;
  if (fs::is_directory(path, error)) {
    for (const auto& entry : fs::directory_iterator(path, error)) add(entry.path().string());
  }
  return Cat(path, "#", newest, "-", bytes);
}

Result<std::string> FindModel(const std::string& root, const std::string& directory, const ModelConfig& config) {
  std::error_code error;
  if (!config.default_model_filename.empty()) {
    if (!IsName(config.default_model_filename)) {
      return InvalidArgument("default_model_filename is ", Quoted(config.default_model_filename), ", no plain name");
    }
    return Within(root, Cat(directory, "/", config.default_model_filename));
  }
  if (fs::exists(directory + "/package.json", error)) return Within(root, directory);
  for (const std::string_view file : kFiles) {
    const std::string path = Cat(directory, "/", file);
    if (fs::exists(fs::symlink_status(path, error))) return Within(root, path);
  }
  if (fs::exists(directory + "/model.py", error)) {
    return Unimplemented(directory, "/model.py is not run; save the model with MLflow as a pyfunc and register it");
  }
  std::vector<std::string> names(kFiles.begin(), kFiles.end());
  return NotFound(directory, " holds none of ", Join(names, ", "));
}

std::vector<std::int64_t> VersionsIn(const std::string& directory) {
  std::vector<std::int64_t> versions;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    const auto version = ParseInt(name);
    if (version && *version > 0 && Cat(*version) == name && entry.is_directory(error)) versions.push_back(*version);
  }
  return versions;
}

/// Of model_warmup, from the model's directory `warmup`.
Status ReadWarmUpFiles(const std::string& root, const std::string& directory, ModelConfig& config) {
  for (WarmUpSample& sample : config.warm_up) {
    for (WarmUpInput& input : sample.inputs) {
      if (input.data != WarmUpInput::Data::kFile) continue;
      input.bytes = TRY(ReadFile(TRY(Within(root, Cat(directory, "/warmup/", input.file))), kTensorBytesMax));
    }
  }
  return Ok();
}

Result<ModelConfig> ReadConfig(const std::string& root, const std::string& directory, const std::string& name) {
  const std::string path = directory + "/config.pbtxt";
  std::error_code error;
  if (!fs::exists(fs::symlink_status(path, error))) return ModelConfig();
  const std::string real = TRY(Within(root, path));
  const std::string text = TRY(ReadFile(real, kTextFormatBytesMax));
  ModelConfig config = TRY(ParseModelConfig(text).In(path));
  TRY(ReadWarmUpFiles(root, directory, config));
  if (config.name.empty() || config.name == name) return config;
  return InvalidArgument(path, ": name is ", Quoted(config.name), ", the directory's is ", Quoted(name));
}

std::string Unhonoured(const std::vector<std::string>& names) {
  return names.empty() ? "" : Cat("not honoured of its configuration: ", Join(names, ", "));
}

/// Of the version that answers, once it is known what its model calls its tensors.
std::vector<std::string> TensorsOf(const Catalog& catalog, const std::string& name) {
  const std::shared_ptr<const ServedVersion> live = catalog.Live(name);
  if (live == nullptr || live->config == nullptr) return {};
  return TensorsNotHonoured(*live->config, *live->model);
}

std::string PathOf(const std::string& source) { return source.substr(0, source.rfind('#')); }

/// A version may have two contents: the one that answers, which stands first, and one that is to replace it.
void AddStatus(const wire::EndpointStatus& status, const std::string& notes, std::vector<RepositoryEntry>& index) {
  const std::string version = Cat(status.version);
  const auto same = std::find_if(index.begin(), index.end(), [&](const RepositoryEntry& entry) {
    return entry.name == status.name && entry.version == version;
  });
  if (same != index.end()) {
    if (!status.error.empty()) same->reason = Cat("what came since is refused: ", status.error);
    return;
  }
  std::string reason = status.error.empty() ? status.progress : status.error;
  if (status.state == wire::VersionState::kUnloaded) reason = "unloaded";
  index.push_back({status.name, version, std::string(RepositoryState(status.state)), reason.empty() ? notes : reason});
}

}  // namespace

std::string_view RepositoryState(wire::VersionState state) {
  switch (state) {
    case wire::VersionState::kReady: return "READY";
    case wire::VersionState::kNew:
    case wire::VersionState::kLoading: return "LOADING";
    case wire::VersionState::kUnloading: return "UNLOADING";
    case wire::VersionState::kFailed:
    case wire::VersionState::kUnloaded: break;
  }
  return "UNAVAILABLE";
}

Result<RepositoryModel> ReadRepositoryModel(const std::string& directory, const std::string& name) {
  if (!IsName(name)) {
    return InvalidArgument(Quoted(name), " is no model's name; use letters, digits, '.', '_' and '-', at most 128");
  }
  const std::string model = TRY(Within(directory, Cat(directory, "/", name)));
  RepositoryModel out;
  auto config = std::make_shared<const ModelConfig>(TRY(ReadConfig(directory, model, name)));
  out.not_honoured = config->not_honoured;
  std::vector<std::int64_t> versions = ChooseVersions(config->versions, VersionsIn(model));
  if (versions.empty()) return NotFound(model, " has no version; one is a directory called 1, 2, ...");
  if (versions.size() > wire::kSplitVersionsMax) {
    out.not_honoured.push_back(Cat("versions older than ", versions[wire::kSplitVersionsMax - 1]));
    versions.resize(wire::kSplitVersionsMax);
  }
  for (const std::int64_t version : versions) {
    const std::string path = TRY(FindModel(directory, Cat(model, "/", version), *config));
    out.endpoint.traffic.versions.push_back({version, ContentName(path), 0});
  }
  wire::WeightedVersion& newest = out.endpoint.traffic.versions.front();
  newest.weight = wire::kWeightWhole;
  out.endpoint.name = out.endpoint.model = name;
  out.endpoint.version = newest.version;
  out.endpoint.package = newest.package;
  if (versions.size() == 1) out.endpoint.traffic.versions.clear();
  if (config->max_batch_size > 0) {
    out.endpoint.settings.limits = wire::ServingLimits();
    out.endpoint.settings.limits->rows_max = config->max_batch_size;
  }
  out.config = std::move(config);
  return out;
}

/// Content by its name, for the catalog's loaders.
class ModelRepository::Source final : public ModelSource {
 public:
  explicit Source(std::string root) : root_(std::move(root)) {}
  /// A version that comes back into memory is the one that left, or none.
  Result<std::string> Locate(const std::string& source) override {
    std::string path = TRY(Within(root_, PathOf(source)));
    if (ContentName(path) == source) return path;
    return FailedPrecondition(path, " has changed since it was looked at; load the model again");
  }
  std::shared_ptr<const ModelConfig> Config(const std::string& source) override {
    const Lock lock(mutex_);
    const auto config = configs_.find(source);
    return config == configs_.end() ? nullptr : config->second;
  }
  void Keep(const RepositoryModel& model) {
    const Lock lock(mutex_);
    for (const wire::WeightedVersion& version : model.endpoint.Versions()) configs_[version.package] = model.config;
  }

 private:
  const std::string root_;
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<const ModelConfig>> configs_ MW_GUARDED_BY(mutex_);
};

ModelRepository::ModelRepository(std::string directory, Catalog& catalog)
    : directory_(std::move(directory)), catalog_(catalog), source_(std::make_shared<Source>(directory_)) {}

ModelRepository::~ModelRepository() = default;

Result<std::shared_ptr<ModelRepository>> ModelRepository::Open(const std::string& directory, Catalog& catalog) {
  std::error_code error;
  const fs::path real = fs::canonical(directory, error);
  if (error) return NotFound("model repository ", directory, ": ", error.message());
  if (!fs::is_directory(real, error)) return InvalidArgument("model repository ", directory, " is no directory");
  std::shared_ptr<ModelRepository> repository(new ModelRepository(real.string(), catalog));
  repository->self_ = repository;
  return repository;
}

Status ModelRepository::Read(const std::string& name) {
  Result<RepositoryModel> model = ReadRepositoryModel(directory_, name);
  if (!model.ok()) {
    std::error_code error;
    const bool there = IsName(name) && fs::is_directory(Cat(directory_, "/", name), error);
    if (!there) return model.error();  // names that anybody asked for are not kept
    LogError("model not served", {{"model", Json(name)}, {"error", Json(model.error().ToString())}});
    const Lock lock(mutex_);
    entries_[name] = Entry{.error = model.error(), .bad = true};
    return model.error();
  }
  if (const std::string notes = Unhonoured(model->not_honoured); !notes.empty()) {
    LogWarning("model's configuration", {{"model", Json(name)}, {"note", Json(notes)}});
  }
  source_->Keep(*model);
  {
    const Lock lock(mutex_);
    entries_[name] = Entry{.not_honoured = model->not_honoured};
  }
  catalog_.Want(std::move(model->endpoint), source_);
  return Ok();
}

void ModelRepository::Rescan() {
  std::set<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory_, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with('.') && entry.is_directory(error)) names.insert(name);
    if (names.size() >= kModelsMax) break;
  }
  for (const std::string& name : names) static_cast<void>(Read(name).ok());  // each says its own error
  std::vector<std::string> gone;
  {
    const Lock lock(mutex_);
    for (const auto& [name, entry] : entries_) {
      if (!names.contains(name)) gone.push_back(name);
    }
    for (const std::string& name : gone) entries_.erase(name);
  }
  for (const std::string& name : gone) catalog_.Remove(name);
}

void ModelRepository::Load(const std::string& name, Loaded done) {
  catalog_.RunAside([self = self_, name, done = std::move(done)] {
    const std::shared_ptr<ModelRepository> repository = self.lock();
    if (repository == nullptr) return done(Cancelled("the model repository is closed"));
    if (const Status read = repository->Read(name); !read.ok()) return done(read);
    repository->catalog_.Load(name, done);
  });
}

Status ModelRepository::Unload(const std::string& name) { return catalog_.Unload(name); }

std::string ModelRepository::ReasonOf(const std::string& name) const {
  std::vector<std::string> tensors = TensorsOf(catalog_, name);
  const Lock lock(mutex_);
  const auto entry = entries_.find(name);
  if (entry == entries_.end()) return "";
  if (entry->second.bad) return entry->second.error.ToString();
  std::vector<std::string> names = entry->second.not_honoured;
  names.insert(names.end(), tensors.begin(), tensors.end());
  return Unhonoured(names);
}

std::vector<RepositoryEntry> ModelRepository::Index() const {
  std::vector<RepositoryEntry> index;
  std::set<std::string> known;
  const std::vector<wire::EndpointStatus> statuses = catalog_.Statuses();
  for (const wire::EndpointStatus& status : statuses) {
    known.insert(status.name);
    AddStatus(status, ReasonOf(status.name), index);
  }
  const Lock lock(mutex_);
  for (const auto& [name, entry] : entries_) {
    if (entry.bad && !known.contains(name)) index.push_back({name, "", "UNAVAILABLE", entry.error.ToString()});
  }
  for (RepositoryEntry& entry : index) entry.reason = PublicReason(entry.reason, directory_);
  return index;
}

}  // namespace mw::serving
