// Checks, and what is remembered together.
#include "tracking/logged_models.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/text.h"
#include "tracking/checks.h"
#include "tracking/logged_model_search_store.h"
#include "tracking/logged_model_store.h"
#include "tracking/name_store.h"
#include "tracking/run_name.h"
#include "tracking/tracking.h"

namespace mw::tracking {
namespace {

using store::ModelTexts;
using store::StoredModel;
using TextMap = std::map<std::string, std::string>;

constexpr std::array kLoggedModelStatuses = {LoggedModelStatus::kUnspecified, LoggedModelStatus::kPending,
                                             LoggedModelStatus::kReady, LoggedModelStatus::kFailed};

Status CheckModelTexts(const TextMap& texts, std::string_view kind) {
  if (texts.size() > LoggedModels::kEntriesMax) {
    return InvalidArgument(texts.size(), " ", kind, "s of a logged model at once; at most ", LoggedModels::kEntriesMax);
  }
  for (const auto& [key, value] : texts) {
    if (key.empty() || key.size() > Tracking::kKeyBytesMax) {
      return InvalidArgument("the name ", Quoted(key), " of a ", kind, " of a logged model must have 1 to ",
                             Tracking::kKeyBytesMax, " bytes");
    }
    if (value.size() > LoggedModels::kTextBytesMax) {
      return InvalidArgument(kind, " ", Quoted(key), " of a logged model has ", value.size(), " bytes; at most ",
                             LoggedModels::kTextBytesMax);
    }
  }
  return Ok();
}

Status Check(const NewLoggedModel& model) {
  for (const std::string* text : {&model.name, &model.type, &model.source_run}) {
    if (text->size() <= LoggedModels::kNameBytesMax) continue;
    return InvalidArgument("a name, type or run of a logged model has ", text->size(), " bytes; at most ",
                           LoggedModels::kNameBytesMax);
  }
  TRY(CheckModelTexts(model.params, "parameter"));
  return CheckModelTexts(model.tags, "tag");
}

Error NoModel(const LoggedModelId& id) { return NotFound("Logged model with ID '", id.text(), "' not found."); }

Result<StoredModel> MustFind(db::Snapshot& snapshot, const LoggedModelId& id, bool also_deleted = false) {
  std::optional<StoredModel> model = TRY(store::FindModel(snapshot, id));
  if (!model || (model->model.stage == Stage::kDeleted && !also_deleted)) return NoModel(id);
  return *std::move(model);
}

Result<LoggedModelDetails> DetailsOf(db::Snapshot& snapshot, const StoredModel& model) {
  return std::move(TRY(store::DetailsOf(snapshot, {&model, 1}, LoggedModels::kMetricsMax)).front());
}

Status SetTexts(db::Transaction& transaction, ModelTexts kind, std::int64_t model, const TextMap& texts) {
  for (const auto& [key, value] : texts) {
    TRY(store::SetText(transaction, kind, model, TRY(store::NeedName(transaction, key)), value));
  }
  return Ok();
}

/// Who does not know whether the first request arrived asks again.
Result<LoggedModelDetails> MadeBefore(db::Snapshot& snapshot, const StoredModel& known, const LoggedModel& asked) {
  const LoggedModel& here = known.model;
  if (here.experiment == asked.experiment && here.source_run == asked.source_run && here.stage == Stage::kActive) {
    return DetailsOf(snapshot, known);
  }
  return AlreadyExists("there is another logged model with the ID ", Quoted(asked.id.text()));
}

Status Touch(db::Transaction& transaction, StoredModel model, std::int64_t now) {
  model.model.updated = now;
  return store::UpdateModel(transaction, model);
}

Result<Json> ListIn(const RunDetails& run, std::string_view tag) {
  const auto found =
      std::find_if(run.tags.begin(), run.tags.end(), [tag](const auto& each) { return each.first == tag; });
  if (found == run.tags.end()) return Json::MakeArray();
  Result<Json> list = Json::Parse(found->second);
  if (list.ok() && list->IsArray()) return list;
  return InvalidArgument("the tag ", tag, " of run ", run.run.id.text(), " holds no list of models; delete the tag");
}

}  // namespace

std::string_view StatusName(LoggedModelStatus status) {
  switch (status) {
    case LoggedModelStatus::kUnspecified: return "UNSPECIFIED";
    case LoggedModelStatus::kPending: return "PENDING";
    case LoggedModelStatus::kReady: return "READY";
    case LoggedModelStatus::kFailed: break;
  }
  return "FAILED";
}

Result<LoggedModelStatus> ParseLoggedModelStatus(std::string_view name) {
  const auto* found = std::find_if(kLoggedModelStatuses.begin(), kLoggedModelStatuses.end(),
                                   [name](LoggedModelStatus status) { return StatusName(status) == name; });
  if (found != kLoggedModelStatuses.end()) return *found;
  return InvalidArgument("status of a logged model ", Quoted(name), " is none of: UNSPECIFIED, PENDING, READY, FAILED");
}

Task<Result<LoggedModelDetails>> LoggedModels::Create(NewLoggedModel model) {
  CO_TRY(Check(model));
  LoggedModel made;
  made.id = model.id.empty() ? LoggedModelId(Cat("m-", NewIdText(clock_))) : model.id;
  made.experiment = model.experiment;
  made.name = model.name.empty() ? MadeUpName(made.id.text()) : model.name;
  made.type = model.type;
  made.source_run = model.source_run;
  made.created = made.updated = NowMillis();
  co_return co_await database_.Write([&](db::Transaction& t) -> Result<LoggedModelDetails> {
    TRY(MustBeActive(TRY(Tracking::GetExperiment(t, model.experiment))));
    const std::optional<StoredModel> known = TRY(store::FindModel(t, made.id));
    if (known) return MadeBefore(t, *known, made);
    const std::int64_t number = TRY(store::InsertModel(t, made));
    TRY(SetTexts(t, ModelTexts::kParams, number, model.params));
    TRY(SetTexts(t, ModelTexts::kTags, number, model.tags));
    return Get(t, made.id);
  });
}

Result<LoggedModelDetails> LoggedModels::Get(db::Snapshot& snapshot, const LoggedModelId& id, bool also_deleted) {
  return DetailsOf(snapshot, TRY(MustFind(snapshot, id, also_deleted)));
}

Task<Result<LoggedModelDetails>> LoggedModels::Get(LoggedModelId id, bool also_deleted) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return Get(s, id, also_deleted); });
}

