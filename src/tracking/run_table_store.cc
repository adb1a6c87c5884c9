// Lines come along the index of start times; a column along the index of its values.
#include "tracking/run_table_store.h"

#include <limits>
#include <set>
#include <utility>

#include "base/text.h"
#include "tracking/name_store.h"

namespace mw::tracking::store {
namespace {

constexpr std::string_view kLine = "SELECT number, id, name, status, started_at, ended_at FROM tracking_runs";

std::int64_t NumberOf(const ExperimentId& experiment) { return ParseInt(experiment.text()).value_or(-1); }

std::string_view TableOf(ColumnKind kind) {
  if (kind == ColumnKind::kMetric) return "tracking_latest";
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

/// Up to so many runs are asked one by one; of more, a metric's values are walked along their index.
constexpr std::int64_t kAskedMax = 2000;

Result<db::Rows> ReadColumn(db::Snapshot& snapshot, const ExperimentId& experiment, ColumnKind kind,
                            std::int64_t name) {
  const db::Rows many = TRY(snapshot.Query(
      "SELECT COUNT(*) FROM (SELECT number FROM tracking_runs WHERE experiment_id = ? LIMIT ?) some_runs",
      {NumberOf(experiment), kAskedMax + 1}));
  // The sign keeps the planner from asking each run.
  const bool walk = kind == ColumnKind::kMetric && many[0].Int(0) > kAskedMax;
  const std::string_view run = walk ? "+run" : "run";
  return snapshot.Query(Cat("SELECT run, value FROM ", TableOf(kind), " WHERE name = ? AND ", run,
                            " IN (SELECT number FROM tracking_runs WHERE experiment_id = ?)"),
                        {name, NumberOf(experiment)});
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
         TRY(snapshot.Query(Cat("SELECT name FROM ", TableOf(kind), " WHERE run = ?"), {run.number}))) {
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
  const db::Rows rows = TRY(ReadColumn(snapshot, experiment, ColumnKind::kMetric, *name));
  column.reserve(rows.size());
  for (const db::Row& row : rows) column.emplace_back(row.Int(0), row.Double(1));
  return column;
}

Result<Column<std::string>> TextColumn(db::Snapshot& snapshot, const ExperimentId& experiment, ColumnKind kind,
                                       std::string_view key) {
  Column<std::string> column;
  const auto name = TRY(FindName(snapshot, key));
  if (!name) return column;
  const db::Rows rows = TRY(ReadColumn(snapshot, experiment, kind, *name));
  column.reserve(rows.size());
  for (const db::Row& row : rows) column.emplace_back(row.Int(0), row.Text(1));
  return column;
}

}  // namespace mw::tracking::store
