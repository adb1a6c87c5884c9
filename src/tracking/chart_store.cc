// SQL of charts.
#include "tracking/chart_store.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "tracking/name_store.h"
#include "tracking/point_store.h"

namespace mw::tracking::store {
namespace {

constexpr std::int64_t kChunksAtOnce = 16;  ///< in memory

struct Metric {
  std::int64_t run = 0;
  std::int64_t name = 0;
};

/// The chunks of a metric, by number: what is known of each; nothing of one that an older program sealed.
using Stretches = std::vector<std::optional<Stretch>>;

Result<Stretches> StretchesOf(db::Snapshot& snapshot, const Metric& metric) {
  Stretches stretches;
  const db::Rows last = TRY(
      snapshot.Query("SELECT MAX(number) FROM tracking_chunks WHERE run = ? AND name = ?", {metric.run, metric.name}));
  if (last[0].IsNull(0)) return stretches;
  stretches.resize(static_cast<std::size_t>(last[0].Int(0)) + 1);
  for (const db::Row& row : TRY(snapshot.Query(
           "SELECT number, count, nans, time_first, time_last, step_least, step_most, value_first, value_last,"
           " value_least, value_most, ascending FROM tracking_stretches WHERE run = ? AND name = ?",
           {metric.run, metric.name}))) {
    stretches.at(static_cast<std::size_t>(row.Int(0))) =
        Stretch{row.Int(1),    row.Int(2),    row.Int(3),    row.Int(4),     row.Int(5),      row.Int(6),
                row.Double(7), row.Double(8), row.Double(9), row.Double(10), row.Int(11) != 0};
  }
  return stretches;
}

Result<db::Rows> ChunksOf(db::Snapshot& snapshot, const Metric& metric, std::int64_t begin, std::int64_t end) {
  return snapshot.Query(
      "SELECT points FROM tracking_chunks WHERE run = ? AND name = ? AND number >= ? AND number < ? ORDER BY number",
      {metric.run, metric.name, begin, end});
}

/// Reads what is not known; the points are not kept.
Status Complete(db::Snapshot& snapshot, const Metric& metric, Stretches& stretches) {
  for (std::size_t i = 0; i < stretches.size(); ++i) {
    if (stretches[i]) continue;
    std::vector<Point> points;
    const auto number = static_cast<std::int64_t>(i);
    for (const db::Row& row : TRY(ChunksOf(snapshot, metric, number, number + 1))) {
      TRY(UnpackChunk(row.Blob(0), points));
    }
    if (!points.empty()) stretches[i] = StretchOf(points);
  }
  return Ok();
}

/// Adds the chunks that do not lie within one bucket, a few at a time.
Status AddChunks(db::Snapshot& snapshot, const Metric& metric, const std::vector<std::int64_t>& numbers, Axis axis,
                 Buckets& buckets) {
  std::vector<Point> points;
  for (std::size_t i = 0; i < numbers.size();) {
    const std::int64_t begin = numbers[i];
    std::int64_t end = begin + 1;
    for (++i; i < numbers.size() && numbers[i] == end && end - begin < kChunksAtOnce; ++i) ++end;
    for (const db::Row& row : TRY(ChunksOf(snapshot, metric, begin, end))) {
      points.clear();
      TRY(UnpackChunk(row.Blob(0), points));
      buckets.Add(points, axis);
    }
  }
  return Ok();
}

/// Grows to hold the place.
void Include(std::int64_t begin, std::int64_t end, bool& empty, Series& series) {
  series.begin = empty ? begin : std::min(series.begin, begin);
  series.end = empty ? end : std::max(series.end, end);
  empty = false;
}

Result<std::optional<Series>> ReadSeries(db::Snapshot& snapshot, const Metric& metric, std::span<const Point> tail,
                                         const ChartQuery& query) {
  Stretches stretches = TRY(StretchesOf(snapshot, metric));
  TRY(Complete(snapshot, metric, stretches));
  Series series;
  bool empty = true;
  for (const auto& stretch : stretches) {
    if (!stretch) continue;
    series.points += stretch->count;
    Include(stretch->Begin(query.axis), stretch->End(query.axis), empty, series);
  }
  for (const Point& point : tail) Include(PlaceOn(query.axis, point), PlaceOn(query.axis, point), empty, series);
  if (empty) return std::optional<Series>();
  series.points += static_cast<std::int64_t>(tail.size());
  const std::int64_t begin = query.from.value_or(series.begin), end = query.to.value_or(series.end);
  if (begin > end) return std::optional(std::move(series));
  Buckets buckets(begin, end, query.buckets, query.rough);
  std::vector<std::int64_t> to_read;
  for (std::size_t i = 0; i < stretches.size(); ++i) {
    if (stretches[i] && !buckets.Add(*stretches[i], query.axis)) to_read.push_back(static_cast<std::int64_t>(i));
  }
  TRY(AddChunks(snapshot, metric, to_read, query.axis, buckets));
  buckets.Add(tail, query.axis);
  series.width = buckets.width();
  series.buckets = buckets.Filled();
  return std::optional(std::move(series));
}

/// The points of a run's tail by metric, each metric's sorted and without repeats.
Result<std::map<std::int64_t, std::vector<Point>>> TailByName(db::Snapshot& snapshot, std::int64_t run) {
  std::map<std::int64_t, std::vector<Point>> by_name;
  for (const TailPoint& point : TRY(TailOf(snapshot, run))) by_name[point.name].push_back(point.point);
  for (auto& [name, points] : by_name) SortPoints(points);
  return by_name;
}

}  // namespace

Result<std::vector<Series>> ReadChart(db::Snapshot& snapshot, const ChartQuery& query) {
  std::vector<std::pair<std::string, std::int64_t>> names;
  for (const std::string& metric : query.metrics) {
    if (const auto name = TRY(FindName(snapshot, metric))) names.emplace_back(metric, *name);
  }
  std::vector<Series> chart;
  for (const RunId& id : query.runs) {
    const db::Rows rows = TRY(snapshot.Query("SELECT number FROM tracking_runs WHERE id = ?", {id.text()}));
    if (rows.empty()) continue;
    const std::int64_t run = rows[0].Int(0);
    const auto tail = TRY(TailByName(snapshot, run));
    for (const auto& [metric, name] : names) {
      const auto at = tail.find(name);
      const std::span<const Point> waiting = at == tail.end() ? std::span<const Point>() : at->second;
      std::optional<Series> series = TRY(ReadSeries(snapshot, {run, name}, waiting, query));
      if (!series) continue;
      series->run = id;
      series->metric = metric;
      chart.push_back(*std::move(series));
    }
  }
  return chart;
}

}  // namespace mw::tracking::store