Task<Result<LoggedModelDetails>> LoggedModels::Finalize(LoggedModelId id, LoggedModelStatus status) {
  const std::int64_t now = NowMillis();
  co_return co_await database_.Write([&](db::Transaction& t) -> Result<LoggedModelDetails> {
    StoredModel model = TRY(MustFind(t, id));
    model.model.status = status;
    TRY(Touch(t, std::move(model), now));
    return Get(t, id);
  });
}

Task<Status> LoggedModels::SetTags(LoggedModelId id, std::map<std::string, std::string> tags) {
  CO_TRY(CheckModelTexts(tags, "tag"));
  co_return co_await database_.Write(
      [&](db::Transaction& t) -> Status { return SetTexts(t, ModelTexts::kTags, TRY(MustFind(t, id)).number, tags); });
}

Task<Status> LoggedModels::DeleteTag(LoggedModelId id, std::string key) {
  co_return co_await database_.Write([&](db::Transaction& t) -> Status {
    const StoredModel model = TRY(MustFind(t, id));
    const auto name = TRY(store::FindName(t, key));
    if (name && TRY(store::DeleteText(t, ModelTexts::kTags, model.number, *name))) return Ok();
    return NotFound("No tag with key '", key, "' found for model with ID '", id.text(), "'.");
  });
}

Task<Status> LoggedModels::LogParams(LoggedModelId id, std::map<std::string, std::string> params) {
  CO_TRY(CheckModelTexts(params, "parameter"));
  co_return co_await database_.Write([&](db::Transaction& t) -> Status {
    const StoredModel model = TRY(MustFind(t, id));
    for (const auto& [key, value] : params) {
      const std::int64_t name = TRY(store::NeedName(t, key));
      const auto known = TRY(store::FindText(t, ModelTexts::kParams, model.number, name));
      if (!known) {
        TRY(store::SetText(t, ModelTexts::kParams, model.number, name, value));
      } else if (*known != value) {
        return InvalidArgument("Changing param values is not allowed. Param with key='", key,
                               "' was already logged with value='", *known, "' for model ID='", id.text(),
                               "'. Attempted logging new value '", value, "'.");
      }
    }
    return Ok();
  });
}

