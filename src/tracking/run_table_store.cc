// Lines come along the index of start times; a column along the index of its values, with the few texts that it holds
// the beginning of asked for whole.
#include "tracking/run_table_store.h"

#include <limits>
#include <set>
#include <utility>

#include "base/text.h"
#include "tracking/experiment_store.h"
#include "tracking/name_store.h"
#include "tracking/run_match_store.h"
#include "tracking/run_store.h"

namespace mw::tracking::store {
namespace {

constexpr std::string_view kLine = "SELECT number, id, name, status, started_at, ended_at FROM tracking_runs";

std::string_view ColumnTable(ColumnKind kind) {
  if (kind == ColumnKind::kMetric) return kLatestTable;
  return kind == ColumnKind::kParam ? "tracking_params" : "tracking_tags";
}

Result<std::vector<RunLine>> ReadLines(const db::Rows& rows) {
  std::vector<RunLine> lines;
  lines.reserve(rows.size());
  for (const db::Row& row : rows) {
    RunLine line;
    line.number = row.Int(0);
    line.id = RunId(row.Text(1));
    line.name = row.Text(2);
    line.status = TRY(ParseStatus(row.Text(3)));
    line.started = row.Int(4);
    if (!row.IsNull(5)) line.ended = row.Int(5);
    lines.push_back(std::move(line));
  }
  return lines;
}

/// All rows of the name.
ClauseWalk Named(std::string_view table, std::int64_t name) {
  ClauseWalk walk{table};
  walk.where.Add("d.name = ?");
  walk.where.Bind(name);
  walk.onwards = walk.where;
  return walk;
}

Result<NumberSet> Members(db::Snapshot& snapshot, const ExperimentId& experiment) {
  NumberSet runs = TRY(RunsOf(snapshot, experiment, Stage::kActive));
  runs.Join(TRY(RunsOf(snapshot, experiment, Stage::kDeleted)));
  return runs;
}

}  // namespace

Result<std::vector<RunLine>> LinesBefore(db::Snapshot& snapshot, const ExperimentId& experiment, Stage stage,
                                         const std::optional<LinePlace>& before, std::int64_t limit) {
  const LinePlace place = before.value_or(LinePlace{std::numeric_limits<std::int64_t>::max(), RunId()});
  return ReadLines(TRY(
      snapshot.Query(Cat(kLine,
                         " WHERE experiment_id = ? AND stage = ? AND (started_at, id) < (?, ?)"
                         " ORDER BY started_at DESC, id DESC LIMIT ?"),
                     {NumberOf(experiment), std::string(StageName(stage)), place.started, place.id.text(), limit})));
}

Result<std::vector<RunLine>> LinesSince(db::Snapshot& snapshot, const ExperimentId& experiment, std::int64_t number,
                                        std::int64_t limit) {
  // The sum keeps the planner to the primary key: what is new is little.
  return ReadLines(TRY(
      snapshot.Query(Cat(kLine, " WHERE number > ? AND experiment_id + 0 = ? AND stage = ? ORDER BY number LIMIT ?"),
                     {number, NumberOf(experiment), std::string(StageName(Stage::kActive)), limit})));
}

Result<std::vector<std::string>> KeysOf(db::Snapshot& snapshot, ColumnKind kind, const std::vector<RunLine>& runs) {
  std::set<std::int64_t> names;
  for (const RunLine& run : runs) {
    for (const db::Row& row :
         TRY(snapshot.Query(Cat("SELECT name FROM ", ColumnTable(kind), " WHERE run = ?"), {run.number}))) {
      names.insert(row.Int(0));
    }
  }
  std::set<std::string> sorted;
  for (const std::int64_t name : names) {
    for (const db::Row& row : TRY(snapshot.Query("SELECT name FROM tracking_names WHERE id = ?", {name}))) {
      sorted.insert(row.Text(0));
    }
  }
  return std::vector<std::string>(sorted.begin(), sorted.end());
}

Result<Column<double>> MetricColumn(db::Snapshot& snapshot, const ExperimentId& experiment, std::string_view key) {
  Column<double> column;
  const auto name = TRY(FindName(snapshot, key));
  if (!name) return column;
  const NumberSet members = TRY(Members(snapshot, experiment));
  TRY(WalkIndex(snapshot, Named(kLatestTable, *name), [&](const db::Row& row) {
    if (members.Has(row.Int(0))) column.emplace_back(row.Int(0), row.Double(1));
  }));
  return column;
}

Result<Column<std::string>> TextColumn(db::Snapshot& snapshot, const ExperimentId& experiment, ColumnKind kind,
                                       std::string_view key) {
  Column<std::string> column;
  const auto name = TRY(FindName(snapshot, key));
  if (!name) return column;
  const NumberSet members = TRY(Members(snapshot, experiment));
  std::vector<std::int64_t> cut;
  TRY(WalkIndex(snapshot, Named(ColumnTable(kind), *name), [&](const db::Row& row) {
    if (!members.Has(row.Int(0))) return;
    if (row.Text(1).size() < kHeadBytes) {
      column.emplace_back(row.Int(0), row.Text(1));
    } else {
      cut.push_back(row.Int(0));
    }
  }));
  Sql whole;
  whole.Add("SELECT d.run, d.value FROM ", ColumnTable(kind), " d WHERE d.name = ? AND d.run IN ");
  whole.Bind(*name);
  TRY(AskNumbers(snapshot, whole, cut, [&](const db::Row& row) { column.emplace_back(row.Int(0), row.Text(1)); }));
  return column;
}

}  // namespace mw::tracking::store
