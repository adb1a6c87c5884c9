// Checks, idempotence and the sentences for what is not there.
#include "registry/registry.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "registry/registry_store.h"

namespace mw::registry {
namespace {

std::string Name(const ModelName& name) { return Cat("model ", Quoted(name.model)); }

Status CheckNew(const NewVersion& version) {
  TRY(CheckModelName(version.name.model));
  if (!version.alias.empty()) TRY(CheckAliasName(version.alias));
  if (version.package.empty()) return InvalidArgument("a version of ", Name(version.name), " needs a package's digest");
  if (!version.metrics.IsObject()) return InvalidArgument("metrics of ", Name(version.name), " must be an object");
  for (const auto& [id, value] : version.metrics.AsObject()) {
    if (!value.IsNumber())
      return InvalidArgument("metric ", Quoted(id), " of ", Name(version.name), " must be a number");
  }
  const std::size_t bytes = version.metrics.Dump().size();
  if (bytes <= Registry::kMetricsBytesMax) return Ok();
  return InvalidArgument("metrics of ", Name(version.name), " are ", bytes, " bytes; at most ",
                         Registry::kMetricsBytesMax);
}

Result<Model> MustFindModel(db::Snapshot& snapshot, const ModelName& name) {
  std::optional<Model> model = TRY(store::FindModel(snapshot, name));
  if (model) return *std::move(model);
  std::vector<std::string> names;
  for (const Model& other : TRY(store::FindModels(snapshot, name.project, 20))) names.push_back(other.name);
  return NotFound("there is no ", Name(name),
                  names.empty() ? "; none is registered yet" : Cat("; models: ", Join(names, ", ")));
}

/// "versions: 1, 2, 3" or, when there are many, "versions: 1 to 120".
std::string VersionsThereAre(std::int64_t newest) {
  if (newest > 10) return Cat("versions: 1 to ", newest);
  std::vector<std::string> numbers;
  for (std::int64_t i = 1; i <= newest; ++i) numbers.push_back(Cat(i));
  return Cat("versions: ", Join(numbers, ", "));
}

Result<ModelVersion> MustFindVersion(db::Snapshot& snapshot, const ModelName& name, std::int64_t number) {
  std::optional<ModelVersion> version = TRY(store::FindVersion(snapshot, name, number));
  if (version) return *std::move(version);
  const Model model = TRY(MustFindModel(snapshot, name));
  return NotFound(Name(name), " has no version ", number, "; ", VersionsThereAre(model.versions));
}

Result<Error> NoAlias(db::Snapshot& snapshot, const ModelName& name, std::string_view alias) {
  TRY(MustFindModel(snapshot, name));
  const std::vector<std::string> names = TRY(store::AliasNames(snapshot, name));
  return NotFound(Name(name), " has no alias ", Quoted(alias), "; ",
                  names.empty() ? std::string("it has none yet") : Cat("aliases: ", Join(names, ", ")));
}

/// "3" and "v3" as a number.
std::optional<std::int64_t> AsNumber(std::string_view reference) {
  if (reference.starts_with("v")) reference.remove_prefix(1);
  return ParseInt(reference);
}

}  // namespace

Result<ModelVersion> Registry::CreateVersion(db::Transaction& transaction, const NewVersion& version) const {
  TRY(CheckNew(version));
  std::optional<ModelVersion> registered = TRY(store::FindRegistered(transaction, version));
  if (registered && registered->package == version.package) return *std::move(registered);
  if (registered) {
    return FailedPrecondition("attempt ", version.attempt_id, " registered version ", registered->version, " of ",
                              Name(version.name), " with package ", registered->package, "; it cannot register ",
                              version.package, " too: use another attempt id");
  }
  const Timestamp now = clock_.Now();
  const auto number = TRY(store::NextVersion(transaction, version.name, now));
  ModelVersion made{version.name.project,
                    version.name.model,
                    number,
                    version.package,
                    version.run_id,
                    version.attempt_id,
                    version.metrics,
                    version.sources,
                    {},
                    now};
  TRY(store::InsertVersion(transaction, made));
  if (on_version_) TRY(on_version_(transaction, made));
  if (version.alias.empty()) return made;
  TRY(SetAlias(transaction, version.name, version.alias, made.version,
               version.attempt_id.empty() ? "registered" : version.attempt_id));
  made.aliases.push_back(version.alias);
  return made;
}

Result<AliasChange> Registry::SetAlias(db::Transaction& transaction, const ModelName& name, std::string_view alias,
                                       std::int64_t version, std::string_view cause) const {
  TRY(CheckAliasName(alias));
  TRY(MustFindVersion(transaction, name, version));
  const std::int64_t previous = TRY(store::VersionOfAlias(transaction, name, alias));
  AliasChange change{std::string(alias), version, previous, std::string(cause), clock_.Now()};
  if (previous != version) TRY(store::MoveAlias(transaction, name, change));
  return change;
}

Result<AliasChange> Registry::RemoveAlias(db::Transaction& transaction, const ModelName& name, std::string_view alias,
                                          std::string_view cause) const {
  const std::int64_t previous = TRY(store::VersionOfAlias(transaction, name, alias));
  if (previous == 0) return TRY(NoAlias(transaction, name, alias));
  AliasChange change{std::string(alias), 0, previous, std::string(cause), clock_.Now()};
  TRY(store::MoveAlias(transaction, name, change));
  return change;
}

Result<ModelVersion> Registry::GetVersion(db::Snapshot& snapshot, const ModelName& name, std::string_view reference) {
  if (const auto number = AsNumber(reference)) return MustFindVersion(snapshot, name, *number);
  if (EqualsIgnoreCase(reference, "latest")) {
    return MustFindVersion(snapshot, name, TRY(MustFindModel(snapshot, name)).versions);
  }
  const std::int64_t version = TRY(store::VersionOfAlias(snapshot, name, reference));
  if (version == 0) return TRY(NoAlias(snapshot, name, reference));
  return MustFindVersion(snapshot, name, version);
}

Result<std::vector<ModelVersion>> Registry::ListVersions(db::Snapshot& snapshot, const ModelName& name) {
  TRY(MustFindModel(snapshot, name));
  return store::FindVersions(snapshot, name, kListMax);
}

Result<std::vector<Model>> Registry::ListModels(db::Snapshot& snapshot, std::string_view project) {
  return store::FindModels(snapshot, project, kListMax);
}

Result<std::vector<AliasChange>> Registry::AliasHistory(db::Snapshot& snapshot, const ModelName& name,
                                                        std::string_view alias) {
  TRY(MustFindModel(snapshot, name));
  return store::FindChanges(snapshot, name, alias, kListMax);
}

Task<Result<ModelVersion>> Registry::CreateVersion(NewVersion version) {
  co_return co_await database_.Write([&](db::Transaction& t) { return CreateVersion(t, version); });
}

Task<Result<AliasChange>> Registry::SetAlias(ModelName name, std::string alias, std::int64_t version,
                                             std::string cause) {
  co_return co_await database_.Write([&](db::Transaction& t) { return SetAlias(t, name, alias, version, cause); });
}

Task<Result<AliasChange>> Registry::RemoveAlias(ModelName name, std::string alias, std::string cause) {
  co_return co_await database_.Write([&](db::Transaction& t) { return RemoveAlias(t, name, alias, cause); });
}

Task<Result<ModelVersion>> Registry::GetVersion(ModelName name, std::string reference) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return GetVersion(s, name, reference); });
}

Task<Result<std::vector<ModelVersion>>> Registry::ListVersions(ModelName name) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return ListVersions(s, name); });
}

Task<Result<std::vector<Model>>> Registry::ListModels(std::string project) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return ListModels(s, project); });
}

Task<Result<std::vector<AliasChange>>> Registry::AliasHistory(ModelName name, std::string alias) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return AliasHistory(s, name, alias); });
}

Task<Result<RegistryChanges>> Registry::ChangesSince(std::string project, Timestamp since, int limit) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return store::FindChangesSince(s, project, since, limit); });
}

}  // namespace mw::registry
