// The models that fit, with the values they are ordered by, are one statement; the page is cut out of it by another
// around it.
#include "tracking/logged_model_search_store.h"

#include <utility>

#include "base/text.h"
#include "tracking/experiment_store.h"
#include "tracking/name_store.h"
#include "tracking/run_clause_store.h"

namespace mw::tracking::store {
namespace {

using search::Clause;
using search::Entity;

std::string_view ColumnOfModel(std::string_view attribute) {
  if (attribute == "model_id") return "m.id";
  if (attribute == "model_type") return "m.type";
  if (attribute == "status") return "m.status";
  if (attribute == "source_run_id") return "m.source_run";
  if (attribute == "creation_timestamp") return "m.created_at";
  return attribute == "last_updated_timestamp" ? "m.updated_at" : "m.name";
}

/// Empty is what was not given, which fits nothing and comes last.
bool MayLack(std::string_view attribute) { return attribute == "model_type" || attribute == "source_run_id"; }

/// Statuses also by their names in the protocol: "LOGGED_MODEL_UPLOAD_FAILED".
void ShortenStatus(std::string& status) {
  constexpr std::string_view kPrefix = "LOGGED_MODEL_";
  if (status.starts_with(kPrefix)) status.erase(0, kPrefix.size());
  if (status == "UPLOAD_FAILED") status = "FAILED";
}

Sql StatusTest(Clause clause) {
  if (auto* text = std::get_if<std::string>(&clause.value)) ShortenStatus(*text);
  if (auto* list = std::get_if<std::vector<std::string>>(&clause.value)) {
    for (std::string& text : *list) ShortenStatus(text);
  }
  return TextTest("m.status", clause);
}

Sql AttributeTest(const Clause& clause) {
  const std::string_view column = ColumnOfModel(clause.key);
  if (std::holds_alternative<search::Number>(clause.value)) return NumberTest(column, clause);
  if (clause.key == "status") return StatusTest(clause);
  Sql sql;
  if (MayLack(clause.key)) sql.Add(column, " <> '' AND ");
  sql.Append(TextTest(column, clause));
  return sql;
}

/// Of a metric's row x: that it was measured on one of the datasets. Nothing when there are none.
Sql OnDatasets(const std::vector<DatasetChoice>& datasets) {
  Sql sql;
  for (const DatasetChoice& dataset : datasets) {
    sql.Add(sql.text.empty() ? " AND (" : " OR ", "(x.dataset_name = ?");
    sql.Bind(dataset.name);
    if (!dataset.digest.empty()) {
      sql.Add(" AND x.dataset_digest = ?");
      sql.Bind(dataset.digest);
    }
    sql.Add(")");
  }
  if (!datasets.empty()) sql.Add(")");
  return sql;
}

/// The value of the latest point that was measured of the model on one of the datasets.
Sql LatestOf(std::int64_t name, const std::vector<DatasetChoice>& datasets) {
  Sql sql;
  sql.Add("SELECT x.value AS value FROM tracking_logged_model_metrics x WHERE x.model = m.number AND x.name = ?");
  sql.Bind(name);
  sql.Append(OnDatasets(datasets));
  sql.Add(" ORDER BY x.step DESC, x.logged_at DESC, x.value DESC LIMIT 1");
  return sql;
}

/// A NaN is no number, and fits nothing.
Sql MetricTest(const Clause& clause, std::int64_t name, const std::vector<DatasetChoice>& datasets) {
  Clause number = clause;
  std::get<search::Number>(number.value).integer.reset();  // of doubles
  Sql sql;
  sql.Add("EXISTS (SELECT 1 FROM (");
  sql.Append(LatestOf(name, datasets));
  sql.Add(") y WHERE ");
  sql.Append(NumberTest("y.value", number));
  sql.Add(" AND y.value < ?)");
  sql.Bind(kNan);
  return sql;
}

Sql TextsTest(const Clause& clause, std::int64_t name) {
  Sql sql;
  sql.Add("EXISTS (SELECT 1 FROM ",
          clause.entity == Entity::kParameter ? "tracking_logged_model_params" : "tracking_logged_model_tags",
          " x WHERE x.model = m.number AND x.name = ? AND ");
  sql.Bind(name);
  sql.Append(TextTest("x.value", clause));
  sql.Add(")");
  return sql;
}

Result<Sql> TestOf(db::Snapshot& snapshot, const Clause& clause, const std::vector<DatasetChoice>& datasets) {
  if (clause.entity == Entity::kAttribute) return AttributeTest(clause);
  const auto name = TRY(FindName(snapshot, clause.key));
  Sql nothing;
  nothing.Add("1 = 0");
  if (!name) return nothing;
  return clause.entity == Entity::kMetric ? MetricTest(clause, *name, datasets) : TextsTest(clause, *name);
}

/// One key of the order: how its value is found, and its rank and value as expressions of what was found.
struct ModelOrderKey {
  Sql found = {};
  Sql rank = {};  ///< none: every model has it
  std::string value = {};
  bool ascending = true;
};

Result<ModelOrderKey> KeyOf(db::Snapshot& snapshot, const search::LoggedModelOrderKey& order, std::size_t index) {
  ModelOrderKey key;
  key.ascending = order.ascending;
  key.value = Cat("q.o", index);
  if (order.entity == Entity::kAttribute) {
    key.found.Add(ColumnOfModel(order.key));
    if (MayLack(order.key)) key.rank.Add("CASE WHEN ", key.value, " = '' THEN 2 ELSE 0 END");
    return key;
  }
  std::vector<DatasetChoice> datasets;
  if (!order.dataset_name.empty()) datasets.push_back({order.dataset_name, order.dataset_digest});
  const auto name = TRY(FindName(snapshot, order.key));
  key.found.Add("(");
  key.found.Append(LatestOf(name.value_or(-1), datasets));
  key.found.Add(")");
  key.rank.Add("CASE WHEN ", key.value, " IS NULL THEN 2 WHEN ", key.value, " = ? THEN 1 ELSE 0 END");
  key.rank.Bind(kNan);
  key.value = Cat("COALESCE(", key.value, ", 0.0)");
  return key;
}

Sql BehindPlace(const std::vector<ModelOrderKey>& keys, const RunPlace& place) {
  std::vector<OrderStep> steps;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!keys[i].rank.text.empty()) steps.push_back({keys[i].rank, true, place.keys[i].rank});
    // Among those that lack a key, or have a NaN, its value decides nothing.
    if (place.keys[i].rank == 0) steps.push_back({{keys[i].value}, keys[i].ascending, place.keys[i].value});
  }
  steps.push_back({{"q.created_at"}, false, place.started});
  steps.push_back({{"q.id"}, true, place.id});
  Sql sql;
  sql.Add(" WHERE ");
  sql.Append(Behind(steps));
  return sql;
}

