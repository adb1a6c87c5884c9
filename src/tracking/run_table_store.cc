// Lines come along the index of start times; a column along the index of its values, with the few texts that it holds
// the beginning of asked for whole.
#include "tracking/run_table_store.h"

#include <algorithm>
#include <limits>
#include <map>
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

Result<std::optional<std::int64_t>> FirstStart(db::Snapshot& snapshot, const ExperimentId& experiment, Stage stage) {
  const db::Rows rows = TRY(snapshot.Query(
      "SELECT started_at FROM tracking_runs WHERE experiment_id = ? AND stage = ? ORDER BY started_at LIMIT 1",
      {NumberOf(experiment), std::string(StageName(stage))}));
  return rows.empty() ? std::optional<std::int64_t>() : std::optional(rows[0].Int(0));
}

Result<std::vector<std::string>> KeysOf(db::Snapshot& snapshot, ColumnKind kind,
                                        const std::vector<std::int64_t>& runs) {
  // Runs have the same names as a rule: each is looked up once.
  Sql ids;
  ids.Add("SELECT DISTINCT d.name FROM ", ColumnTable(kind), " d WHERE d.run IN ");
  std::set<std::int64_t> found;
  TRY(AskNumbers(snapshot, ids, runs, [&](const db::Row& row) { found.insert(row.Int(0)); }));
  Sql names;
  names.Add("SELECT n.name FROM tracking_names n WHERE n.id IN ");
  std::set<std::string> sorted;
  TRY(AskNumbers(snapshot, names, {found.begin(), found.end()},
                 [&](const db::Row& row) { sorted.insert(row.Text(0)); }));
  return std::vector<std::string>(sorted.begin(), sorted.end());
}

Result<MetricColumn> ReadMetric(db::Snapshot& snapshot, const NumberSet& members, std::string_view key) {
  MetricColumn column;
  const auto name = TRY(FindName(snapshot, key));
  if (!name) return column;
  TRY(WalkIndex(snapshot, Named(kLatestTable, *name), [&](const db::RowView& row) {
    if (members.Has(row.Int(0))) column.emplace_back(row.Int(0), row.Double(1));
  }));
  return column;
}

Result<TextColumn> ReadTexts(db::Snapshot& snapshot, const NumberSet& members, ColumnKind kind, std::string_view key) {
  TextColumn column;
  const auto name = TRY(FindName(snapshot, key));
  if (!name) return column;
  const auto take = [&column](std::int64_t run, std::string_view text) {
    if (column.empty() || column.back().text != text) column.push_back({std::string(text), {}});
    column.back().runs.push_back(run);
  };
  std::vector<std::int64_t> cut;
  TRY(WalkIndex(snapshot, Named(ColumnTable(kind), *name), [&](const db::RowView& row) {
    if (!members.Has(row.Int(0))) return;
    if (row.Text(1).size() < kHeadBytes) return take(row.Int(0), row.Text(1));
    cut.push_back(row.Int(0));
  }));
  if (cut.empty()) return column;
  Sql whole;
  whole.Add("SELECT d.run, d.value FROM ", ColumnTable(kind), " d WHERE d.name = ? AND d.run IN ");
  whole.Bind(*name);
  std::map<std::string, std::vector<std::int64_t>> long_texts;
  TRY(AskNumbers(snapshot, whole, cut, [&](const db::Row& row) { long_texts[row.Text(1)].push_back(row.Int(0)); }));
  for (auto& [text, runs] : long_texts) column.push_back({text, std::move(runs)});
  std::sort(column.begin(), column.end(), [](const TextGroup& a, const TextGroup& b) { return a.text < b.text; });
  return column;
}

}  // namespace mw::tracking::store
