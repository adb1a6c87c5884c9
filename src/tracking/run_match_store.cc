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

constexpr std::int64_t kRowsAtOnce = 4096;
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
    const db::Rows rows = TRY(snapshot.Query(sql.text, sql.values));
    for (const db::Row& row : rows) runs.Add(row.Int(0));
    if (rows.size() < static_cast<std::size_t>(limit)) return runs;
    if (rows.back().Int(1) == from) limit *= 2;
    from = rows.back().Int(1);
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
  TRY(WalkIndex(snapshot, walk, [&](const db::Row& row) {
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

Status WalkIndex(db::Snapshot& snapshot, const ClauseWalk& walk, const TakeRow& take) {
  const std::string_view key = walk.table == kLatestTable ? "d.value" : "d.head";
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
  db::Rows rows = TRY(snapshot.Query(first.text, first.values));
  while (true) {
    for (const db::Row& row : rows) take(row);
    if (rows.size() < static_cast<std::size_t>(kRowsAtOnce)) return Ok();
    db::Values values = next.values;
    values.push_back(rows.back().At(1));
    values.push_back(rows.back().At(0));
    rows = TRY(snapshot.Query(next.text, values));
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

Result<NumberSet> MatchRuns(db::Snapshot& snapshot, const ExperimentId& experiment, Stage stage,
                            const search::Filter& filter) {
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
  const Sql scope = ScopeOf(experiment, stage, attributes);
  if (fits) fits->Drop(lacking);
  if (fits && fits->Count() <= kAskedMax) return AskScope(snapshot, scope, *fits);
  NumberSet runs = TRY(WalkScope(snapshot, scope));
  if (fits) runs.Keep(*fits);
  runs.Drop(lacking);
  return runs;
}

}  // namespace mw::tracking::store
