// Column profiles: counts and top values by SQL, moments over the sorted values.
#include "data/profile.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace mw::data {
namespace {

using schema::ColumnType;

bool HasMoments(ColumnType type) { return type == ColumnType::kFloat || type == ColumnType::kInteger; }

/// The column as the statistics see it: doubles without NaN, else the value itself.
std::string Source(std::string_view table, const ResultColumn& column) {
  const std::string name = SqlName(column.name);
  if (!HasMoments(column.type)) return Cat("(SELECT ", name, " AS v FROM ", SqlName(table), ")");
  return Cat("(SELECT CASE WHEN isnan(d) THEN NULL ELSE d END AS v FROM (SELECT CAST(", name, " AS DOUBLE) AS d FROM ",
             SqlName(table), "))");
}

Status CountValues(DuckdbSession& session, const std::string& source, ColumnProfile& profile) {
  const auto rows = TRY(session.Query(Cat("SELECT count(*), count(*) - count(v), count(DISTINCT v) FROM ", source)));
  profile.rows = rows[0][0].AsInt();
  profile.missing = rows[0][1].AsInt();
  profile.distinct = rows[0][2].AsInt();
  return Ok();
}

/// Gets a column's finite values in ascending order, so that sums do not depend on how threads share the rows.
class MomentsBuilder {
 public:
  MomentsBuilder(double min, double max, std::int64_t count) : count_(count) {
    moments_.min = min;
    moments_.max = max;
    moments_.histogram.assign(min == max ? 1 : kHistogramBins, 0);
  }

  void Add(double value) {
    ++seen_;
    // Welford's update; sums of squares would cancel.
    const double delta = value - moments_.mean;
    moments_.mean += delta / static_cast<double>(seen_);
    squares_ += delta * (value - moments_.mean);
    ++moments_.histogram[BinOf(value)];
    while (moments_.quantiles.size() <= kQuantileSteps && seen_ >= RankOf(moments_.quantiles.size())) {
      moments_.quantiles.push_back(value);
    }
  }

  Moments Finish() && {
    moments_.std = std::sqrt(squares_ / static_cast<double>(count_));
    return std::move(moments_);
  }

 private:
  [[nodiscard]] std::size_t BinOf(double value) const {
    if (moments_.histogram.size() == 1) return 0;
    const double share = (value - moments_.min) / (moments_.max - moments_.min);
    return std::min(static_cast<std::size_t>(share * kHistogramBins), moments_.histogram.size() - 1);
  }
  /// The smallest rank (from 1) at which at least `step` of kQuantileSteps of the values are at or below.
  [[nodiscard]] std::int64_t RankOf(std::size_t step) const {
    const auto part = static_cast<std::int64_t>(step) * count_;
    return std::max<std::int64_t>(1, (part + kQuantileSteps - 1) / kQuantileSteps);
  }

