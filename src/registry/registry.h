// The door of the model registry: versions are registered, aliases are moved, both looked up. Each function
// exists on a transaction or snapshot, to be part of a greater change, and awaitable, as a change of its
// own. Any thread.
//
//   package (digest) --CreateVersion--> version n --SetAlias--> candidate --SetAlias--> production
//                                                   '--------- RemoveAlias <-----------'
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/task.h"
#include "db/database.h"
#include "registry/model.h"

namespace mw::registry {

std::vector<db::Migration> Migrations();

class Registry {
 public:
  static constexpr std::size_t kMetricsBytesMax = 1 << 20;
  static constexpr std::int64_t kListMax = 1000;

  /// Both outlive this.
  Registry(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  /// Registers the next version; makes the model when it is new. A version is its package: the same attempt,
  /// or the same package again, gets the version that is there already (an alias is set only when the
  /// version is new).
  /// Errors: kInvalidArgument names the field; kFailedPrecondition the attempt registered another package.
  Result<ModelVersion> CreateVersion(db::Transaction& transaction, const NewVersion& version) const;
  Task<Result<ModelVersion>> CreateVersion(NewVersion version);

  /// Called with every version in the transaction that makes it, perhaps more than once. Set before the first is made.
  using Witness = std::function<Status(db::Transaction&, const ModelVersion&)>;
  void OnVersion(Witness witness) { on_version_ = std::move(witness); }

  /// Points the alias at a version; the same again changes nothing. Errors: kInvalidArgument the alias's
  /// name; kNotFound no such model or version, with those there are.
  Result<AliasChange> SetAlias(db::Transaction& transaction, const ModelName& name, std::string_view alias,
                               std::int64_t version, std::string_view cause) const;
  Task<Result<AliasChange>> SetAlias(ModelName name, std::string alias, std::int64_t version, std::string cause);

  /// Errors: kNotFound no such model or alias, with those there are.
  Result<AliasChange> RemoveAlias(db::Transaction& transaction, const ModelName& name, std::string_view alias,
                                  std::string_view cause) const;
  Task<Result<AliasChange>> RemoveAlias(ModelName name, std::string alias, std::string cause);

  /// `reference`: "3", "v3", "latest" or an alias. Errors: kNotFound names what there is instead:
  /// model "iris" has no version 7; versions: 1, 2, 3.
  static Result<ModelVersion> GetVersion(db::Snapshot& snapshot, const ModelName& name, std::string_view reference);
  Task<Result<ModelVersion>> GetVersion(ModelName name, std::string reference);

  /// Newest first, at most kListMax. Errors: kNotFound no such model.
  static Result<std::vector<ModelVersion>> ListVersions(db::Snapshot& snapshot, const ModelName& name);
  Task<Result<std::vector<ModelVersion>>> ListVersions(ModelName name);

  /// By name, at most kListMax.
  static Result<std::vector<Model>> ListModels(db::Snapshot& snapshot, std::string_view project);
  Task<Result<std::vector<Model>>> ListModels(std::string project);

  /// Every move of the alias, newest first, at most kListMax; `alias` empty: of all aliases. The version to
  /// roll back to is the first one's `previous`. Errors: kNotFound no such model.
  static Result<std::vector<AliasChange>> AliasHistory(db::Snapshot& snapshot, const ModelName& name,
                                                       std::string_view alias);
  Task<Result<std::vector<AliasChange>>> AliasHistory(ModelName name, std::string alias);

  /// Of all models of the project, at or after `since`: the latest `limit` versions and moves.
  Task<Result<RegistryChanges>> ChangesSince(std::string project, Timestamp since, int limit);

 private:
  db::Database& database_;
  const Clock& clock_;
  Witness on_version_;
};

}  // namespace mw::registry
