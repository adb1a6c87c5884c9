// A statement is put together from where its runs come from, what they are asked, and their order:
//
//   sorted:  all runs of the scope, or those of the clause that fits the fewest, asked and sorted
//   walked:  the first key's index is walked in its order, and each run asked, until the page is full; runs that lack
//            the key come after, sorted
//
// Which is cheaper is estimated from how many rows the indexes hold, counted up to a bound.
#include "tracking/run_search_store.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "tracking/experiment_store.h"
#include "tracking/name_store.h"
#include "tracking/run_clause_store.h"

namespace mw::tracking::store {
namespace {

using search::Entity;

constexpr std::int64_t kCountedMax = 20'000;  ///< more rows are "many"
constexpr std::int64_t kFewRuns = 2000;       ///< are sorted without further thought
/// A clause that fits many runs is taken to fit this share of them.
constexpr double kShareOfMany = 0.5;

/// One key of the order: what is joined for it, and its rank (none when every run has it) and value as expressions.
struct Key {
  Entity entity = Entity::kAttribute;
  std::string attribute = {};
  std::string alias = {};
  std::int64_t name = 0;
  Sql join = {};
  Sql rank = {};
  std::string value = {};
  bool ascending = true;

  [[nodiscard]] bool IsTime() const { return entity == Entity::kAttribute && attribute == "start_time"; }
};

Key AttributeKey(const search::OrderKey& order) {
  Key key;
  key.attribute = order.key;
  key.ascending = order.ascending;
  key.value = ColumnOf(order.key);
  if (order.key == "end_time") {
    key.rank.Add("CASE WHEN r.ended_at IS NULL THEN 2 ELSE 0 END");
    key.value = "COALESCE(r.ended_at, 0)";
  }
  return key;
}

Result<Key> JoinedKey(db::Snapshot& snapshot, const search::OrderKey& order, std::size_t index) {
  Key key;
  key.entity = order.entity;
  key.ascending = order.ascending;
  key.alias = Cat("o", index);
  key.name = TRY(FindName(snapshot, order.key))
  .value_or(-1);
  const bool metric = order.entity == Entity::kMetric;
  key.join.Add(" LEFT JOIN ", TableOf(order.entity), " ", key.alias, " ON ", key.alias, ".run = r.number AND ",
               key.alias, ".name = ?");
  key.join.Bind(key.name);
  key.rank.Add("CASE WHEN ", key.alias, ".value IS NULL THEN 2");
  if (metric) {
    key.rank.Add(" WHEN ", key.alias, ".value = ? THEN 1");
    key.rank.Bind(kNan);
  }
  key.rank.Add(" ELSE 0 END");
  key.value = metric ? Cat("COALESCE(", key.alias, ".value, 0.0)") : Cat("COALESCE(", key.alias, ".value, '')");
  return key;
}

Result<std::vector<Key>> KeysOf(db::Snapshot& snapshot, const search::OrderBy& order) {
  std::vector<Key> keys;
  for (const search::OrderKey& key : order) {
    if (key.entity == Entity::kAttribute) {
      keys.push_back(AttributeKey(key));
    } else {
      keys.push_back(TRY(JoinedKey(snapshot, key, keys.size())));
    }
  }
  return keys;
}

/// What comes behind the place.
Sql Behind(const std::vector<Key>& keys, const RunPlace& place) {
  std::vector<OrderStep> steps;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!keys[i].rank.text.empty()) steps.push_back({keys[i].rank, true, place.keys[i].rank});
    // Among those that lack a key, or have a NaN, its value decides nothing.
    if (place.keys[i].rank != 0) continue;
    steps.push_back({{keys[i].value}, keys[i].ascending, place.keys[i].value});
  }
  steps.push_back({{"r.started_at"}, false, place.started});
  steps.push_back({{"r.id"}, true, place.id});
  Sql sql;
  sql.Add(" AND (");
  sql.Append(Behind(steps));
  sql.Add(")");
  return sql;
}

/// Where the runs of a statement come from: one in front of " CROSS JOIN tracking_runs r", and what ties it to r.
struct Origin {
  Sql table = {};
  Sql where = {};
};

class Search {
 public:
  Search(db::Snapshot& snapshot, const RunQuery& query) : snapshot_(snapshot), query_(query) {}

  Result<std::vector<FoundRun>> Run() {
    keys_ = TRY(KeysOf(snapshot_, query_.order));
    for (const search::Clause& clause : query_.filter) clauses_.push_back(TRY(ClauseOf(snapshot_, clause)));
    const bool walk = TRY(Choose());
    if (!walk) return Read(Sorted(false), query_.limit);
    return keys_.empty() || keys_[0].IsTime() ? Read(WalkedByTime(), query_.limit) : Walk();
  }

