// Versions and aliases: checks, idempotence. Models are in registry_models.cc.
#include "registry/registry.h"

#include <utility>

#include "base/text.h"
#include "registry/event_words.h"
#include "registry/lookup.h"
#include "registry/registry_search_store.h"
#include "registry/registry_store.h"
#include "registry/tag_store.h"

namespace mw::registry {
namespace {

Status CheckMetrics(const NewVersion& version) {
  if (!version.metrics.IsObject()) return InvalidArgument("metrics of ", Named(version.name), " must be an object");
  for (const auto& [id, value] : version.metrics.AsObject()) {
    if (!value.IsNumber())
      return InvalidArgument("metric ", Quoted(id), " of ", Named(version.name), " must be a number");
  }
  const std::size_t bytes = version.metrics.Dump().size();
  if (bytes <= Registry::kMetricsBytesMax) return Ok();
  return InvalidArgument("metrics of ", Named(version.name), " are ", bytes, " bytes; at most ",
                         Registry::kMetricsBytesMax);
}

Status CheckTexts(const NewVersion& version) {
  for (const std::string* text : {&version.source_uri, &version.storage_uri, &version.run_link, &version.description}) {
    if (text->size() > Registry::kTextBytesMax) {
      return InvalidArgument("a text of a version of ", Named(version.name), " is ", text->size(), " bytes; at most ",
                             Registry::kTextBytesMax);
    }
  }
  return Ok();
}

Status CheckNew(const NewVersion& version) {
  TRY(version.package.empty() ? CheckModelName(version.name.model) : CheckServedName(version.name.model));
  if (!version.alias.empty()) TRY(CheckAliasName(version.alias));
  if (version.package.empty() && version.source_uri.empty()) {
    return InvalidArgument("a version of ", Named(version.name), " needs a package's digest");
  }
  TRY(CheckTexts(version));
  return CheckMetrics(version);
}

ModelVersion VersionOf(const NewVersion& version, std::int64_t number, Timestamp now) {
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
  made.source_uri = version.source_uri;
  made.storage_uri = version.storage_uri;
  made.logged_model = version.logged_model;
  made.run_link = version.run_link;
  made.description = version.description;
  made.updated = now;
  made.tags = version.tags;
  return made;
}

/// "3" and "v3" as a number.
std::optional<std::int64_t> AsNumber(std::string_view reference) {
  if (reference.starts_with("v")) reference.remove_prefix(1);
  return ParseInt(reference);
}

}  // namespace

Status Registry::Tell(db::Transaction& transaction, const ModelName& name, const Event& event) const {
  if (sink_ == nullptr) return Ok();
  const bool prompt = TRY(store::IsPrompt(transaction, name));
  if (!prompt && event.entity == "prompt_tag") return Ok();
  return sink_->Record(transaction, prompt ? OfPrompt(event) : event);
}

Status Registry::CheckUnused(db::Snapshot& snapshot, const ModelName& name, std::int64_t version,
                             std::string_view what) const {
  if (use_ == nullptr) return Ok();
  const std::string user = TRY(use_->Of(snapshot, name, version));
  if (user.empty()) return Ok();
  return FailedPrecondition(user, " answers with ", version == 0 ? "" : Cat("version ", version, " of "), Named(name),
                            ": deploy something else there, or remove it, before this is ", what);
}

Result<ModelVersion> Registry::CreateVersion(db::Transaction& transaction, const NewVersion& version) const {
  TRY(CheckNew(version));
  std::optional<ModelVersion> registered = TRY(store::FindRegistered(transaction, version));
  if (registered && registered->package == version.package) return *std::move(registered);
  if (registered) {
    return FailedPrecondition("attempt ", version.attempt_id, " registered version ", registered->version, " of ",
                              Named(version.name), " with package ", registered->package, "; it cannot register ",
                              version.package, " too: use another attempt id");
  }
  const std::optional<Model> model = TRY(store::FindModel(transaction, version.name));
  const bool there = model.has_value();
  if (!there && !version.makes_model) TRY(MustFindModel(transaction, version.name));
  const Timestamp now = clock_.Now();
  ModelVersion made = VersionOf(version, TRY(store::NextVersion(transaction, version.name, now)), now);
  if (!there) TRY(Tell(transaction, version.name, ModelCreated({version.name})));
  TRY(store::InsertVersion(transaction, made));
  if (on_version_) TRY(on_version_(transaction, made));
  for (const auto& [key, value] : made.tags) TRY(store::SetTag(transaction, version.name, made.version, key, value));
  TRY(Tell(transaction, version.name, VersionCreated(made)));
  if (version.alias.empty()) return made;
  TRY(SetAlias(transaction, version.name, version.alias, made.version,
               version.attempt_id.empty() ? "registered" : version.attempt_id));
  made.aliases.push_back(version.alias);
  return made;
}

Task<Result<ModelVersion>> Registry::AttachPackage(ModelName name, std::int64_t version, std::string package) {
  co_return co_await Change([&](db::Transaction& transaction) -> Result<ModelVersion> {
    ModelVersion found = TRY(MustFindVersion(transaction, name, version));
    if (package.empty()) return InvalidArgument("a package's digest is needed");
    if (found.package == package) return found;
    if (!found.package.empty()) {
      return FailedPrecondition("version ", version, " of ", Named(name), " is package ", found.package,
                                " and stays it; register ", package, " as a version of its own");
    }
    TRY(CheckServedName(name.model));
    found.package = package;
    found.updated = clock_.Now();
    TRY(store::UpdateVersion(transaction, found));
    return found;
  });
}

Task<Result<ModelVersion>> Registry::DescribeVersion(ModelName name, std::int64_t version, std::string description) {
  if (description.size() > kTextBytesMax) co_return InvalidArgument("a description may have ", kTextBytesMax, " bytes");
  co_return co_await Change([&](db::Transaction& transaction) -> Result<ModelVersion> {
    ModelVersion found = TRY(MustFindVersion(transaction, name, version));
    found.description = description;
    found.updated = clock_.Now();
    TRY(store::UpdateVersion(transaction, found));
    return found;
  });
}

Task<Result<ModelVersion>> Registry::SetStage(ModelName name, std::int64_t version, Stage stage, bool archive_others) {
  co_return co_await Change([&](db::Transaction& transaction) -> Result<ModelVersion> {
    ModelVersion found = TRY(MustFindVersion(transaction, name, version));
    found.stage = stage;
    found.updated = clock_.Now();
    if (archive_others) TRY(store::Archive(transaction, found, stage, found.updated));
    TRY(store::UpdateVersion(transaction, found));
    TRY(store::TouchModel(transaction, name, found.updated));
    return found;
  });
}

Task<Status> Registry::DeleteVersion(ModelName name, std::int64_t version) {
  co_return co_await Change([&](db::Transaction& transaction) -> Status {
    const ModelVersion found = TRY(MustFindVersion(transaction, name, version));
    TRY(CheckUnused(transaction, name, version, "deleted"));
    const Timestamp now = clock_.Now();
    for (const std::string& alias : found.aliases) {
      TRY(store::MoveAlias(transaction, name, {alias, 0, version, "version deleted", now}));
    }
    TRY(store::DeleteVersion(transaction, name, version));
    return store::TouchModel(transaction, name, now);
  });
}

Task<Status> Registry::SetVersionTag(ModelName name, std::int64_t version, std::string key, std::string value) {
  if (value.size() > kTextBytesMax) co_return InvalidArgument("a tag may have ", kTextBytesMax, " bytes");
  co_return co_await Change([&](db::Transaction& transaction) -> Status {
    const ModelVersion found = TRY(MustFindVersion(transaction, name, version));
    TRY(store::SetTag(transaction, name, version, key, value));
    return Tell(transaction, name, VersionTagChanged(found, key, &value));
  });
}

Task<Status> Registry::DeleteVersionTag(ModelName name, std::int64_t version, std::string key) {
  co_return co_await Change([&](db::Transaction& transaction) -> Status {
    const ModelVersion found = TRY(MustFindVersion(transaction, name, version));
    TRY(store::DeleteTag(transaction, name, version, key));
    return Tell(transaction, name, VersionTagChanged(found, key, nullptr));
  });
}

Result<AliasChange> Registry::SetAlias(db::Transaction& transaction, const ModelName& name, std::string_view alias,
                                       std::int64_t version, std::string_view cause) const {
  TRY(CheckAliasName(alias));
  TRY(MustFindVersion(transaction, name, version));
  const std::int64_t previous = TRY(store::VersionOfAlias(transaction, name, alias));
  AliasChange change{std::string(alias), version, previous, std::string(cause), clock_.Now()};
  if (previous == version) return change;
  TRY(store::MoveAlias(transaction, name, change));
  TRY(Tell(transaction, name, AliasChanged(name, change)));
  return change;
}

Result<AliasChange> Registry::RemoveAlias(db::Transaction& transaction, const ModelName& name, std::string_view alias,
                                          std::string_view cause) const {
  const std::int64_t previous = TRY(store::VersionOfAlias(transaction, name, alias));
  if (previous == 0) return TRY(NoAlias(transaction, name, alias));
  AliasChange change{std::string(alias), 0, previous, std::string(cause), clock_.Now()};
  TRY(store::MoveAlias(transaction, name, change));
  TRY(Tell(transaction, name, AliasChanged(name, change)));
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

Result<std::vector<AliasChange>> Registry::AliasHistory(db::Snapshot& snapshot, const ModelName& name,
                                                        std::string_view alias) {
  TRY(MustFindModel(snapshot, name));
  return store::FindChanges(snapshot, name, alias, kListMax);
}

Task<Result<ModelVersion>> Registry::CreateVersion(NewVersion version) {
  co_return co_await Change([&](db::Transaction& t) { return CreateVersion(t, version); });
}

Task<Result<AliasChange>> Registry::SetAlias(ModelName name, std::string alias, std::int64_t version,
                                             std::string cause) {
  co_return co_await Change([&](db::Transaction& t) { return SetAlias(t, name, alias, version, cause); });
}

Task<Result<AliasChange>> Registry::RemoveAlias(ModelName name, std::string alias, std::string cause) {
  co_return co_await Change([&](db::Transaction& t) { return RemoveAlias(t, name, alias, cause); });
}

Task<Result<ModelVersion>> Registry::GetVersion(ModelName name, std::string reference) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return GetVersion(s, name, reference); });
}

Task<Result<std::vector<ModelVersion>>> Registry::ListVersions(ModelName name) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return ListVersions(s, name); });
}

Task<Result<std::vector<ModelVersion>>> Registry::ListVersionsOf(std::string project, std::string logged_model) {
  co_return co_await database_.Read(
      [&](db::Snapshot& s) { return store::FindVersionsOf(s, project, logged_model, kListMax); });
}

Task<Result<VersionPage>> Registry::SearchVersions(SearchQuery query) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return store::SearchVersions(s, query); });
}

Task<Result<std::vector<AliasChange>>> Registry::AliasHistory(ModelName name, std::string alias) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return AliasHistory(s, name, alias); });
}

Task<Result<RegistryChanges>> Registry::ChangesSince(std::string project, Timestamp since, int limit) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return store::FindChangesSince(s, project, since, limit); });
}

}  // namespace mw::registry
