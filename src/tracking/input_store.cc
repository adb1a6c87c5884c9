// SQL of what runs read and made. A dataset may be large and read by many runs: it is read once for all of them.
#include "tracking/input_store.h"

#include <algorithm>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "tracking/experiment_store.h"
#include "tracking/name_store.h"
#include "tracking/run_details_store.h"

namespace mw::tracking::store {
namespace {

using DatasetMap = std::unordered_map<std::int64_t, std::shared_ptr<const Dataset>>;
/// By run and dataset; datasets ascend as they were made.
using Tags = std::map<std::pair<std::int64_t, std::int64_t>, std::vector<std::pair<std::string, std::string>>>;

Result<std::int64_t> NeedDataset(db::Transaction& transaction, std::int64_t experiment, const Dataset& dataset) {
  const db::Rows known =
      TRY(transaction.Query("SELECT id FROM tracking_datasets WHERE experiment_id = ? AND name = ? AND digest = ?",
                            {experiment, dataset.name, dataset.digest}));
  if (!known.empty()) return known[0].Int(0);
  const std::int64_t id = TRY(NextNumber(transaction, "datasets"));
  TRY(
      transaction.Execute("INSERT INTO tracking_datasets (id, experiment_id, name, digest, source_type, source, schema,"
                          " profile) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                          {id, experiment, dataset.name, dataset.digest, dataset.source_type, dataset.source,
                           dataset.schema, dataset.profile}));
  return id;
}

Result<bool> AddModel(db::Transaction& transaction, std::int64_t run, bool made, std::int64_t step,
                      const std::string& model) {
  return TRY(
      transaction.Execute("INSERT INTO tracking_run_models (run, made, step, model) VALUES (?, ?, ?, ?)"
                          " ON CONFLICT (run, made, step, model) DO NOTHING",
                          {run, std::int64_t{made ? 1 : 0}, step, model}))
  > 0;
}

Result<DatasetMap> ReadDatasets(db::Snapshot& snapshot, const std::vector<std::int64_t>& ids) {
  DatasetMap datasets;
  for (std::size_t i = 0; i < ids.size(); i += kRunsAtOnce) {
    db::Values values;
    const std::string marks = Marks(std::span(ids).subspan(i, std::min(kRunsAtOnce, ids.size() - i)), values);
    for (const db::Row& row : TRY(snapshot.Query(
             Cat("SELECT id, name, digest, source_type, source, schema, profile FROM tracking_datasets WHERE id IN ",
                 marks),
             values))) {
      datasets.emplace(row.Int(0), std::make_shared<const Dataset>(Dataset{row.Text(1), row.Text(2), row.Text(3),
                                                                           row.Text(4), row.Text(5), row.Text(6)}));
    }
  }
  return datasets;
}

Result<Tags> ReadTags(db::Snapshot& snapshot, std::string_view marks, const db::Values& runs) {
  Tags tags;
  for (const db::Row& row : TRY(snapshot.Query(
           Cat("SELECT run, dataset, key, value FROM tracking_input_tags WHERE run IN ", marks, " ORDER BY key"),
           runs))) {
    tags[{row.Int(0), row.Int(1)}].emplace_back(row.Text(2), row.Text(3));
  }
  return tags;
}

Status AddDatasetInputs(db::Snapshot& snapshot, const db::Rows& rows, std::string_view marks, const db::Values& runs,
                        const std::unordered_map<std::int64_t, RunDetails*>& of) {
  std::vector<std::int64_t> ids;
  for (const db::Row& row : rows) ids.push_back(row.Int(1));
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  const DatasetMap datasets = TRY(ReadDatasets(snapshot, ids));
  Tags tags = TRY(ReadTags(snapshot, marks, runs));
  for (const db::Row& row : rows) {
    DatasetInput input;
    input.dataset = datasets.at(row.Int(1));
    input.tags = std::move(tags[{row.Int(0), row.Int(1)}]);
    of.at(row.Int(0))->dataset_inputs.push_back(std::move(input));
  }
  return Ok();
}

}  // namespace

