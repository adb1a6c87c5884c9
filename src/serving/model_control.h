// Loading and unloading models by name while the server runs, as the model repository extension asks for it, and who
// may: only models of a repository's directory can be loaded, for what a server that follows or was given --model
// serves is said elsewhere. A server that has a token wants to be shown it; one that has none obeys everybody when only
// this machine reaches it, and nobody otherwise.
//
// Owner: the serve process. Any thread; loads and unloads run on the catalog's loaders.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "serving/catalog.h"
#include "serving/model_repository.h"

namespace mw::serving {

struct ControlRules {
  bool follows = false;      ///< a control plane says what is served
  bool on_loopback = false;  ///< nobody but this machine reaches the server, by any protocol
  std::string token{};       ///< empty: none
};

class ModelControl {
 public:
  /// `repository` may be null: then there is nothing to load.
  ModelControl(Catalog& catalog, std::shared_ptr<ModelRepository> repository, const ControlRules& rules);

  /// Whether who sent that Authorization header, or none, may load and unload here. Errors: kFailedPrecondition when
  /// nobody can; kUnauthenticated, kPermissionDenied with what to do.
  [[nodiscard]] Status Check(std::string_view authorization) const;
  /// Reads the model's directory again and loads what it holds, beside what answers until then. `done` hears how it
  /// ended, on another thread, or is destroyed when the server stops first. After Check. Errors, through `done`:
  /// kInvalidArgument for a name that is none; those of ModelRepository::Load.
  void Load(const std::string& name, Loaded done);
  /// As Load. Errors, through `done`: kNotFound.
  void Unload(const std::string& name, Loaded done);
  /// All models of the repository, in memory or not; nothing when there is no repository.
  [[nodiscard]] const ModelRepository* repository() const { return repository_.get(); }

 private:
  Catalog& catalog_;
  const std::shared_ptr<ModelRepository> repository_;
  const bool follows_, on_loopback_;
  const std::string token_digest_;  // empty: no token
};

}  // namespace mw::serving