 private:
  /// Whether to walk; and if not, or for what is sorted after the walk, from which clause.
  Result<bool> Choose() {
    const auto runs = TRY(snapshot_.Query("SELECT value FROM tracking_counters WHERE name = 'runs'"));
    const std::int64_t total = std::max<std::int64_t>(runs.at(0).Int(0), 1);
    if (total <= kFewRuns) return false;
    const std::int64_t scope = TRY(Count("tracking_runs r", Scope(false), total));
    std::int64_t fewest = scope;
    double share = static_cast<double>(scope) / static_cast<double>(total);
    for (const ClauseSql& clause : clauses_) {
      if (!clause.source) continue;
      const std::int64_t count = TRY(Count(Cat(clause.source->table, " d"), clause.source->where, total));
      share *= count == total ? kShareOfMany : static_cast<double>(count) / static_cast<double>(total);
      if (count >= fewest) continue;
      fewest = count;
      source_ = &*clause.source;
    }
    // In one experiment the walk by time meets no other's runs.
    if (OneStretch() && CanWalkByTime()) share *= static_cast<double>(total) / static_cast<double>(scope);
    const double walked = std::min(static_cast<double>(query_.limit) / std::max(share, 1e-9), 1e18);
    return CanWalk() && walked < static_cast<double>(fewest);
  }

  [[nodiscard]] bool CanWalkByTime() const { return keys_.empty() || keys_[0].IsTime(); }
  [[nodiscard]] bool CanWalk() const { return CanWalkByTime() || keys_[0].entity != Entity::kAttribute; }
  /// Whether all runs asked for lie side by side in the index over experiment, stage and time.
  [[nodiscard]] bool OneStretch() const { return query_.experiments.size() == 1 && query_.view != StageView::kAll; }

  /// `total` when they are many.
  Result<std::int64_t> Count(std::string_view table, const Sql& where, std::int64_t total) {
    Sql sql;
    sql.Add("SELECT COUNT(*) FROM (SELECT 1 FROM ", table, " WHERE ");
    sql.Append(where);
    sql.Add(" LIMIT ?) c");
    sql.Bind(kCountedMax);
    const db::Rows rows = TRY(snapshot_.Query(sql.text, sql.values));
    return rows[0].Int(0) < kCountedMax ? rows[0].Int(0) : total;
  }

  /// The experiments and the stage. `by_time`: so that the index over experiments is not used.
  [[nodiscard]] Sql Scope(bool by_time) const {
    Sql sql;
    const std::string_view column = by_time ? "+r.experiment_id" : "r.experiment_id";
    sql.Add(column, query_.experiments.size() == 1 ? " = (" : " IN (");
    for (std::size_t i = 0; i < query_.experiments.size(); ++i) {
      sql.Add(i == 0 ? "?" : ", ?");
      sql.Bind(NumberOf(query_.experiments[i]));
    }
    sql.Add(")");
    if (query_.view == StageView::kAll) return sql;
    sql.Add(" AND r.stage = ?");
    sql.Bind(std::string(StageName(query_.view == StageView::kActiveOnly ? Stage::kActive : Stage::kDeleted)));
    return sql;
  }

  [[nodiscard]] Sql Start(const Origin& origin, bool by_time) const {
    Sql sql;
    sql.Add("SELECT ", kRunColumns);
    for (const Key& key : keys_) {
      sql.Add(key.rank.text.empty() ? ", 0" : ", ");
      sql.Append(key.rank);
      sql.Add(", ", key.value);
    }
    sql.Add(" FROM ");
    sql.Append(origin.table);
    // Keeps the order of the tables: what is in front is read first.
    sql.Add(origin.table.text.empty() ? "" : " CROSS JOIN ", "tracking_runs r CROSS JOIN tracking_experiments e");
    for (const Key& key : keys_) sql.Append(key.join);
    sql.Add(" WHERE e.id = r.experiment_id AND ");
    sql.Append(origin.where);
    sql.Append(Scope(by_time));
    for (const ClauseSql& clause : clauses_) {
      sql.Add(" AND ");
      sql.Append(clause.test);
    }
    return sql;
  }

  /// The order behind `first`, which the statement has put there already.
  void End(Sql& sql, std::string_view first, std::int64_t limit) const {
    sql.Add(" ORDER BY ", first);
    bool time = false;
    for (const Key& key : keys_) {
      sql.Append(key.rank);
      sql.Add(key.rank.text.empty() ? "" : ", ", key.value, key.ascending ? " ASC, " : " DESC, ");
      time = time || key.IsTime();
    }
    sql.Add(time ? "" : "r.started_at DESC, ", "r.id ASC LIMIT ?");
    sql.Bind(limit);
  }

