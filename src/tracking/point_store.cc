// SQL of tails, chunks and latest points.
#include "tracking/point_store.h"

#include <algorithm>
#include <map>

#include "tracking/chart.h"

namespace mw::tracking::store {
namespace {

constexpr std::size_t kChunkPointsMax = 4096;  ///< that bulk import puts into one

Status KeepLatest(db::Transaction& transaction, std::int64_t run, std::int64_t name, const Point& point) {
  TRY(
      transaction.Execute("INSERT INTO tracking_latest (run, name, value, step, logged_at) VALUES (?, ?, ?, ?, ?)"
                          " ON CONFLICT (run, name) DO UPDATE"
                          " SET value = excluded.value, step = excluded.step, logged_at = excluded.logged_at"
                          " WHERE (excluded.step, excluded.logged_at, excluded.value) >"
                          " (tracking_latest.step, tracking_latest.logged_at, tracking_latest.value)",
                          {run, name, point.value, point.step, point.time}));
  return Ok();
}

Status KeepLatestOf(db::Transaction& transaction, std::int64_t run, std::span<const TailPoint> points) {
  std::map<std::int64_t, Point> latest;
  for (const TailPoint& point : points) {
    const auto [at, is_new] = latest.emplace(point.name, point.point);
    if (!is_new && IsLater(point.point, at->second)) at->second = point.point;
  }
  for (const auto& [name, point] : latest) TRY(KeepLatest(transaction, run, name, point));
  return Ok();
}

/// What is known of the chunk, for who need not read it then.
Status KeepStretch(db::Transaction& transaction, std::int64_t run, std::int64_t name, std::int64_t number,
                   const Stretch& stretch) {
  TRY(transaction.Execute(
      "INSERT INTO tracking_stretches (run, name, number, count, nans, time_first, time_last, step_least, step_most,"
      " value_first, value_last, value_least, value_most, ascending) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
      " ON CONFLICT (run, name, number) DO UPDATE SET count = excluded.count, nans = excluded.nans,"
      " time_first = excluded.time_first, time_last = excluded.time_last, step_least = excluded.step_least,"
      " step_most = excluded.step_most, value_first = excluded.value_first, value_last = excluded.value_last,"
      " value_least = excluded.value_least, value_most = excluded.value_most, ascending = excluded.ascending",
      {run, name, number, stretch.count, stretch.nans, stretch.time_first, stretch.time_last, stretch.step_least,
       stretch.step_most, stretch.first, stretch.last, stretch.least, stretch.most, std::int64_t{stretch.ascending}}));
  return Ok();
}

/// Adds the points of one metric to its chunks; a last chunk that is small is written anew with them.
Status AddToChunks(db::Transaction& transaction, std::int64_t run, std::int64_t name, std::vector<Point> points) {
  const db::Rows rows = TRY(transaction.Query(
      "SELECT number, count, points FROM tracking_chunks WHERE run = ? AND name = ? ORDER BY number DESC LIMIT 1",
      {run, name}));
  std::int64_t number = rows.empty() ? 0 : rows[0].Int(0) + 1;
  if (!rows.empty() && rows[0].Int(1) < kChunkPointsMin) {
    number = rows[0].Int(0);
    TRY(UnpackChunk(rows[0].Blob(2), points));
  }
  SortPoints(points);
  TRY(KeepStretch(transaction, run, name, number, StretchOf(points)));
  TRY(
      transaction.Execute("INSERT INTO tracking_chunks (run, name, number, count, points) VALUES (?, ?, ?, ?, ?)"
                          " ON CONFLICT (run, name, number) DO UPDATE"
                          " SET count = excluded.count, points = excluded.points",
                          {run, name, number, static_cast<std::int64_t>(points.size()), db::Bytes{PackChunk(points)}}));
  return Ok();
}

Status Seal(db::Transaction& transaction, std::int64_t run) {
  std::map<std::int64_t, std::vector<Point>> by_name;
  for (const TailPoint& point : TRY(TailOf(transaction, run))) by_name[point.name].push_back(point.point);
  for (auto& [name, points] : by_name) TRY(AddToChunks(transaction, run, name, std::move(points)));
  TRY(transaction.Execute("DELETE FROM tracking_tails WHERE run = ?", {run}));
  TRY(transaction.Execute("UPDATE tracking_runs SET tail_bytes = 0 WHERE number = ?", {run}));
  return Ok();
}

}  // namespace

Status AppendPoints(db::Transaction& transaction, const TailPlace& place, const std::string& batch,
                    std::span<const TailPoint> points) {
  TRY(transaction.Execute("INSERT INTO tracking_tails (run, number, points) VALUES (?, ?, ?)",
                          {place.run, place.number, db::Bytes{batch}}));
  TRY(KeepLatestOf(transaction, place.run, points));
  return place.bytes < kTailBytesMax ? Ok() : Seal(transaction, place.run);
}

Status AddHistory(db::Transaction& transaction, std::int64_t run, std::int64_t name, std::span<const Point> points) {
  if (points.empty()) return Ok();
  TRY(KeepLatest(
      transaction, run, name,
      *std::max_element(points.begin(), points.end(), [](const auto& a, const auto& b) { return IsLater(b, a); })));
  for (; !points.empty(); points = points.subspan(std::min(points.size(), kChunkPointsMax))) {
    const auto slice = points.first(std::min(points.size(), kChunkPointsMax));
    TRY(AddToChunks(transaction, run, name, {slice.begin(), slice.end()}));
  }
  return Ok();
}

Result<std::vector<TailPoint>> TailOf(db::Snapshot& snapshot, std::int64_t run) {
  const db::Rows rows = TRY(snapshot.Query("SELECT points FROM tracking_tails WHERE run = ? ORDER BY number", {run}));
  std::vector<TailPoint> points;
  for (const db::Row& row : rows) TRY(ReadTail(row.Blob(0), points));
  return points;
}

Result<std::vector<Point>> HistoryOf(db::Snapshot& snapshot, std::int64_t run, std::int64_t name) {
  const db::Rows rows =
      TRY(snapshot.Query("SELECT points FROM tracking_chunks WHERE run = ? AND name = ? ORDER BY number", {run, name}));
  std::vector<Point> points;
  for (const db::Row& row : rows) TRY(UnpackChunk(row.Blob(0), points));
  for (const TailPoint& point : TRY(TailOf(snapshot, run))) {
    if (point.name == name) points.push_back(point.point);
  }
  SortPoints(points);
  return points;
}

Status DeletePoints(db::Transaction& transaction, std::int64_t run) {
  TRY(transaction.Execute("DELETE FROM tracking_tails WHERE run = ?", {run}));
  TRY(transaction.Execute("DELETE FROM tracking_chunks WHERE run = ?", {run}));
  TRY(transaction.Execute("DELETE FROM tracking_stretches WHERE run = ?", {run}));
  TRY(transaction.Execute("DELETE FROM tracking_latest WHERE run = ?", {run}));
  return Ok();
}

Result<bool> PackOldPoints(db::Transaction& transaction) {
  const db::Rows first = TRY(transaction.Query("SELECT run FROM tracking_old_points ORDER BY run LIMIT 1"));
  if (first.empty()) return false;
  const std::int64_t run = first[0].Int(0);
  const db::Rows rows =
      TRY(transaction.Query("SELECT name, logged_at, step, value FROM tracking_old_points WHERE run = ?", {run}));
  std::map<std::int64_t, std::vector<Point>> by_name;
  std::vector<TailPoint> all;
  for (const db::Row& row : rows) {
    all.push_back({row.Int(0), {row.Int(1), row.Int(2), row.Double(3)}});
    by_name[all.back().name].push_back(all.back().point);
  }
  for (auto& [name, points] : by_name) TRY(AddToChunks(transaction, run, name, std::move(points)));
  TRY(KeepLatestOf(transaction, run, all));
  TRY(transaction.Execute("DELETE FROM tracking_old_points WHERE run = ?", {run}));
  return true;
}

}  // namespace mw::tracking::store
