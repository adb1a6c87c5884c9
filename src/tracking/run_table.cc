// Which runs are looked at, and how many.
#include "tracking/run_table.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/text.h"
#include "tracking/run_match_store.h"
#include "tracking/run_table_store.h"
#include "tracking/tracking.h"

namespace mw::tracking {
namespace {

constexpr std::size_t kNewestSampled = 100;
constexpr std::int64_t kLinesAtOnce = 2000;  ///< of a statement

/// The newest, and as many as are left spread over the others: names come and go as a project goes on.
std::vector<RunLine> Sample(std::vector<RunLine> lines) {
  const std::size_t most = static_cast<std::size_t>(RunTable::kSampledMax);
  if (lines.size() <= most) return lines;
  std::vector<RunLine> sample(lines.begin(), lines.begin() + kNewestSampled);
  const std::size_t left = most - kNewestSampled, rest = lines.size() - kNewestSampled;
  for (std::size_t i = 0; i < left; ++i) sample.push_back(lines[kNewestSampled + i * rest / left]);
  return sample;
}

Result<std::vector<RunLine>> FindLines(db::Snapshot& snapshot, const ExperimentId& experiment, Stage stage,
                                       std::optional<LinePlace> before, std::int64_t limit) {
  std::vector<RunLine> lines;
  while (limit > 0) {
    const std::int64_t wanted = std::min(limit, kLinesAtOnce);
    std::vector<RunLine> some = TRY(store::LinesBefore(snapshot, experiment, stage, before, wanted));
    const bool last = some.size() < static_cast<std::size_t>(wanted);
    limit -= wanted;
    if (!some.empty()) before = LinePlace{some.back().started, some.back().id};
    lines.insert(lines.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
    if (last) break;
  }
  return lines;
}

Result<RunKeys> FindKeys(db::Snapshot& snapshot, const ExperimentId& experiment) {
  std::vector<RunLine> lines = TRY(FindLines(snapshot, experiment, Stage::kActive, std::nullopt, RunTable::kLinesMax));
  if (lines.empty()) {
    lines = TRY(FindLines(snapshot, experiment, Stage::kDeleted, std::nullopt, RunTable::kSampledMax));
  }
  lines = Sample(std::move(lines));
  RunKeys keys;
  keys.metrics = TRY(store::KeysOf(snapshot, ColumnKind::kMetric, lines));
  keys.params = TRY(store::KeysOf(snapshot, ColumnKind::kParam, lines));
  keys.tags = TRY(store::KeysOf(snapshot, ColumnKind::kTag, lines));
  return keys;
}

Result<std::vector<RunDetails>> FindRows(db::Snapshot& snapshot, const std::vector<RunId>& runs) {
  std::vector<RunDetails> rows;
  rows.reserve(runs.size());
  for (const RunId& id : runs) {
    Result<RunDetails> details = Tracking::GetRun(snapshot, id);
    if (details.ok()) {
      rows.push_back(*std::move(details));
    } else if (details.error().code != Code::kNotFound) {
      return details.error();
    }
  }
  return rows;
}

}  // namespace

Task<Result<std::vector<RunLine>>> RunTable::Lines(ExperimentId experiment, Stage stage,
                                                   std::optional<LinePlace> before, std::int64_t limit) {
  limit = std::clamp(limit, std::int64_t{1}, kLinesMax);
  co_return co_await database_.Read([&](db::Snapshot& s) { return FindLines(s, experiment, stage, before, limit); });
}

Task<Result<std::vector<RunLine>>> RunTable::LinesSince(ExperimentId experiment, std::int64_t number) {
  co_return co_await database_.Read(
      [&](db::Snapshot& s) { return store::LinesSince(s, experiment, number, kLinesMax); });
}

Task<Result<std::vector<RunDetails>>> RunTable::Rows(std::vector<RunId> runs) {
  if (runs.size() > kRowsMax) {
    co_return InvalidArgument(runs.size(), " runs at once; ask for at most ", kRowsMax);
  }
  co_return co_await database_.Read([&](db::Snapshot& s) { return FindRows(s, runs); });
}

Task<Result<RunKeys>> RunTable::Keys(ExperimentId experiment) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return FindKeys(s, experiment); });
}

Task<Result<Column<double>>> RunTable::Metrics(ExperimentId experiment, std::string key) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return store::MetricColumn(s, experiment, key); });
}

Task<Result<Column<std::string>>> RunTable::Texts(ExperimentId experiment, ColumnKind kind, std::string key) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return store::TextColumn(s, experiment, kind, key); });
}

Task<Result<std::vector<std::int64_t>>> RunTable::Matches(ExperimentId experiment, Stage stage, search::Filter filter) {
  co_return co_await database_.Read([&](db::Snapshot& s) -> Result<std::vector<std::int64_t>> {
    return TRY(store::MatchRuns(s, experiment, stage, filter))
    .Numbers();
  });
}

}  // namespace mw::tracking