  std::int64_t count_;
  std::int64_t seen_ = 0;
  double squares_ = 0;
  Moments moments_;
};

Status AddMoments(DuckdbSession& session, const std::string& source, ColumnProfile& profile) {
  const auto row = TRY(session.Query(Cat("SELECT count(*) FILTER (isinf(v)), count(*) FILTER (isfinite(v)),",
                                         " min(v) FILTER (isfinite(v)), max(v) FILTER (isfinite(v)) FROM ", source)))
  [0];
  profile.infinite = row[0].AsInt();
  if (row[1].AsInt() == 0) return Ok();
  MomentsBuilder builder(row[2].AsDouble(), row[3].AsDouble(), row[1].AsInt());
  TRY(session.Stream(Cat("SELECT v FROM ", source, " WHERE isfinite(v) ORDER BY v"), [&](const Chunk& chunk) {
    for (const double value : chunk.Numbers(0)) builder.Add(value);
    return Ok();
  }));
  profile.moments = std::move(builder).Finish();
  return Ok();
}

Status AddPeriod(DuckdbSession& session, const std::string& source, ColumnProfile& profile) {
  const auto rows = TRY(session.Query(Cat("SELECT min(v), max(v) FROM ", source)));
  if (!rows[0][0].IsNull()) profile.period = {rows[0][0].AsString(), rows[0][1].AsString()};
  return Ok();
}

Status AddTop(DuckdbSession& session, const std::string& table, ColumnProfile& profile) {
  const std::string name = SqlName(profile.column.name);
  const auto rows =
      TRY(session.Query(Cat("SELECT CAST(", name, " AS VARCHAR), count(*) AS n FROM ", SqlName(table), " WHERE ", name,
                            " IS NOT NULL GROUP BY ", name, " ORDER BY n DESC, ", name, " LIMIT ", kTopValues)));
  for (const auto& row : rows) profile.top.emplace_back(row[0].AsString(), row[1].AsInt());
  return Ok();
}

Result<ColumnProfile> ProfileColumn(DuckdbSession& session, const std::string& table, const ResultColumn& column) {
  ColumnProfile profile;
  profile.column = column;
  const std::string source = Source(table, column);
  TRY(CountValues(session, source, profile));
  if (HasMoments(column.type)) TRY(AddMoments(session, source, profile));
  if (column.type == ColumnType::kTimestamp) TRY(AddPeriod(session, source, profile));
  // A column of nothing but different values has no frequent ones.
  const bool repeats = profile.distinct < profile.rows - profile.missing;
  if (repeats && (IsText(column.type) || column.type == ColumnType::kBoolean || column.type == ColumnType::kInteger)) {
    TRY(AddTop(session, table, profile));
  }
  return profile;
}

Result<std::vector<ResultColumn>> Select(const std::vector<ResultColumn>& columns,
                                         const std::vector<std::string>& only) {
  if (only.empty()) return columns;
  std::vector<ResultColumn> selected;
  std::vector<std::string_view> names;
  for (const ResultColumn& column : columns) names.push_back(column.name);
  for (const std::string& name : only) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      const std::string_view nearest = Nearest(name, names);
      return NotFound("no column ", Quoted(name), nearest.empty() ? "" : "; did you mean ",
                      nearest.empty() ? "" : Quoted(nearest));
    }
    selected.push_back(columns[static_cast<std::size_t>(found - names.begin())]);
  }
  return selected;
}

Json ToJson(const ColumnProfile& profile) {
  Json json = Json::Make({{"name", profile.column.name},
                          {"type", schema::TypeName(profile.column.type)},
                          {"rows", profile.rows},
                          {"missing", profile.missing},
                          {"distinct", profile.distinct}});
  if (profile.infinite > 0) json["infinite"] = profile.infinite;
  if (profile.moments) {
    const Moments& moments = *profile.moments;
    json["min"] = moments.min;
    json["max"] = moments.max;
    json["mean"] = moments.mean;
    json["std"] = moments.std;
    json["quantiles"] = Json(Json::Array(moments.quantiles.begin(), moments.quantiles.end()));
    json["histogram"] = Json(Json::Array(moments.histogram.begin(), moments.histogram.end()));
  }
  if (profile.period) {
    json["first"] = profile.period->first;
    json["last"] = profile.period->second;
  }
  for (const auto& [value, count] : profile.top) json["top"].Append(Json::Make({{"value", value}, {"count", count}}));
  return json;
}

}  // namespace

Result<std::vector<ColumnProfile>> Profile(DuckdbSession& session, std::string_view table,
                                           const std::vector<std::string>& only) {
  const auto all = TRY(session.Describe(Cat("SELECT * FROM ", SqlName(table))));
  std::vector<ColumnProfile> profile;
  for (const ResultColumn& column : TRY(Select(all, only))) {
    profile.push_back(TRY(ProfileColumn(session, std::string(table), column)));
  }
  return profile;
}

Json ToJson(const std::vector<ColumnProfile>& profile) {
  Json columns = Json::MakeArray();
  for (const ColumnProfile& column : profile) columns.Append(ToJson(column));
  return Json::Make({{"columns", columns}});
}

}  // namespace mw::data
