// SQL of logged models, their parameters, tags and metrics. Functions run inside closures of db::Database; nothing is
// checked here.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "db/database.h"
#include "tracking/logged_model.h"

namespace mw::tracking::store {

/// Their tables.
std::string LoggedModelTables();
/// What they need besides since models are imported.
db::Migration LoggedModelMigration();

/// A model with the number by which other tables know it.
struct StoredModel {
  std::int64_t number = 0;
  LoggedModel model;
};

/// For statements that read whole models: the columns, and what they come from (m the model, e its experiment).
inline constexpr std::string_view kModelColumns =
    "m.number, m.id, m.experiment_id, m.name, m.type, m.source_run, m.status, m.stage, m.created_at, m.updated_at,"
    " e.artifact_location, m.status_message";
inline constexpr std::size_t kModelColumnCount = 12;
inline constexpr std::string_view kModelTables =
    " FROM tracking_logged_model_records m JOIN tracking_experiments e ON e.id = m.experiment_id";
Result<StoredModel> ReadModel(const db::Row& row);

/// Its number.
Result<std::int64_t> InsertModel(db::Transaction& transaction, const LoggedModel& model);
Result<std::optional<StoredModel>> FindModel(db::Snapshot& snapshot, const LoggedModelId& id);
/// All but its id, experiment and time of creation.
Status UpdateModel(db::Transaction& transaction, const StoredModel& stored);

enum class ModelTexts : std::uint8_t { kParams, kTags };
Result<std::optional<std::string>> FindText(db::Snapshot& snapshot, ModelTexts kind, std::int64_t model,
                                            std::int64_t name);
Status SetText(db::Transaction& transaction, ModelTexts kind, std::int64_t model, std::int64_t name,
               std::string_view value);
/// False when there is none.
Result<bool> DeleteText(db::Transaction& transaction, ModelTexts kind, std::int64_t model, std::int64_t name);

/// One point of a model's metric, as a run logged it.
struct ModelPointRow {
  std::int64_t model = 0;
  TailPoint point;
  std::string dataset_name, dataset_digest;
};
/// What is there already stays once.
Status AddModelPoints(db::Transaction& transaction, std::int64_t run, std::span<const ModelPointRow> points);

/// Of an experiment by their ids, also those that are deleted; `after` empty or the last of the page before.
Result<std::vector<StoredModel>> ListModels(db::Snapshot& snapshot, const ExperimentId& experiment,
                                            const LoggedModelId& after, std::int64_t limit);
Result<std::int64_t> CountMetrics(db::Snapshot& snapshot, std::int64_t model);
/// All points of a model, `limit` from the `offset`th on, in an order that stays.
Result<std::vector<ModelMetric>> MetricsOf(db::Snapshot& snapshot, std::int64_t model, std::int64_t offset,
                                           std::int64_t limit);

/// Of each model its parameters, tags, and at most `metrics` of its latest points.
Result<std::vector<LoggedModelDetails>> DetailsOf(db::Snapshot& snapshot, std::span<const StoredModel> models,
                                                  std::int64_t metrics);

}  // namespace mw::tracking::store