Result<bool> AddInput(db::Transaction& transaction, const StoredRun& run, const DatasetInput& input) {
  const std::int64_t dataset = TRY(NeedDataset(transaction, NumberOf(run.run.experiment), *input.dataset));
  const std::int64_t added =
      TRY(transaction.Execute("INSERT INTO tracking_inputs (run, dataset) VALUES (?, ?) ON CONFLICT (run, dataset)"
                              " DO NOTHING",
                              {run.number, dataset}));
  if (added == 0) return false;
  for (const auto& [key, value] : input.tags) {
    TRY(
        transaction.Execute("INSERT INTO tracking_input_tags (run, dataset, key, head, value) VALUES (?, ?, ?, ?, ?)"
                            " ON CONFLICT (run, dataset, key) DO UPDATE SET head = excluded.head,"
                            " value = excluded.value",
                            {run.number, dataset, key, HeadOf(value), value}));
  }
  return true;
}

Result<bool> AddModelInput(db::Transaction& transaction, std::int64_t run, const std::string& model) {
  return AddModel(transaction, run, false, 0, model);
}

Result<bool> AddModelOutput(db::Transaction& transaction, std::int64_t run, const ModelOutput& output) {
  return AddModel(transaction, run, true, output.step, output.model);
}

Status AddInputs(db::Snapshot& snapshot, std::span<const std::int64_t> runs, std::vector<RunDetails>& details) {
  db::Values values;
  const std::string marks = Marks(runs, values);
  const db::Rows inputs = TRY(snapshot.Query(
      Cat("SELECT run, dataset FROM tracking_inputs WHERE run IN ", marks, " ORDER BY run, dataset"), values));
  const db::Rows models = TRY(snapshot.Query(Cat("SELECT run, made, step, model FROM tracking_run_models WHERE run IN ",
                                                 marks, " ORDER BY run, made, step, model"),
                                             values));
  if (inputs.empty() && models.empty()) return Ok();
  std::unordered_map<std::int64_t, RunDetails*> of;
  for (std::size_t i = 0; i < runs.size(); ++i) of.emplace(runs[i], &details[i]);
  for (const db::Row& row : models) {
    RunDetails& run = *of.at(row.Int(0));
    if (row.Int(1) == 0) {
      run.model_inputs.push_back(row.Text(3));
    } else {
      run.model_outputs.push_back({row.Text(3), row.Int(2)});
    }
  }
  return inputs.empty() ? Ok() : AddDatasetInputs(snapshot, inputs, marks, values, of);
}

Result<std::vector<DatasetSummary>> FindSummaries(db::Snapshot& snapshot, const std::vector<ExperimentId>& experiments,
                                                  std::int64_t limit) {
  std::vector<DatasetSummary> summaries;
  if (experiments.empty()) return summaries;
  std::vector<std::int64_t> numbers;
  for (const ExperimentId& experiment : experiments) numbers.push_back(NumberOf(experiment));
  db::Values values = {std::string(kContextTag)};
  const std::string marks = Marks(numbers, values);
  values.emplace_back(limit);
  for (const db::Row& row : TRY(snapshot.Query(
           Cat("SELECT DISTINCT s.experiment_id, s.name, s.digest, COALESCE(t.value, '') FROM tracking_datasets s"
               " JOIN tracking_inputs x ON x.dataset = s.id LEFT JOIN tracking_input_tags t ON t.run = x.run"
               " AND t.dataset = x.dataset AND t.key = ? WHERE s.experiment_id IN ",
               marks, " ORDER BY 1, 2, 3, 4 LIMIT ?"),
           values))) {
    summaries.push_back({ExperimentId(Cat(row.Int(0))), row.Text(1), row.Text(2), row.Text(3)});
  }
  return summaries;
}

}  // namespace mw::tracking::store
