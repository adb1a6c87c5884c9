// A directory of models in the layout that Triton Inference Server reads:
//
//   DIR/MODEL/config.pbtxt                 optional: model_config.h
//   DIR/MODEL/1/model.onnx                 or xgboost.json, model.json, xgboost.ubj, model.ubj (XGBoost),
//                                          model.txt (LightGBM), or a whole model package; `default_model_filename`
//
// The newest version that the version policy takes answers, the others by their numbers. Owner: the serve process. Any
// thread; files are read on the catalog's loaders. What a model's configuration asks for and does not get is said in
// one line of the log and in Index.
// Invariant: no file outside DIR is read, whatever names and symbolic links say.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "serving/catalog.h"
#include "serving/model_config.h"

namespace mw::serving {

/// As the repository extension of the Open Inference Protocol lists models.
struct RepositoryEntry {
  std::string name;
  std::string version;  ///< empty where no version could be found
  std::string state;    ///< "READY", "LOADING", "UNLOADING", "UNAVAILABLE"
  /// Why it is not ready; why what came since was refused, of one that answers on; or what of its configuration is not
  /// honoured. Files by their paths in the repository.
  std::string reason;
};

/// In the extension's words, which has none for a version that failed or was unloaded: "UNAVAILABLE".
std::string_view RepositoryState(wire::VersionState state);

class ModelRepository {
 public:
  /// Errors: kNotFound, kInvalidArgument for what is no directory. The catalog outlives the repository, its loads do
  /// not outlast Catalog's end.
  static Result<std::shared_ptr<ModelRepository>> Open(const std::string& directory, Catalog& catalog);
  ~ModelRepository();
  ModelRepository(const ModelRepository&) = delete;
  ModelRepository& operator=(const ModelRepository&) = delete;

  /// Reads the whole directory again: new models and versions are loaded, what changed is replaced, what is gone is
  /// removed. In this thread; the loads go on behind it.
  void Rescan();
  /// Reads one model again and loads it; `done` hears of its newest version, on another thread. Errors, through `done`:
  /// kNotFound, kInvalidArgument for its name or configuration; those of the load.
  void Load(const std::string& name, Loaded done);
  /// Errors: kNotFound.
  Status Unload(const std::string& name);
  [[nodiscard]] std::vector<RepositoryEntry> Index() const;

 private:
  class Source;
  struct Entry {
    Error error{};     // of the configuration or the files
    bool bad = false;  // then `error` says why
    std::vector<std::string> not_honoured{};
  };

  ModelRepository(std::string directory, Catalog& catalog);
  Status Read(const std::string& name);
  [[nodiscard]] std::string ReasonOf(const std::string& name) const;

  const std::string directory_;  // absolute, without links
  Catalog& catalog_;
  const std::shared_ptr<Source> source_;
  mutable Mutex mutex_;
  std::map<std::string, Entry> entries_ MW_GUARDED_BY(mutex_);
  std::weak_ptr<ModelRepository> self_;
};

/// What one model's directory holds. For tests and for Rescan.
struct RepositoryModel {
  wire::DesiredEndpoint endpoint;  ///< packages are names of content: the path, '#', size and time
  std::shared_ptr<const ModelConfig> config;
  std::vector<std::string> not_honoured;
};
/// `directory` absolute and without links. Errors: kInvalidArgument, kNotFound, kUnimplemented naming the file.
Result<RepositoryModel> ReadRepositoryModel(const std::string& directory, const std::string& name);

}  // namespace mw::serving
