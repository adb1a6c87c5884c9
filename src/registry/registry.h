// The door of the model registry: models are named, described and tagged, versions registered, aliases and stages
// moved, all of it looked up and searched. What others make part of a greater change exists on a transaction or
// snapshot too. Any thread.
//
//   package or source --CreateVersion--> version n --SetAlias--> candidate --SetAlias--> production
//                                           |  '--------- RemoveAlias <-----------'
//                                           '--SetStage--> None, Staging, Production, Archived
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/task.h"
#include "db/database.h"
#include "registry/event.h"
#include "registry/model.h"
#include "registry/registry_import.h"
#include "registry/registry_search.h"

namespace mw::registry {

std::vector<db::Migration> Migrations();

class Registry {
 public:
  static constexpr std::size_t kMetricsBytesMax = 1 << 20;
  static constexpr std::int64_t kListMax = 1000;
  static constexpr std::size_t kTextBytesMax = 1 << 20;  ///< of a description, a link, a URI, a tag's value

  /// Both outlive this.
  Registry(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}
  /// Before anything else, if at all. They outlive this.
  void TellEvents(EventSink& sink) { sink_ = &sink; }
  void AskUse(VersionUse& use) { use_ = &use; }

  /// Errors: kAlreadyExists; kInvalidArgument the name.
  Task<Result<Model>> CreateModel(NewModel model);
  /// With tags, aliases and the newest version of each stage. Errors: kNotFound with the models there are.
  Task<Result<Model>> GetModel(ModelName name);
  /// Errors: kNotFound.
  Task<Result<Model>> DescribeModel(ModelName name, std::string description);
  /// Its versions, aliases, tags and history follow. Errors: kNotFound; kAlreadyExists; kFailedPrecondition it is used.
  Task<Result<Model>> RenameModel(ModelName name, std::string to);
  /// With all its versions; its numbers begin anew when it is made again. Errors: kNotFound; kFailedPrecondition.
  Task<Status> DeleteModel(ModelName name);
  /// Errors: kNotFound no such model. A tag that is not there may be deleted.
  Task<Status> SetModelTag(ModelName name, std::string key, std::string value);
  Task<Status> DeleteModelTag(ModelName name, std::string key);
  Task<Result<ModelPage>> SearchModels(SearchQuery query);

  /// Registers the next version; makes the model when it is new and `makes_model`. A version is its package, if it has
  /// one: the same attempt, or the same package again, gets the version that is there already (an alias is set only
  /// when the version is new). A number is never given twice. Errors: kInvalidArgument names the field;
  /// kFailedPrecondition the attempt registered another package; kNotFound.
  Result<ModelVersion> CreateVersion(db::Transaction& transaction, const NewVersion& version) const;
  Task<Result<ModelVersion>> CreateVersion(NewVersion version);
  /// Gives a version that is files alone the package that was made of them; the same again changes nothing.
  /// Errors: kNotFound; kFailedPrecondition it has another package; kInvalidArgument its model's name cannot be served.
  Task<Result<ModelVersion>> AttachPackage(ModelName name, std::int64_t version, std::string package);

  /// Errors of these: kNotFound no such model or version, with those there are.
  Task<Result<ModelVersion>> DescribeVersion(ModelName name, std::int64_t version, std::string description);
  /// `archive_others`: the versions that were at the stage become archived.
  Task<Result<ModelVersion>> SetStage(ModelName name, std::int64_t version, Stage stage, bool archive_others);
  /// Its aliases go too. Errors besides: kFailedPrecondition it is used.
  Task<Status> DeleteVersion(ModelName name, std::int64_t version);
  Task<Status> SetVersionTag(ModelName name, std::int64_t version, std::string key, std::string value);
  Task<Status> DeleteVersionTag(ModelName name, std::int64_t version, std::string key);
  Task<Result<VersionPage>> SearchVersions(SearchQuery query);

  /// Called with every version in the transaction that makes it, perhaps more than once. Set before the first is made.
  using Witness = std::function<Status(db::Transaction&, const ModelVersion&)>;
  void OnVersion(Witness witness) { on_version_ = std::move(witness); }

  /// Models and versions that were made elsewhere: as they were, in one transaction that may be repeated. What is here
  /// stays where both sides changed it: aliases and tags always, a description or a stage unless the source's change is
  /// the later one. No events are told of it. Errors: kInvalidArgument the name, a text, versions out of order.
  Task<Result<std::vector<ImportOutcome>>> Import(ImportedModel imported);

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
  /// Registered from that logged model, whatever models they are of: newest first, at most kListMax.
  Task<Result<std::vector<ModelVersion>>> ListVersionsOf(std::string project, std::string logged_model);

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
  /// A change that tells its events; those who want to know look at it once it is durable.
  template <typename Work>
  Task<std::invoke_result_t<Work, db::Transaction&>> Change(Work work);
  Status Tell(db::Transaction& transaction, const ModelName& name, const Event& event) const;
  Status CheckUnused(db::Snapshot& snapshot, const ModelName& name, std::int64_t version, std::string_view what) const;

  db::Database& database_;
  const Clock& clock_;
  Witness on_version_;
  EventSink* sink_ = nullptr;
  VersionUse* use_ = nullptr;
};

template <typename Work>
Task<std::invoke_result_t<Work, db::Transaction&>> Registry::Change(Work work) {
  auto changed = co_await database_.Write(std::move(work));
  if (changed.ok() && sink_ != nullptr) sink_->Notice();
  co_return changed;
}

}  // namespace mw::registry
