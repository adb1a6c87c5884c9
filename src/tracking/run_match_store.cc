// Clauses about metrics, parameters and tags each give a set of runs, by a walk along their index; what is left of
// them is asked for the experiment, the stage and attributes: one by one when it is little, else by a walk along start
// times.
#include "tracking/run_match_store.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/text.h"
#include "tracking/experiment_store.h"
#include "tracking/run_store.h"

namespace mw::tracking::store {
namespace {

constexpr std::int64_t kRowsAtOnce = 32'768;
constexpr std::size_t kNumbersAtOnce = 256;
constexpr std::size_t kAskedMax = 2000;  ///< runs; of more, all of the experiment are looked at

/// The runs r of the experiment and stage that have the attributes.
Sql ScopeOf(const ExperimentId& experiment, Stage stage, const Sql& attributes) {
  Sql sql;
  sql.Add("SELECT r.number, r.started_at FROM tracking_runs r",
          attributes.text.empty() ? "" : " JOIN tracking_experiments e ON e.id = r.experiment_id",
          " WHERE r.experiment_id = ? AND r.stage = ?");
  sql.Bind(NumberOf(experiment));
  sql.Bind(std::string(StageName(stage)));
  sql.Append(attributes);
  return sql;
}

Result<NumberSet> WalkScope(db::Snapshot& snapshot, const Sql& scope) {
  NumberSet runs;
  std::int64_t from = std::numeric_limits<std::int64_t>::min();
  for (std::int64_t limit = kRowsAtOnce;;) {
    Sql sql = scope;
    // The last ones of a page come again with the next: runs may have started together.
    sql.Add(" AND r.started_at >= ? ORDER BY r.started_at LIMIT ?");
    sql.Bind(from);
    sql.Bind(limit);
    std::int64_t count = 0, last = from;
    TRY(db::Scan(snapshot, sql.text, sql.values, [&](const db::RowView& row) {
      runs.Add(row.Int(0));
      last = row.Int(1);
      ++count;
    }));
    if (count < limit) return runs;
    if (last == from) limit *= 2;
    from = last;
  }
}

Result<NumberSet> AskScope(db::Snapshot& snapshot, Sql scope, const NumberSet& runs) {
  NumberSet found;
  scope.Add(" AND r.number IN ");
  TRY(AskNumbers(snapshot, scope, runs.Numbers(), [&](const db::Row& row) { found.Add(row.Int(0)); }));
  return found;
}

/// The runs that have a row that fits.
Result<NumberSet> WalkClause(db::Snapshot& snapshot, const ClauseWalk& walk) {
  NumberSet runs;
  std::vector<std::int64_t> unsure;  // their heads are not all of their values
  const bool heads = !walk.value_test.text.empty();
  TRY(WalkIndex(snapshot, walk, [&](const db::RowView& row) {
    if (heads && row.Text(1).size() >= kHeadBytes) return unsure.push_back(row.Int(0));
    if (!heads || row.Int(2) != 0) runs.Add(row.Int(0));
  }));
  if (unsure.empty()) return runs;
  Sql select;
  select.Add("SELECT d.run FROM ", walk.table, " d WHERE ");
  select.Append(walk.value_test);
  select.Add(" AND d.run IN ");
  TRY(AskNumbers(snapshot, select, unsure, [&](const db::Row& row) { runs.Add(row.Int(0)); }));
  return runs;
}

}  // namespace

Status WalkIndex(db::Snapshot& snapshot, const ClauseWalk& walk, const db::TakeView& take) {
  const bool metric = walk.table == kLatestTable;
  const std::string_view key = metric ? "d.value" : "d.head";
  const auto page = [&](const Sql& where, std::string_view behind) {
    Sql sql;
    sql.Add("SELECT d.run, ", key);
    sql.Append(walk.head_test);
    sql.Add(" FROM ", walk.table, " d WHERE ");
    sql.Append(where);
    sql.Add(behind, " ORDER BY ", key, ", d.run LIMIT ", kRowsAtOnce);
    return sql;
  };
  const Sql first = page(walk.where, "");
  const Sql next = page(walk.onwards, Cat(" AND (", key, ", d.run) > (?, ?)"));
  db::Value last_key;
  std::int64_t last_run = 0;
  for (const Sql* sql = &first;; sql = &next) {
    db::Values values = sql->values;
    if (sql == &next) values.insert(values.end(), {last_key, last_run});
    std::int64_t count = 0;
    TRY(db::Scan(snapshot, sql->text, values, [&](const db::RowView& row) {
      take(row);
      if (++count < kRowsAtOnce) return;
      last_key = metric ? db::Value(row.Double(1)) : db::Value(std::string(row.Text(1)));
      last_run = row.Int(0);
    }));
    if (count < kRowsAtOnce) return Ok();
  }
}

Status AskNumbers(db::Snapshot& snapshot, const Sql& select, const std::vector<std::int64_t>& numbers,
                  const TakeRow& take) {
  // One statement for every number of them: the last is repeated.
  std::string sql = Cat(select.text, "(?");
  for (std::size_t i = 1; i < kNumbersAtOnce; ++i) sql += ", ?";
  sql += ")";
  for (std::size_t i = 0; i < numbers.size(); i += kNumbersAtOnce) {
    db::Values values = select.values;
    for (std::size_t j = i; j < i + kNumbersAtOnce; ++j) values.emplace_back(numbers[std::min(j, numbers.size() - 1)]);
    for (const db::Row& row : TRY(snapshot.Query(sql, values))) take(row);
  }
  return Ok();
}

Result<NumberSet> RunsOf(db::Snapshot& snapshot, const ExperimentId& experiment, Stage stage) {
  return WalkScope(snapshot, ScopeOf(experiment, stage, {}));
}

Result<NumberSet> RunsSince(db::Snapshot& snapshot, const ExperimentId& experiment, std::int64_t number) {
  NumberSet runs;
  // The sum keeps the planner to the primary key: what is new is little.
  const Status scanned =
      db::Scan(snapshot, "SELECT number FROM tracking_runs WHERE number > ? AND experiment_id + 0 = ?",
               {number, NumberOf(experiment)}, [&](const db::RowView& row) { runs.Add(row.Int(0)); });
  TRY(scanned);
  return runs;
}

Result<std::int64_t> NewestRun(db::Snapshot& snapshot) {
  const db::Rows rows = TRY(snapshot.Query("SELECT COALESCE(MAX(number), 0) FROM tracking_runs", {}));
  return rows.at(0).Int(0);
}

Result<NumberSet> MatchRuns(db::Snapshot& snapshot, const ExperimentId& experiment, std::optional<Stage> stage,
                            const search::Filter& filter, const NumberSet& members) {
  Sql attributes;
  std::optional<NumberSet> fits;
  NumberSet lacking;
  for (const search::Clause& clause : filter) {
    if (clause.entity == search::Entity::kAttribute || clause.entity == search::Entity::kDataset) {
      attributes.Add(" AND ");
      attributes.Append(TRY(ClauseOf(snapshot, clause)).test);
      continue;
    }
    const ClauseWalk walk = TRY(WalkOf(snapshot, clause));
    const NumberSet runs = TRY(WalkClause(snapshot, walk));
    if (walk.lacking) {
      lacking.Join(runs);
    } else if (fits) {
      fits->Keep(runs);
    } else {
      fits = runs;
    }
  }
  if (fits) fits->Drop(lacking);
  NumberSet runs;
  if (!stage && attributes.text.empty()) {
    runs = members;
  } else {
    for (const Stage one : {Stage::kActive, Stage::kDeleted}) {
      if (stage.value_or(one) != one) continue;
      const Sql scope = ScopeOf(experiment, one, attributes);
      const bool few = fits && fits->Count() <= kAskedMax;
      runs.Join(few ? TRY(AskScope(snapshot, scope, *fits)) : TRY(WalkScope(snapshot, scope)));
    }
  }
  if (fits) runs.Keep(*fits);
  runs.Drop(lacking);
  return runs;
}

}  // namespace mw::tracking::store
