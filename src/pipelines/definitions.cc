// Pipelines that were applied by name.
#include "pipelines/definitions.h"

#include "base/text.h"
#include "pipelines/definition_store.h"

namespace mw::pipelines {
namespace {

Error NoSuchPipeline(const std::string& name, const std::vector<Definition>& known) {
  std::string names;
  for (const Definition& definition : known) CatTo(names, names.empty() ? "" : ", ", definition.name);
  return NotFound(
      "there is no pipeline ", Quoted(name),
      names.empty() ? "; apply its file first: millwright apply -f pipeline.yaml" : Cat("; pipelines: ", names));
}

Result<AppliedDefinition> ApplyTo(db::Snapshot& snapshot, const Definition& wanted) {
  const std::optional<Definition> current = TRY(CurrentDefinition(snapshot, wanted.name));
  AppliedDefinition applied;
  applied.created = !current.has_value();
  applied.changed = !current || current->source != wanted.source || current->base_directory != wanted.base_directory;
  applied.version = current ? current->version : 0;
  return applied;
}

}  // namespace

Task<Result<AppliedDefinition>> Definitions::Apply(Definition definition, bool dry_run) {
  if (dry_run) {
    co_return co_await database_.Read([&](db::Snapshot& snapshot) { return ApplyTo(snapshot, definition); });
  }
  const Timestamp now = clock_.Now();
  co_return co_await database_.Write([&](db::Transaction& transaction) -> Result<AppliedDefinition> {
    AppliedDefinition applied = TRY(ApplyTo(transaction, definition));
    if (!applied.changed) return applied;
    Definition written = definition;
    written.version = ++applied.version;
    written.applied_at = now;
    TRY(InsertDefinition(transaction, written));
    return applied;
  });
}

Task<Result<Definition>> Definitions::Get(std::string name) {
  co_return co_await database_.Read([&](db::Snapshot& snapshot) -> Result<Definition> {
    const std::optional<Definition> found = TRY(CurrentDefinition(snapshot, name));
    if (!found) return NoSuchPipeline(name, TRY(CurrentDefinitions(snapshot)));
    return *found;
  });
}

Task<Result<std::vector<Definition>>> Definitions::List() {
  co_return co_await database_.Read([](db::Snapshot& snapshot) { return CurrentDefinitions(snapshot); });
}

Task<Result<std::vector<Definition>>> Definitions::AppliedSince(Timestamp since, int limit) {
  co_return co_await database_.Read([&](db::Snapshot& snapshot) { return DefinitionsSince(snapshot, since, limit); });
}

}  // namespace mw::pipelines