  /// `lacking`: only runs that lack the first key, or have a NaN.
  [[nodiscard]] Sql Sorted(bool lacking) const {
    Origin origin;
    if (source_ != nullptr) {
      origin.table.Add(source_->table, " d");
      origin.where.Append(source_->where);
      origin.where.Add(" AND r.number = ", source_->run, " AND ");
    }
    Sql sql = Start(origin, false);
    if (lacking) {
      const Key& key = keys_[0];
      sql.Add(" AND (", key.alias, ".value IS NULL");
      if (key.entity == Entity::kMetric) {
        sql.Add(" OR ", key.alias, ".value = ?");
        sql.Bind(kNan);
      }
      sql.Add(")");
    }
    const bool behind = query_.after && (!lacking || query_.after->keys[0].rank > 0);
    if (behind) sql.Append(Behind(keys_, *query_.after));
    return sql;
  }

  /// Newest first, or as the first key wants it, by an index over time.
  [[nodiscard]] Sql WalkedByTime() const {
    const bool ascending = !keys_.empty() && keys_[0].ascending;
    Sql sql = Start({}, !OneStretch());
    if (!query_.after) return sql;
    sql.Add(" AND r.started_at ", ascending ? ">= ?" : "<= ?");
    sql.Bind(query_.after->started);
    sql.Append(Behind(keys_, *query_.after));
    return sql;
  }

  Result<std::vector<FoundRun>> Walk() {
    std::vector<FoundRun> found;
    if (!query_.after || query_.after->keys[0].rank == 0) found = TRY(ReadWalked());
    const std::int64_t left = query_.limit - static_cast<std::int64_t>(found.size());
    if (left <= 0) return found;
    for (FoundRun& run : TRY(Read(Sorted(true), left))) found.push_back(std::move(run));
    return found;
  }

  /// The runs that have the first key, in the order of the index over its values.
  Result<std::vector<FoundRun>> ReadWalked() {
    Key& key = keys_[0];
    const Key whole = key;
    const bool metric = key.entity == Entity::kMetric;
    const std::string column = Cat(key.alias, metric ? ".value" : ".head");
    Origin origin;
    origin.table.Add(TableOf(key.entity), " ", key.alias);
    origin.where.Add(key.alias, ".name = ? AND ");
    origin.where.Bind(key.name);
    if (metric) {
      origin.where.Add(column, " < ? AND ");
      origin.where.Bind(kNan);
    }
    if (query_.after) AddBeginning(origin.where, column);
    origin.where.Add("r.number = ", key.alias, ".run AND ");
    key.join = key.rank = {};
    key.value = Cat(key.alias, ".value");
    Sql sql = Start(origin, false);
    if (query_.after) sql.Append(Behind(keys_, *query_.after));
    const std::string first = metric ? "" : Cat(column, key.ascending ? " ASC, " : " DESC, ");
    auto found = Read(std::move(sql), query_.limit, first);
    key = whole;
    return found;
  }

  /// Where in the index the walk begins.
  void AddBeginning(Sql& where, const std::string& column) const {
    where.Add(column, keys_[0].ascending ? " >= ? AND " : " <= ? AND ");
    const auto& value = query_.after->keys[0].value;
    if (const auto* text = std::get_if<std::string>(&value)) {
      where.Bind(HeadOf(*text));
    } else {
      std::visit([&where](const auto& number) { where.Bind(number); }, value);
    }
  }

  Result<std::vector<FoundRun>> Read(Sql sql, std::int64_t limit, std::string_view first = "") {
    End(sql, first, limit);
    std::vector<FoundRun> found;
    for (const db::Row& row : TRY(snapshot_.Query(sql.text, sql.values))) found.push_back(TRY(ReadFound(row)));
    return found;
  }

  static Result<FoundRun> ReadFound(const db::Row& row) {
    FoundRun run;
    run.stored = TRY(ReadRun(row));
    for (std::size_t column = kRunColumnCount; column + 1 < row.size(); column += 2) {
      run.place.keys.push_back(ReadKey(row, column));
    }
    run.place.started = run.stored.run.started;
    run.place.id = run.stored.run.id.text();
    return run;
  }

  static RunPlace::Key ReadKey(const db::Row& row, std::size_t column) {
    RunPlace::Key key;
    key.rank = row.Int(column);
    const db::Value& value = row.At(column + 1);
    if (const auto* integer = std::get_if<std::int64_t>(&value)) key.value = *integer;
    if (const auto* number = std::get_if<double>(&value)) key.value = *number;
    if (const auto* text = std::get_if<std::string>(&value)) key.value = *text;
    if (key.rank != 0) key.value = std::int64_t{0};
    return key;
  }

  db::Snapshot& snapshot_;
  const RunQuery& query_;
  std::vector<Key> keys_;
  std::vector<ClauseSql> clauses_;
  const Source* source_ = nullptr;  ///< of the clause that fits the fewest; null: the scope itself
};

}  // namespace

Result<std::vector<FoundRun>> SearchRuns(db::Snapshot& snapshot, const RunQuery& query) {
  if (query.experiments.empty()) return std::vector<FoundRun>();
  return Search(snapshot, query).Run();
}

}  // namespace mw::tracking::store
