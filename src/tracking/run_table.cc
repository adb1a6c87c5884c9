// Which runs are looked at, and how many.
#include "tracking/run_table.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "base/text.h"
#include "tracking/run_details_store.h"
#include "tracking/run_match_store.h"
#include "tracking/run_table_store.h"

namespace mw::tracking {
namespace {

constexpr std::size_t kNewestSampled = 100;
constexpr std::int64_t kLinesAtOnce = 2000;  ///< of a statement

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

/// The newest, and for names that came and went others, each the newest before a time; the times are evenly spread.
Result<std::vector<std::int64_t>> Sample(db::Snapshot& snapshot, const ExperimentId& experiment, Stage stage) {
  const std::vector<RunLine> newest = TRY(FindLines(snapshot, experiment, stage, std::nullopt, RunTable::kSampledMax));
  std::set<std::int64_t> numbers;
  for (const RunLine& line : newest) numbers.insert(line.number);
  if (newest.size() == static_cast<std::size_t>(RunTable::kSampledMax)) {
    numbers.clear();
    for (std::size_t i = 0; i < kNewestSampled; ++i) numbers.insert(newest[i].number);
    const std::int64_t end = newest[kNewestSampled].started;
    const std::int64_t begin = TRY(store::FirstStart(snapshot, experiment, stage))
    .value_or(end);
    constexpr std::int64_t kSpread = RunTable::kSampledMax - static_cast<std::int64_t>(kNewestSampled);
    for (std::int64_t i = 1; i <= kSpread; ++i) {
      const LinePlace place{begin + (end - begin) / kSpread * i, RunId()};
      for (const RunLine& line : TRY(store::LinesBefore(snapshot, experiment, stage, place, 1))) {
        numbers.insert(line.number);
      }
    }
  }
  return std::vector<std::int64_t>(numbers.begin(), numbers.end());
}

Result<RunKeys> FindKeys(db::Snapshot& snapshot, const ExperimentId& experiment) {
  std::vector<std::int64_t> runs = TRY(Sample(snapshot, experiment, Stage::kActive));
  if (runs.empty()) runs = TRY(Sample(snapshot, experiment, Stage::kDeleted));
  RunKeys keys;
  keys.metrics = TRY(store::KeysOf(snapshot, ColumnKind::kMetric, runs));
  keys.params = TRY(store::KeysOf(snapshot, ColumnKind::kParam, runs));
  keys.tags = TRY(store::KeysOf(snapshot, ColumnKind::kTag, runs));
  return keys;
}

Result<std::vector<RunDetails>> FindRows(db::Snapshot& snapshot, const std::vector<RunId>& ids) {
  std::vector<RunDetails> rows;
  rows.reserve(ids.size());
  std::vector<store::StoredRun> runs;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (auto run = TRY(store::FindRun(snapshot, ids[i]))) runs.push_back(*std::move(run));
    if (runs.size() < store::kRunsAtOnce && i + 1 < ids.size()) continue;
    for (RunDetails& details : TRY(store::DetailsOf(snapshot, runs))) rows.push_back(std::move(details));
    runs.clear();
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

Task<Result<MetricColumn>> RunTable::Metrics(ExperimentId experiment, std::string key) {
  co_return co_await database_.Read([&](db::Snapshot& s) -> Result<MetricColumn> {
    return store::ReadMetric(s, TRY(members_.Of(s, experiment)), key);
  });
}

Task<Result<TextColumn>> RunTable::Texts(ExperimentId experiment, ColumnKind kind, std::string key) {
  co_return co_await database_.Read([&](db::Snapshot& s) -> Result<TextColumn> {
    return store::ReadTexts(s, TRY(members_.Of(s, experiment)), kind, key);
  });
}

Task<Result<NumberSet>> RunTable::Matches(ExperimentId experiment, std::optional<Stage> stage, search::Filter filter) {
  co_return co_await database_.Read([&](db::Snapshot& s) -> Result<NumberSet> {
    const NumberSet members = stage ? NumberSet() : TRY(members_.Of(s, experiment));
    return store::MatchRuns(s, experiment, stage, filter, members);
  });
}

}  // namespace mw::tracking