Task<Status> LoggedModels::Delete(LoggedModelId id) {
  const std::int64_t now = NowMillis();
  co_return co_await database_.Write([&](db::Transaction& t) -> Status {
    StoredModel model = TRY(MustFind(t, id));
    model.model.stage = Stage::kDeleted;
    return Touch(t, std::move(model), now);
  });
}

Task<Result<LoggedModelPage>> LoggedModels::Search(LoggedModelQuery query) {
  const std::int64_t limit = std::clamp(query.limit, std::int64_t{1}, kFoundMax);
  query.limit = limit + 1;  // tells whether there is another page
  co_return co_await database_.Read([&](db::Snapshot& s) -> Result<LoggedModelPage> {
    std::vector<store::FoundModel> found = TRY(store::SearchModels(s, query));
    LoggedModelPage page;
    if (found.size() > static_cast<std::size_t>(limit)) {
      found.pop_back();
      page.next = found.back().place;
    }
    std::vector<StoredModel> models;
    for (store::FoundModel& model : found) models.push_back(std::move(model.stored));
    page.models = TRY(store::DetailsOf(s, models, kMetricsMax));
    return page;
  });
}

Task<Result<std::vector<LoggedModels::Counted>>> LoggedModels::List(ExperimentId experiment, LoggedModelId after) {
  co_return co_await database_.Read([&](db::Snapshot& s) -> Result<std::vector<Counted>> {
    const std::vector<StoredModel> models = TRY(store::ListModels(s, experiment, after, kListedMax));
    std::vector<LoggedModelDetails> details = TRY(store::DetailsOf(s, models, 0));
    std::vector<Counted> counted;
    for (std::size_t i = 0; i < models.size(); ++i) {
      const std::int64_t metrics = TRY(store::CountMetrics(s, models[i].number));
      counted.push_back({std::move(details[i]), metrics});
    }
    return counted;
  });
}

Task<Result<std::vector<ModelMetric>>> LoggedModels::Metrics(LoggedModelId id, std::int64_t offset) {
  co_return co_await database_.Read([&](db::Snapshot& s) -> Result<std::vector<ModelMetric>> {
    return store::MetricsOf(s, TRY(MustFind(s, id, true)).number, std::max(offset, std::int64_t{0}), kMetricsOfAPage);
  });
}

Status LoggedModels::Log(db::Transaction& transaction, const LogBatch& batch, std::int64_t run,
                         std::span<const TailPoint> points) {
  std::map<std::string_view, std::int64_t> models;
  std::vector<store::ModelPointRow> rows;
  for (const ModelPoint& point : batch.model_points) {
    if (point.dataset_name.size() > kDatasetNameBytesMax || point.dataset_digest.size() > kDatasetDigestBytesMax) {
      return InvalidArgument("the dataset ", Quoted(point.dataset_name), " of a metric has a name of more than ",
                             kDatasetNameBytesMax, " bytes, or a digest of more than ", kDatasetDigestBytesMax);
    }
    const auto [at, is_new] = models.emplace(point.model, 0);
    if (is_new) {
      const StoredModel stored = TRY(MustFind(transaction, LoggedModelId(point.model), true));
      at->second = stored.number;
    }
    rows.push_back({at->second, points[point.metric], point.dataset_name, point.dataset_digest});
  }
  return store::AddModelPoints(transaction, run, rows);
}

Task<Status> LoggedModels::Note(RunId run, Json model) {
  co_return co_await database_.Write([&](db::Transaction& t) -> Status {
    Json list = TRY(ListIn(TRY(Tracking::GetRun(t, run)), kHistoryTag));
    list.Append(model);
    LogBatch batch;
    batch.run = run;
    batch.tags.emplace_back(kHistoryTag, list.Dump());
    return Tracking::Log(t, batch);
  });
}

}  // namespace mw::tracking
