// SQL of logged models.
#include "tracking/logged_model_store.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "tracking/experiment_store.h"
#include "tracking/name_store.h"

namespace mw::tracking::store {

std::string LoggedModelTables() {
  return R"sql(
CREATE TABLE tracking_logged_model_records (
  number BIGINT PRIMARY KEY,
  id TEXT COLLATE "C" NOT NULL UNIQUE,
  experiment_id BIGINT NOT NULL REFERENCES tracking_experiments (id),
  name TEXT COLLATE "C" NOT NULL,
  type TEXT COLLATE "C" NOT NULL,
  source_run TEXT COLLATE "C" NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  stage TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX tracking_logged_model_records_by_time
  ON tracking_logged_model_records (experiment_id, stage, created_at, id);
INSERT INTO tracking_counters VALUES ('logged_models', 0);
CREATE TABLE tracking_logged_model_params (
  model BIGINT NOT NULL,
  name BIGINT NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (model, name)
) WITHOUT ROWID;
CREATE TABLE tracking_logged_model_tags (
  model BIGINT NOT NULL,
  name BIGINT NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (model, name)
) WITHOUT ROWID;
-- Also in the history of the run. A dataset that is not named is ''.
CREATE TABLE tracking_logged_model_metrics (
  model BIGINT NOT NULL,
  name BIGINT NOT NULL,
  logged_at BIGINT NOT NULL,
  step BIGINT NOT NULL,
  run BIGINT NOT NULL,
  dataset_name TEXT COLLATE "C" NOT NULL,
  dataset_digest TEXT COLLATE "C" NOT NULL,
  value DOUBLE PRECISION NOT NULL,
  PRIMARY KEY (model, name, logged_at, step, run, dataset_name, dataset_digest, value)
) WITHOUT ROWID;
CREATE INDEX tracking_logged_model_metrics_by_run ON tracking_logged_model_metrics (run);
)sql";
}

db::Migration LoggedModelMigration() {
  return {"logged_models", 1, R"sql(
ALTER TABLE tracking_logged_model_records ADD COLUMN status_message TEXT COLLATE "C" NOT NULL DEFAULT '';
-- What was imported, and how far it is.
CREATE TABLE tracking_imported_models (
  model BIGINT PRIMARY KEY,
  source TEXT COLLATE "C" NOT NULL,
  fingerprint TEXT COLLATE "C" NOT NULL,
  done BIGINT NOT NULL
);
)sql"};
}

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr std::size_t kModelsAtOnce = 64;

std::string_view ModelTextsTable(ModelTexts kind) {
  return kind == ModelTexts::kParams ? "tracking_logged_model_params" : "tracking_logged_model_tags";
}

/// "(?, ?, ...)" for the numbers, in a few sizes, so that there are few statements to prepare.
std::string ModelMarks(std::span<const StoredModel> models, db::Values& values) {
  std::size_t size = 1;
  while (size < models.size()) size *= 4;
  std::string marks = "(?";
  for (std::size_t i = 0; i < size; ++i) {
    if (i > 0) marks += ", ?";
    values.emplace_back(models[std::min(i, models.size() - 1)].number);
  }
  return marks += ")";
}

ModelMetric ReadMetric(const db::Row& row) {
  ModelMetric metric;
  metric.key = row.Text(1);
  metric.point = {row.Int(2), row.Int(3), row.Double(4)};
  metric.run = row.IsNull(5) ? "" : row.Text(5);
  metric.dataset_name = row.Text(6);
  metric.dataset_digest = row.Text(7);
  return metric;
}

Status AddDetails(db::Snapshot& snapshot, std::span<const StoredModel> models, std::int64_t metrics,
                  std::vector<LoggedModelDetails>& out) {
  std::unordered_map<std::int64_t, std::size_t> places;
  for (const StoredModel& model : models) {
    places.emplace(model.number, out.size());
    out.push_back({model.model, {}, {}, {}});
  }
  db::Values values;
  const std::string marks = ModelMarks(models, values);
  for (const ModelTexts kind : {ModelTexts::kParams, ModelTexts::kTags}) {
    const std::string sql =
        Cat("SELECT t.model, n.name, t.value FROM ", ModelTextsTable(kind),
            " t JOIN tracking_names n ON n.id = t.name WHERE t.model IN ", marks, " ORDER BY n.name");
    for (const db::Row& row : TRY(snapshot.Query(sql, values))) {
      LoggedModelDetails& details = out[places.at(row.Int(0))];
      Pairs& texts = kind == ModelTexts::kParams ? details.params : details.tags;
      texts.emplace_back(row.Text(1), row.Text(2));
    }
  }
  if (metrics == 0) return Ok();
  const std::string sql =
      Cat("SELECT x.model, n.name, x.logged_at, x.step, x.value, r.id, x.dataset_name, x.dataset_digest FROM (SELECT *,"
          " ROW_NUMBER() OVER (PARTITION BY model ORDER BY logged_at DESC, step DESC) AS place"
          " FROM tracking_logged_model_metrics WHERE model IN ",
          marks,
          ") x JOIN tracking_names n ON n.id = x.name LEFT JOIN tracking_runs r ON r.number = x.run"
          " WHERE x.place <= ? ORDER BY n.name, x.logged_at, x.step, x.dataset_name, x.dataset_digest");
  values.emplace_back(metrics);
  for (const db::Row& row : TRY(snapshot.Query(sql, values))) {
    out[places.at(row.Int(0))].metrics.push_back(ReadMetric(row));
  }
  return Ok();
}

}  // namespace

