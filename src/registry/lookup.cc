// Sentences for what is not there.
#include "registry/lookup.h"

#include <algorithm>

#include "base/text.h"
#include "registry/registry_store.h"

namespace mw::registry {
namespace {

/// "versions: 1, 2, 3" or, when there are many, "versions: up to 120".
Result<std::string> VersionsThereAre(db::Snapshot& snapshot, const ModelName& name) {
  constexpr std::size_t kShown = 10;
  std::vector<std::int64_t> found = TRY(store::VersionNumbers(snapshot, name, kShown + 1));
  if (found.empty()) return std::string("it has none yet");
  if (found.size() > kShown) return Cat("versions: up to ", found.front());
  std::reverse(found.begin(), found.end());
  std::vector<std::string> numbers;
  for (const std::int64_t number : found) numbers.push_back(Cat(number));
  return Cat("versions: ", Join(numbers, ", "));
}

}  // namespace

std::string Named(const ModelName& name) { return Cat("model ", Quoted(name.model)); }

Result<Model> MustFindModel(db::Snapshot& snapshot, const ModelName& name) {
  std::optional<Model> model = TRY(store::FindModel(snapshot, name));
  if (model) return *std::move(model);
  std::vector<std::string> names;
  for (const Model& other : TRY(store::FindModels(snapshot, name.project, 20))) names.push_back(other.name);
  return NotFound("there is no ", Named(name),
                  names.empty() ? "; none is registered yet" : Cat("; models: ", Join(names, ", ")));
}

Result<Model> MustFindWholeModel(db::Snapshot& snapshot, const ModelName& name) {
  std::vector<Model> models;
  models.push_back(TRY(MustFindModel(snapshot, name)));
  TRY(store::AddAliasesAndTags(snapshot, models));
  models[0].latest = TRY(store::FindLatest(snapshot, name.project, {name.model}));
  return std::move(models[0]);
}

Result<ModelVersion> MustFindVersion(db::Snapshot& snapshot, const ModelName& name, std::int64_t number) {
  std::optional<ModelVersion> version = TRY(store::FindVersion(snapshot, name, number));
  if (version) return *std::move(version);
  TRY(MustFindModel(snapshot, name));
  const std::string there = TRY(VersionsThereAre(snapshot, name));
  return NotFound(Named(name), " has no version ", number, "; ", there);
}

Result<Error> NoAlias(db::Snapshot& snapshot, const ModelName& name, std::string_view alias) {
  TRY(MustFindModel(snapshot, name));
  const std::vector<std::string> names = TRY(store::AliasNames(snapshot, name));
  return NotFound(Named(name), " has no alias ", Quoted(alias), "; ",
                  names.empty() ? std::string("it has none yet") : Cat("aliases: ", Join(names, ", ")));
}

}  // namespace mw::registry
