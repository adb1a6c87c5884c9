// Each answer is a few statements, whatever its length: the runs of a dataset are counted along an index and only the
// newest of them are read.
#include "tracking/dataset_store.h"

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <utility>

#include "base/text.h"
#include "tracking/experiment_store.h"
#include "tracking/logged_model_store.h"
#include "tracking/run_details_store.h"
#include "tracking/run_store.h"

namespace mw::tracking::store {
namespace {

constexpr std::int64_t kContextRuns = 20;       // whose contexts a line of a list tells
constexpr std::int64_t kExperimentsMax = 1000;  // of one dataset

using RowNumbers = std::vector<std::int64_t>;

DatasetRun DatasetRunOf(StoredRun stored, std::string context) {
  Run& run = stored.run;
  return {std::move(run.id), std::move(run.name), std::move(run.experiment), run.status,
          run.stage,         run.started,         std::move(context)};
}

/// How many runs read each, and the newest of them.
Status CountRuns(db::Snapshot& snapshot, std::vector<DatasetLine>& lines) {
  std::map<std::int64_t, std::size_t> places;
  RowNumbers datasets;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    places.emplace(lines[i].number, i);
    datasets.push_back(lines[i].number);
  }
  db::Values values;
  const std::string marks = Marks(datasets, values);
  std::multimap<std::int64_t, std::size_t> newest;
  RowNumbers runs;
  for (const db::Row& row : TRY(snapshot.Query(
           Cat("SELECT dataset, COUNT(*), MAX(run) FROM tracking_inputs WHERE dataset IN ", marks, " GROUP BY dataset"),
           values))) {
    const std::size_t place = places.at(row.Int(0));
    lines[place].runs = row.Int(1);
    newest.emplace(row.Int(2), place);
    runs.push_back(row.Int(2));
  }
  if (runs.empty()) return Ok();
  values.clear();
  const std::string wanted = Marks(runs, values);
  const std::string sql = Cat("SELECT ", kRunColumns, kRunTables, " WHERE r.number IN ", wanted);
  for (const db::Row& row : TRY(snapshot.Query(sql, values))) {
    const StoredRun run = TRY(ReadRun(row));
    const auto [begin, end] = newest.equal_range(run.number);
    for (auto it = begin; it != end; ++it) lines[it->second].newest = DatasetRunOf(run, "");
  }
  return Ok();
}

Status AddContexts(db::Snapshot& snapshot, DatasetLine& line) {
  for (const db::Row& row :
       TRY(snapshot.Query("SELECT DISTINCT t.value FROM (SELECT run FROM tracking_inputs WHERE dataset = ?"
                          " ORDER BY run DESC LIMIT ?) x JOIN tracking_input_tags t ON t.run = x.run AND t.dataset = ?"
                          " AND t.key = ? ORDER BY 1",
                          {line.number, kContextRuns, line.number, std::string(kContextTag)}))) {
    line.contexts.push_back(row.Text(0));
  }
  return Ok();
}

/// Of the whole dataset in its experiment.
Result<Dataset> ReadDataset(db::Snapshot& snapshot, std::int64_t number) {
  const db::Rows rows = TRY(snapshot.Query(
      "SELECT name, digest, source_type, source, schema, profile FROM tracking_datasets WHERE id = ?", {number}));
  const db::Row& row = rows[0];
  return Dataset{row.Text(0), row.Text(1), row.Text(2), row.Text(3), row.Text(4), row.Text(5)};
}

/// The runs' numbers, in the order of `details.runs`.
Result<RowNumbers> AddRuns(db::Snapshot& snapshot, const RowNumbers& datasets, std::int64_t limit,
                           DatasetDetails& details) {
  db::Values values;
  const std::string marks = Marks(datasets, values);
  details.runs_in_all =
      TRY(snapshot.Query(Cat("SELECT COUNT(*) FROM tracking_inputs WHERE dataset IN ", marks), values))
  [0].Int(0);
  values.emplace_back(limit);
  values.emplace_back(std::string(kContextTag));
  const std::string sql = Cat(
      "SELECT ", kRunColumns, ", COALESCE(t.value, '') FROM (SELECT run, dataset FROM tracking_inputs WHERE dataset",
      " IN ", marks, " ORDER BY run DESC LIMIT ?) x JOIN tracking_runs r ON r.number = x.run",
      " JOIN tracking_experiments e ON e.id = r.experiment_id LEFT JOIN tracking_input_tags t ON t.run = x.run",
      " AND t.dataset = x.dataset AND t.key = ? ORDER BY x.run DESC");
  RowNumbers runs;
  for (const db::Row& row : TRY(snapshot.Query(sql, values))) {
    StoredRun run = TRY(ReadRun(row));
    runs.push_back(run.number);
    details.runs.push_back(DatasetRunOf(std::move(run), row.Text(kRunColumnCount)));
  }
  return runs;
}

/// Models by their numbers, the newest first.
using Models = std::map<std::int64_t, DatasetModel, std::greater<>>;

/// `which`: a condition on m, with `values`.
Status AddModels(db::Snapshot& snapshot, std::string_view which, db::Values values, std::int64_t limit,
                 bool DatasetModel::*how, Models& models) {
  values.emplace_back(limit);
  const std::string sql = Cat("SELECT ", kModelColumns, kModelTables, " WHERE m.stage = 'active' AND ", which,
                              " ORDER BY m.number DESC LIMIT ?");
  for (const db::Row& row : TRY(snapshot.Query(sql, values))) {
    const StoredModel stored = TRY(ReadModel(row));
    const LoggedModel& model = stored.model;
    const auto [at, added] = models.try_emplace(stored.number);
    if (added) at->second = {model.id, model.name, model.experiment, model.source_run};
    at->second.*how = true;
  }
  return Ok();
}

Result<std::vector<DatasetModel>> ModelsOf(db::Snapshot& snapshot, const Dataset& dataset, const RowNumbers& runs,
                                           std::int64_t limit) {
  Models models;
  if (!runs.empty()) {
    db::Values values;
    const std::string made =
        Cat("m.id IN (SELECT model FROM tracking_run_models WHERE made = 1 AND run IN ", Marks(runs, values), ")");
    TRY(AddModels(snapshot, made, std::move(values), limit, &DatasetModel::made, models));
  }
  TRY(AddModels(snapshot,
                "m.number IN (SELECT model FROM tracking_logged_model_metrics WHERE dataset_name = ?"
                " AND dataset_digest = ? AND dataset_name <> '')",
                {dataset.name, dataset.digest}, limit, &DatasetModel::measured, models));
  std::vector<DatasetModel> list;
  for (auto& [number, model] : models) {
    if (static_cast<std::int64_t>(list.size()) < limit) list.push_back(std::move(model));
  }
  return list;
}

}  // namespace

