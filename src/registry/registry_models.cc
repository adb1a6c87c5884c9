// Models: made, described, tagged, renamed, deleted, searched.
#include <utility>

#include "base/text.h"
#include "registry/event_words.h"
#include "registry/lookup.h"
#include "registry/registry.h"
#include "registry/registry_search_store.h"
#include "registry/registry_store.h"
#include "registry/tag_store.h"

namespace mw::registry {
namespace {

Status CheckFree(db::Snapshot& snapshot, const ModelName& name) {
  TRY(CheckModelName(name.model));
  if (TRY(store::FindModel(snapshot, name)).has_value()) return AlreadyExists(Named(name), " is registered already");
  return Ok();
}

Status CheckTexts(const NewModel& model) {
  bool fits = model.description.size() <= Registry::kTextBytesMax;
  for (const auto& [key, value] : model.tags) fits = fits && value.size() <= Registry::kTextBytesMax;
  if (fits) return Ok();
  return InvalidArgument("a description or tag of ", Named(model.name), " has more than ", Registry::kTextBytesMax,
                         " bytes");
}

}  // namespace

Task<Result<Model>> Registry::CreateModel(NewModel model) {
  CO_TRY(CheckTexts(model));
  co_return co_await Change([&](db::Transaction& transaction) -> Result<Model> {
    TRY(CheckFree(transaction, model.name));
    const Timestamp now = clock_.Now();
    Model made{model.name.project, model.name.model, 0, now, {}};
    made.description = model.description;
    made.updated = now;
    TRY(store::InsertModel(transaction, made));
    for (const auto& [key, value] : model.tags) TRY(store::SetTag(transaction, model.name, key, value));
    made.tags = model.tags;
    TRY(Tell(transaction, model.name, ModelCreated(model)));
    return made;
  });
}

Task<Result<Model>> Registry::GetModel(ModelName name) {
  co_return co_await database_.Read([&](db::Snapshot& snapshot) { return MustFindWholeModel(snapshot, name); });
}

Task<Result<Model>> Registry::DescribeModel(ModelName name, std::string description) {
  if (description.size() > kTextBytesMax) co_return InvalidArgument("a description may have ", kTextBytesMax, " bytes");
  co_return co_await Change([&](db::Transaction& transaction) -> Result<Model> {
    TRY(MustFindModel(transaction, name));
    TRY(store::DescribeModel(transaction, name, description, clock_.Now()));
    return MustFindWholeModel(transaction, name);
  });
}

Task<Result<Model>> Registry::RenameModel(ModelName name, std::string to) {
  co_return co_await Change([&](db::Transaction& transaction) -> Result<Model> {
    const ModelName renamed{name.project, to};
    TRY(MustFindModel(transaction, name));
    if (to != name.model) {
      TRY(CheckFree(transaction, renamed));
      TRY(CheckUnused(transaction, name, 0, "renamed"));
      TRY(store::RenameModel(transaction, name, to, clock_.Now()));
    }
    return MustFindWholeModel(transaction, renamed);
  });
}

Task<Status> Registry::DeleteModel(ModelName name) {
  co_return co_await Change([&](db::Transaction& transaction) -> Status {
    TRY(MustFindModel(transaction, name));
    TRY(CheckUnused(transaction, name, 0, "deleted"));
    return store::DeleteModel(transaction, name);
  });
}

Task<Status> Registry::SetModelTag(ModelName name, std::string key, std::string value) {
  if (value.size() > kTextBytesMax) co_return InvalidArgument("a tag may have ", kTextBytesMax, " bytes");
  co_return co_await Change([&](db::Transaction& transaction) -> Status {
    TRY(MustFindModel(transaction, name));
    TRY(store::SetTag(transaction, name, key, value));
    return Tell(transaction, name, PromptTagChanged(name, key, &value));
  });
}

Task<Status> Registry::DeleteModelTag(ModelName name, std::string key) {
  co_return co_await Change([&](db::Transaction& transaction) -> Status {
    TRY(MustFindModel(transaction, name));
    TRY(store::DeleteTag(transaction, name, key));
    return Tell(transaction, name, PromptTagChanged(name, key, nullptr));
  });
}

Task<Result<ModelPage>> Registry::SearchModels(SearchQuery query) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return store::SearchModels(s, query); });
}

Result<std::vector<Model>> Registry::ListModels(db::Snapshot& snapshot, std::string_view project) {
  return store::FindModels(snapshot, project, kListMax);
}

Task<Result<std::vector<Model>>> Registry::ListModels(std::string project) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return ListModels(s, project); });
}

}  // namespace mw::registry