Result<StoredModel> ReadModel(const db::Row& row) {
  StoredModel stored;
  stored.number = row.Int(0);
  LoggedModel& model = stored.model;
  model.id = LoggedModelId(row.Text(1));
  model.experiment = ExperimentId(Cat(row.Int(2)));
  model.name = row.Text(3);
  model.type = row.Text(4);
  model.source_run = row.Text(5);
  model.status = TRY(ParseLoggedModelStatus(row.Text(6)));
  model.stage = ReadStage(row.Text(7));
  model.created = row.Int(8);
  model.updated = row.Int(9);
  model.artifact_uri = Cat(LocationOf(row.Text(10), row.Int(2)), "/models/", row.Text(1), "/artifacts");
  model.status_message = row.Text(11);
  return stored;
}

Result<std::int64_t> InsertModel(db::Transaction& transaction, const LoggedModel& model) {
  const std::int64_t number = TRY(NextNumber(transaction, "logged_models"));
  TRY(transaction.Execute(
      "INSERT INTO tracking_logged_model_records (number, id, experiment_id, name, type, source_run, status, stage,"
      " created_at, updated_at, status_message) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {number, model.id.text(), NumberOf(model.experiment), model.name, model.type, model.source_run,
       std::string(StatusName(model.status)), std::string(StageName(model.stage)), model.created, model.updated,
       model.status_message}));
  return number;
}

Result<std::optional<StoredModel>> FindModel(db::Snapshot& snapshot, const LoggedModelId& id) {
  const db::Rows rows =
      TRY(snapshot.Query(Cat("SELECT ", kModelColumns, kModelTables, " WHERE m.id = ?"), {id.text()}));
  if (rows.empty()) return std::optional<StoredModel>();
  return std::optional<StoredModel>(TRY(ReadModel(rows[0])));
}

Status UpdateModel(db::Transaction& transaction, const StoredModel& stored) {
  const LoggedModel& model = stored.model;
  TRY(transaction.Execute(
      "UPDATE tracking_logged_model_records SET name = ?, type = ?, source_run = ?, status = ?, stage = ?,"
      " updated_at = ?, status_message = ? WHERE number = ?",
      {model.name, model.type, model.source_run, std::string(StatusName(model.status)),
       std::string(StageName(model.stage)), model.updated, model.status_message, stored.number}));
  return Ok();
}

Result<std::vector<StoredModel>> ListModels(db::Snapshot& snapshot, const ExperimentId& experiment,
                                            const LoggedModelId& after, std::int64_t limit) {
  std::vector<StoredModel> models;
  for (const db::Row& row : TRY(snapshot.Query(
           Cat("SELECT ", kModelColumns, kModelTables, " WHERE m.experiment_id = ? AND m.id > ? ORDER BY m.id LIMIT ?"),
           {NumberOf(experiment), after.text(), limit}))) {
    models.push_back(TRY(ReadModel(row)));
  }
  return models;
}