db::Migration DatasetMigration() {
  return {"tracking", 9, R"sql(
CREATE INDEX tracking_logged_model_metrics_by_dataset
  ON tracking_logged_model_metrics (dataset_name, dataset_digest, model) WHERE dataset_name <> '';
)sql"};
}

Result<std::vector<DatasetLine>> ListDatasets(db::Snapshot& snapshot, const DatasetQuery& query) {
  std::string where = " WHERE ";
  db::Values values;
  // Of all experiments those that are deleted are left out.
  std::string_view from = " JOIN tracking_experiments e ON e.id = s.experiment_id AND e.stage = 'active'";
  const auto add = [&](std::string_view clause, db::Value value) {
    CatTo(where, values.empty() ? "" : " AND ", clause);
    values.push_back(std::move(value));
  };
  if (query.experiment) {
    from = "";
    add("s.experiment_id = ?", NumberOf(*query.experiment));
  }
  if (!query.name.empty()) add("s.name = ?", query.name);
  if (query.before > 0) add("s.id < ?", query.before);
  const std::string sql =
      Cat("SELECT s.id, s.experiment_id, s.name, s.digest, s.source_type, SUBSTR(s.source, 1, ", Datasets::kSourceShown,
          ") FROM tracking_datasets s", from, values.empty() ? "" : where, " ORDER BY s.id DESC LIMIT ?");
  values.emplace_back(query.limit);
  std::vector<DatasetLine> lines;
  for (const db::Row& row : TRY(snapshot.Query(sql, values))) {
    DatasetLine line;
    line.number = row.Int(0);
    line.experiment = ExperimentId(Cat(row.Int(1)));
    line.name = row.Text(2);
    line.digest = row.Text(3);
    line.source_type = row.Text(4);
    line.source = row.Text(5);
    lines.push_back(std::move(line));
  }
  if (lines.empty()) return lines;
  TRY(CountRuns(snapshot, lines));
  for (DatasetLine& line : lines) TRY(AddContexts(snapshot, line));
  return lines;
}

Result<std::optional<DatasetDetails>> FindDataset(db::Snapshot& snapshot, std::string_view name,
                                                  std::string_view digest, std::int64_t limit) {
  RowNumbers datasets;
  DatasetDetails details;
  for (const db::Row& row : TRY(snapshot.Query("SELECT id, experiment_id FROM tracking_datasets WHERE name = ?"
                                               " AND digest = ? ORDER BY id DESC LIMIT ?",
                                               {std::string(name), std::string(digest), kExperimentsMax}))) {
    datasets.push_back(row.Int(0));
    details.experiments.insert(details.experiments.begin(), ExperimentId(Cat(row.Int(1))));
  }
  if (datasets.empty()) return std::optional<DatasetDetails>();
  details.dataset = TRY(ReadDataset(snapshot, datasets.front()));
  const RowNumbers runs = TRY(AddRuns(snapshot, datasets, limit, details));
  details.models = TRY(ModelsOf(snapshot, details.dataset, runs, limit));
  return std::optional<DatasetDetails>(std::move(details));
}

}  // namespace mw::tracking::store
