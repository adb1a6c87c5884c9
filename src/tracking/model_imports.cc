// What is decided about each model that comes, and what is compared at its end.
#include "tracking/model_imports.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "tracking/experiment_store.h"
#include "tracking/import_store.h"
#include "tracking/kept_value.h"
#include "tracking/logged_model_store.h"
#include "tracking/logged_models.h"
#include "tracking/name_store.h"
#include "tracking/run_store.h"

namespace mw::tracking {
namespace {

using store::ImportRecord;
using store::ModelTexts;
using store::StoredModel;
using TextPairs = std::vector<std::pair<std::string, std::string>>;

constexpr std::int64_t kComparedAtOnce = 10'000;

/// Its files lie in a directory of that name.
Status CheckModelId(std::string_view id) {
  const bool fine = std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  if (fine && !id.empty() && id.size() <= ModelImports::kIdBytesMax) return Ok();
  return InvalidArgument("model_id ", Quoted(id), " must have 1 to ", ModelImports::kIdBytesMax,
                         " letters, digits, '-' and '_'");
}

Status CheckTextsOfModel(std::string_view id, const TextPairs& texts) {
  for (const auto& [key, value] : texts) {
    if (!key.empty() && key.size() <= Imports::kKeyBytesMax && value.size() <= Imports::kTextBytesMax) continue;
    return InvalidArgument("the parameter or tag ", Quoted(key), " of the logged model ", Quoted(id), " has ",
                           key.size(), " bytes and a value of ", value.size(), "; at most ", Imports::kKeyBytesMax,
                           " and ", Imports::kTextBytesMax);
  }
  return Ok();
}

Status CheckImportedModel(const ImportedLoggedModel& imported) {
  const LoggedModel& model = imported.model;
  TRY(CheckModelId(model.id.text()));
  for (const std::string* text : {&model.name, &model.type, &model.source_run, &model.status_message}) {
    if (text->size() <= LoggedModels::kNameBytesMax * 2) continue;
    return InvalidArgument("a name, type, run or message of the logged model ", Quoted(model.id.text()), " has ",
                           text->size(), " bytes; at most ", LoggedModels::kNameBytesMax * 2);
  }
  TRY(CheckTextsOfModel(model.id.text(), imported.params));
  return CheckTextsOfModel(model.id.text(), imported.tags);
}

Status CheckMetric(const ModelMetric& metric) {
  const bool fine = !metric.key.empty() && metric.key.size() <= Imports::kKeyBytesMax &&
                    metric.dataset_name.size() <= LoggedModels::kDatasetNameBytesMax &&
                    metric.dataset_digest.size() <= LoggedModels::kDatasetDigestBytesMax;
  if (fine) return Ok();
  return InvalidArgument("the metric ", Quoted(metric.key), " of a logged model must have a name of 1 to ",
                         Imports::kKeyBytesMax, " bytes, and its dataset's name and digest at most ",
                         LoggedModels::kDatasetNameBytesMax, " and ", LoggedModels::kDatasetDigestBytesMax);
}

Status SetModelTexts(db::Transaction& transaction, ModelTexts kind, std::int64_t model, const TextPairs& texts) {
  for (const auto& [key, value] : texts) {
    TRY(store::SetText(transaction, kind, model, TRY(store::NeedName(transaction, key)), value));
  }
  return Ok();
}

Status WriteModelTexts(db::Transaction& transaction, std::int64_t model, const ImportedLoggedModel& imported) {
  TRY(SetModelTexts(transaction, ModelTexts::kParams, model, imported.params));
  return SetModelTexts(transaction, ModelTexts::kTags, model, imported.tags);
}

Result<ImportOutcome> PutModel(db::Transaction& transaction, const std::string& source,
                               const ImportedLoggedModel& imported) {
  ImportOutcome outcome{imported.model.id.text(), "", ImportState::kOpen, ""};
  std::optional<StoredModel> here = TRY(store::FindModel(transaction, imported.model.id));
  if (!here) {
    if (!TRY(store::FindExperiment(transaction, imported.model.experiment))) {
      return InvalidArgument("the logged model ", Quoted(imported.model.id.text()), " is of experiment ",
                             Quoted(imported.model.experiment.text()), ", which is not here");
    }
    const std::int64_t number = TRY(store::InsertModel(transaction, imported.model));
    TRY(WriteModelTexts(transaction, number, imported));
    TRY(store::SetModelImport(transaction, number, source, {"", "", false}));
    return outcome;
  }
  const std::optional<ImportRecord> record = TRY(store::FindModelImport(transaction, here->number));
  if (!record) {
    outcome.state = ImportState::kTaken;
    outcome.why = "a logged model with this id is here that was not imported";
    return outcome;
  }
  if (record->done && record->fingerprint == imported.fingerprint) {
    outcome.state = ImportState::kDone;
    return outcome;
  }
  here->model = imported.model;
  TRY(store::UpdateModel(transaction, *here));
  TRY(WriteModelTexts(transaction, here->number, imported));
  TRY(store::SetModelImport(transaction, here->number, source, {"", "", false}));
  return outcome;
}

// ---- metrics ----

Result<std::int64_t> MustBeOpenModel(db::Snapshot& snapshot, const LoggedModelId& id) {
  const std::optional<StoredModel> model = TRY(store::FindModel(snapshot, id));
  const auto record = model ? TRY(store::FindModelImport(snapshot, model->number)) : std::optional<ImportRecord>();
  if (record && !record->done) return model->number;
  return FailedPrecondition("the logged model ", Quoted(id.text()), " is not being imported");
}

/// The run's number; nothing when it was not imported.
Result<std::optional<std::int64_t>> ImportedRunNumber(db::Snapshot& snapshot, const std::string& id) {
  const auto run = TRY(store::FindRun(snapshot, RunId(id)));
  if (!run || !TRY(store::FindImport(snapshot, run->number))) return std::optional<std::int64_t>();
  return std::optional(run->number);
}

Result<std::map<std::string, std::int64_t>> AddMetricsTo(
    db::Transaction& transaction, const LoggedModelId& id,
    const std::map<std::string, std::vector<ModelMetric>>& by_run) {
  const std::int64_t model = TRY(MustBeOpenModel(transaction, id));
  std::map<std::string, std::int64_t> left_out;
  for (const auto& [run, metrics] : by_run) {
    const std::optional<std::int64_t> number = TRY(ImportedRunNumber(transaction, run));
    if (!number) {
      left_out[run] = static_cast<std::int64_t>(metrics.size());
      continue;
    }
    std::vector<store::ModelPointRow> rows;
    for (const ModelMetric& metric : metrics) {
      const std::int64_t name = TRY(store::NeedName(transaction, metric.key));
      rows.push_back({model, {name, metric.point}, metric.dataset_name, metric.dataset_digest});
    }
    TRY(store::AddModelPoints(transaction, *number, rows));
  }
  return left_out;
}

Result<SetDigest> MetricsHere(db::Snapshot& snapshot, std::int64_t model) {
  SetDigest digest;
  for (std::int64_t offset = 0;; offset += kComparedAtOnce) {
    const std::vector<ModelMetric> metrics = TRY(store::MetricsOf(snapshot, model, offset, kComparedAtOnce));
    for (const ModelMetric& metric : metrics) digest.Add(ModelMetricMember(metric));
    if (static_cast<std::int64_t>(metrics.size()) < kComparedAtOnce) return digest;
  }
}

Result<ImportOutcome> FinishModel(db::Transaction& transaction, const FinishedModel& finished) {
  ImportOutcome outcome{finished.model.text(), "", ImportState::kDone, ""};
  const std::int64_t model = TRY(MustBeOpenModel(transaction, finished.model));
  const SetDigest here = TRY(MetricsHere(transaction, model));
  // What runs measured of it here meanwhile is no fault.
  if (here == finished.metrics || here.count > finished.metrics.count) {
    TRY(store::SetModelImport(transaction, model, "", {"", finished.fingerprint, true}));
    return outcome;
  }
  outcome.state = ImportState::kDiffers;
  outcome.why = Cat("it has ", here.count, " points of metrics here and ", finished.metrics.count, " there",
                    here.count == finished.metrics.count ? " with other values" : "");
  return outcome;
}

template <typename Items, typename Each>
Task<Result<std::vector<ImportOutcome>>> WriteEach(db::Database& database, const Items& items, const Each& each) {
  co_return co_await database.Write([&](db::Transaction& t) -> Result<std::vector<ImportOutcome>> {
    std::vector<ImportOutcome> outcomes;
    for (const auto& item : items) outcomes.push_back(TRY(each(t, item)));
    return outcomes;
  });
}

}  // namespace

Task<Result<std::vector<ImportOutcome>>> ModelImports::Put(std::string source,
                                                           std::vector<ImportedLoggedModel> models) {
  if (models.size() > kModelsMax) {
    co_return InvalidArgument(models.size(), " logged models; at most ", kModelsMax, " at a time");
  }
  for (const ImportedLoggedModel& model : models) CO_TRY(CheckImportedModel(model));
  const auto put = [&](db::Transaction& t, const ImportedLoggedModel& one) { return PutModel(t, source, one); };
  co_return co_await WriteEach(database_, models, put);
}

Task<Result<std::map<std::string, std::int64_t>>> ModelImports::AddMetrics(LoggedModelId model,
                                                                           std::vector<ModelMetric> metrics) {
  if (metrics.size() > kMetricsMax) {
    co_return InvalidArgument(metrics.size(), " metrics of a logged model; at most ", kMetricsMax, " at a time");
  }
  std::map<std::string, std::vector<ModelMetric>> by_run;
  for (ModelMetric& metric : metrics) {
    CO_TRY(CheckMetric(metric));
    metric.point.value = KeptValue(metric.point.value);
    by_run[metric.run].push_back(std::move(metric));
  }
  co_return co_await database_.Write([&](db::Transaction& t) { return AddMetricsTo(t, model, by_run); });
}

Task<Result<std::vector<ImportOutcome>>> ModelImports::Finish(std::vector<FinishedModel> models) {
  const auto finish = [](db::Transaction& t, const FinishedModel& one) { return FinishModel(t, one); };
  co_return co_await WriteEach(database_, models, finish);
}

}  // namespace mw::tracking