/// The models that fit, as a table q.
Result<Sql> Fitting(db::Snapshot& snapshot, const LoggedModelQuery& query, const std::vector<ModelOrderKey>& keys) {
  Sql sql;
  sql.Add("SELECT ", kModelColumns);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    sql.Add(", ");
    sql.Append(keys[i].found);
    sql.Add(" AS o", i);
  }
  sql.Add(kModelTables, " WHERE m.stage = 'active' AND m.experiment_id IN (");
  for (std::size_t i = 0; i < query.experiments.size(); ++i) {
    sql.Add(i == 0 ? "?" : ", ?");
    sql.Bind(NumberOf(query.experiments[i]));
  }
  sql.Add(")");
  bool by_metric = false;
  for (const Clause& clause : query.filter) {
    by_metric = by_metric || clause.entity == Entity::kMetric;
    sql.Add(" AND ");
    sql.Append(TRY(TestOf(snapshot, clause, query.datasets)));
  }
  if (by_metric || query.datasets.empty()) return sql;
  sql.Add(" AND EXISTS (SELECT 1 FROM tracking_logged_model_metrics x WHERE x.model = m.number");
  sql.Append(OnDatasets(query.datasets));
  sql.Add(")");
  return sql;
}

Sql Ordered(const std::vector<ModelOrderKey>& keys) {
  Sql sql;
  sql.Add(" ORDER BY ");
  for (const ModelOrderKey& key : keys) {
    sql.Append(key.rank);
    sql.Add(key.rank.text.empty() ? "" : ", ", key.value, key.ascending ? ", " : " DESC, ");
  }
  sql.Add("q.created_at DESC, q.id");
  return sql;
}

RunPlace::Key ReadKey(const db::Row& row, std::size_t column) {
  RunPlace::Key key;
  key.rank = row.Int(column);
  const db::Value& value = row.At(column + 1);
  if (const auto* integer = std::get_if<std::int64_t>(&value)) key.value = *integer;
  if (const auto* number = std::get_if<double>(&value)) key.value = *number;
  if (const auto* text = std::get_if<std::string>(&value)) key.value = *text;
  if (key.rank != 0) key.value = std::int64_t{0};
  return key;
}

Result<FoundModel> ReadFound(const db::Row& row, std::size_t keys) {
  FoundModel found;
  found.stored = TRY(ReadModel(row));
  for (std::size_t i = 0; i < keys; ++i) found.place.keys.push_back(ReadKey(row, kModelColumnCount + 2 * i));
  found.place.started = found.stored.model.created;
  found.place.id = found.stored.model.id.text();
  return found;
}

}  // namespace

Result<std::vector<FoundModel>> SearchModels(db::Snapshot& snapshot, const LoggedModelQuery& query) {
  std::vector<FoundModel> models;
  if (query.experiments.empty()) return models;
  std::vector<ModelOrderKey> keys;
  for (const search::LoggedModelOrderKey& key : query.order) keys.push_back(TRY(KeyOf(snapshot, key, keys.size())));
  Sql sql;
  sql.Add(
      "SELECT q.number, q.id, q.experiment_id, q.name, q.type, q.source_run, q.status, q.stage, q.created_at,"
      " q.updated_at, q.artifact_location, q.status_message");
  for (const ModelOrderKey& key : keys) {
    sql.Add(key.rank.text.empty() ? ", 0" : ", ");
    sql.Append(key.rank);
    sql.Add(", ", key.value);
  }
  sql.Add(" FROM (");
  sql.Append(TRY(Fitting(snapshot, query, keys)));
  sql.Add(") q");
  if (query.after) sql.Append(BehindPlace(keys, *query.after));
  sql.Append(Ordered(keys));
  sql.Add(" LIMIT ?");
  sql.Bind(query.limit);
  for (const db::Row& row : TRY(snapshot.Query(sql.text, sql.values))) {
    models.push_back(TRY(ReadFound(row, keys.size())));
  }
  return models;
}

}  // namespace mw::tracking::store