Result<std::int64_t> CountMetrics(db::Snapshot& snapshot, std::int64_t model) {
  return TRY(snapshot.Query("SELECT COUNT(*) FROM tracking_logged_model_metrics WHERE model = ?", {model}))
  .at(0).Int(0);
}

Result<std::vector<ModelMetric>> MetricsOf(db::Snapshot& snapshot, std::int64_t model, std::int64_t offset,
                                           std::int64_t limit) {
  std::vector<ModelMetric> metrics;
  for (const db::Row& row : TRY(snapshot.Query(
           "SELECT x.model, n.name, x.logged_at, x.step, x.value, r.id, x.dataset_name, x.dataset_digest FROM (SELECT *"
           " FROM tracking_logged_model_metrics WHERE model = ? ORDER BY name, logged_at, step, run, dataset_name,"
           " dataset_digest, value LIMIT ? OFFSET ?) x JOIN tracking_names n ON n.id = x.name LEFT JOIN tracking_runs r"
           " ON r.number = x.run ORDER BY x.name, x.logged_at, x.step, x.run, x.dataset_name, x.dataset_digest,"
           " x.value",
           {model, limit, offset}))) {
    metrics.push_back(ReadMetric(row));
  }
  return metrics;
}

Result<std::optional<std::string>> FindText(db::Snapshot& snapshot, ModelTexts kind, std::int64_t model,
                                            std::int64_t name) {
  const db::Rows rows = TRY(
      snapshot.Query(Cat("SELECT value FROM ", ModelTextsTable(kind), " WHERE model = ? AND name = ?"), {model, name}));
  return rows.empty() ? std::optional<std::string>() : std::optional(rows[0].Text(0));
}

Status SetText(db::Transaction& transaction, ModelTexts kind, std::int64_t model, std::int64_t name,
               std::string_view value) {
  TRY(transaction.Execute(Cat("INSERT INTO ", ModelTextsTable(kind),
                              " (model, name, value) VALUES (?, ?, ?)"
                              " ON CONFLICT (model, name) DO UPDATE SET value = excluded.value"),
                          {model, name, std::string(value)}));
  return Ok();
}

Result<bool> DeleteText(db::Transaction& transaction, ModelTexts kind, std::int64_t model, std::int64_t name) {
  return TRY(
      transaction.Execute(Cat("DELETE FROM ", ModelTextsTable(kind), " WHERE model = ? AND name = ?"), {model, name}))
  > 0;
}

Status AddModelPoints(db::Transaction& transaction, std::int64_t run, std::span<const ModelPointRow> points) {
  while (!points.empty()) {
    // Few sizes, so that there are few statements to prepare.
    const std::size_t count = points.size() >= 64 ? 64 : points.size() >= 8 ? 8 : 1;
    std::string sql =
        "INSERT INTO tracking_logged_model_metrics"
        " (model, name, logged_at, step, run, dataset_name, dataset_digest, value) VALUES ";
    db::Values values;
    for (std::size_t i = 0; i < count; ++i) {
      const ModelPointRow& row = points[i];
      sql += i == 0 ? "(?, ?, ?, ?, ?, ?, ?, ?)" : ", (?, ?, ?, ?, ?, ?, ?, ?)";
      const Point& point = row.point.point;
      values.insert(values.end(), {row.model, row.point.name, point.time, point.step, run, row.dataset_name,
                                   row.dataset_digest, point.value});
    }
    TRY(transaction.Execute(sql + " ON CONFLICT DO NOTHING", values));
    points = points.subspan(count);
  }
  return Ok();
}

Result<std::vector<LoggedModelDetails>> DetailsOf(db::Snapshot& snapshot, std::span<const StoredModel> models,
                                                  std::int64_t metrics) {
  std::vector<LoggedModelDetails> details;
  while (!models.empty()) {
    const std::size_t count = std::min(models.size(), kModelsAtOnce);
    TRY(AddDetails(snapshot, models.first(count), metrics, details));
    models = models.subspan(count);
  }
  return details;
}

}  // namespace mw::tracking::store
