// What is decided about each model, version and alias that comes. Sources know milliseconds, so times are compared by
// them.
#include "registry/registry_import.h"

#include <array>
#include <chrono>
#include <set>
#include <utility>

#include "base/text.h"
#include "registry/lookup.h"
#include "registry/registry.h"
#include "registry/registry_store.h"
#include "registry/tag_store.h"

namespace mw::registry {
namespace {

std::int64_t Milliseconds(Timestamp at) {
  return std::chrono::floor<std::chrono::milliseconds>(at.time_since_epoch()).count();
}

ModelName NameOf(const Model& model) { return {model.project, model.name}; }

Status CheckTexts(const ImportedModel& imported) {
  const auto check = [&](const std::string& text) -> Status {
    if (text.size() <= Registry::kTextBytesMax) return Ok();
    return InvalidArgument("a text of ", Named(NameOf(imported.model)), " has ", text.size(), " bytes; at most ",
                           Registry::kTextBytesMax);
  };
  TRY(check(imported.model.description));
  for (const auto& [key, value] : imported.model.tags) TRY(check(value));
  for (const ModelVersion& version : imported.versions) {
    for (const auto* text : {&version.source_uri, &version.storage_uri, &version.run_link, &version.description}) {
      TRY(check(*text));
    }
    for (const auto& [key, value] : version.tags) TRY(check(value));
  }
  return Ok();
}

Status CheckImported(const ImportedModel& imported) {
  TRY(CheckModelName(imported.model.name));
  std::int64_t before = 0;
  for (const ModelVersion& version : imported.versions) {
    if (version.version <= before) {
      return InvalidArgument("versions of ", Named(NameOf(imported.model)), " must come by number, and ",
                             version.version, " follows ", before);
    }
    before = version.version;
    if (version.source_uri.empty()) {
      return InvalidArgument("version ", version.version, " of ", Named(NameOf(imported.model)), " needs a source");
    }
  }
  return CheckTexts(imported);
}

/// The model as it is here after that; `last`: the greatest number that was given before.
Result<ImportOutcome> PutModel(db::Transaction& transaction, const Model& source, std::int64_t& last) {
  const ModelName name = NameOf(source);
  const std::optional<Model> here = TRY(store::FindModel(transaction, name));
  ImportOutcome outcome{source.name, here ? ImportState::kKnown : ImportState::kMade};
  last = TRY(store::LastNumber(transaction, name));
  if (!here) TRY(store::InsertModel(transaction, source));
  if (here && Milliseconds(source.updated) > Milliseconds(here->updated)) {
    TRY(store::DescribeModel(transaction, name, source.description, source.updated));
  }
  const Tags tags = here ? TRY(MustFindWholeModel(transaction, name))
  .tags : Tags();
  for (const auto& [key, value] : source.tags) {
    if (!tags.contains(key)) TRY(store::SetTag(transaction, name, key, value));
  }
  return outcome;
}

/// A version that was imported before: what its source changed since comes.
Status Update(db::Transaction& transaction, const ModelName& name, ModelVersion here, const ModelVersion& source) {
  for (const auto& [key, value] : source.tags) {
    if (!here.tags.contains(key)) TRY(store::SetTag(transaction, name, here.version, key, value));
  }
  if (Milliseconds(source.updated) <= Milliseconds(here.updated)) return Ok();
  here.description = source.description;
  here.stage = source.stage;
  here.updated = source.updated;
  return store::UpdateVersion(transaction, here);
}

Status Insert(db::Transaction& transaction, const ModelName& name, const ModelVersion& version,
              const Registry::Witness& witness) {
  TRY(store::CountVersion(transaction, name, version.version));
  TRY(store::InsertVersion(transaction, version));
  if (witness) TRY(witness(transaction, version));
  for (const auto& [key, value] : version.tags) {
    TRY(store::SetTag(transaction, name, version.version, key, value));
  }
  return Ok();
}

Result<ImportOutcome> PutVersion(db::Transaction& transaction, const ModelName& name, const ModelVersion& source,
                                 std::int64_t last, const Registry::Witness& witness) {
  ImportOutcome outcome{Cat(name.model, "/", source.version)};
  const std::optional<ModelVersion> here = TRY(store::FindVersion(transaction, name, source.version));
  if (!here && source.version > last) {
    TRY(Insert(transaction, name, source, witness));
    return outcome;
  }
  outcome.state = ImportState::kTaken;
  if (!here) {
    outcome.why = "a version of this number was deleted here, and no number is given twice";
  } else if (Milliseconds(here->created) != Milliseconds(source.created) || here->run_id != source.run_id) {
    outcome.why = "another version of this number is here";
  } else {
    outcome.state = ImportState::kKnown;
    TRY(Update(transaction, name, *here, source));
  }
  return outcome;
}

/// Aliases choose what is deployed: one that is here stays where it points.
Result<ImportOutcome> PutAlias(db::Transaction& transaction, const ModelName& name, const ModelAlias& alias,
                               const std::set<std::int64_t>& versions, Timestamp now) {
  ImportOutcome outcome{Cat(name.model, "@", alias.alias), ImportState::kTaken};
  const Status fine = CheckAliasName(alias.alias);
  const std::int64_t here = TRY(store::VersionOfAlias(transaction, name, alias.alias));
  if (!versions.contains(alias.version)) {
    outcome.why = Cat("version ", alias.version, " there is not here");
  } else if (here == alias.version) {
    outcome.state = ImportState::kKnown;
  } else if (!fine.ok()) {
    outcome.why = fine.error().message;
  } else if (here != 0) {
    outcome.why = Cat("it points to version ", here, " here and to ", alias.version, " there");
  } else {
    outcome.state = ImportState::kMade;
    TRY(store::MoveAlias(transaction, name, {alias.alias, alias.version, 0, "imported", now}));
  }
  return outcome;
}

}  // namespace

std::string_view ImportStateName(ImportState state) {
  constexpr std::array<std::string_view, 3> kNames = {"made", "known", "taken"};
  return kNames.at(static_cast<std::size_t>(state));
}

Task<Result<std::vector<ImportOutcome>>> Registry::Import(ImportedModel imported) {
  CO_TRY(CheckImported(imported));
  co_return co_await Change([&](db::Transaction& transaction) -> Result<std::vector<ImportOutcome>> {
    const ModelName name = NameOf(imported.model);
    std::int64_t last = 0;
    std::vector<ImportOutcome> outcomes = {};
    std::set<std::int64_t> versions = {};
    outcomes.push_back(TRY(PutModel(transaction, imported.model, last)));
    for (const ModelVersion& version : imported.versions) {
      outcomes.push_back(TRY(PutVersion(transaction, name, version, last, on_version_)));
      if (outcomes.back().state != ImportState::kTaken) versions.insert(version.version);
    }
    for (const ModelAlias& alias : imported.model.aliases) {
      outcomes.push_back(TRY(PutAlias(transaction, name, alias, versions, clock_.Now())));
    }
    return outcomes;
  });
}

}  // namespace mw::registry
