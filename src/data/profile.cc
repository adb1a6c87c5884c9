// Column profiles by SQL: one scan for counts and moments, one for the histogram, one for top values.
#include "data/profile.h"

#include <algorithm>

#include "base/text.h"

namespace mw::data {
namespace {

using schema::ColumnType;

bool IsText(ColumnType type) { return type == ColumnType::kText || type == ColumnType::kCategory; }
bool HasMoments(ColumnType type) { return type == ColumnType::kFloat || type == ColumnType::kInteger; }

/// The column as the statistics see it: doubles without NaN, else the value itself.
std::string Source(std::string_view table, const ResultColumn& column) {
  const std::string name = SqlName(column.name);
  if (!HasMoments(column.type)) return Cat("(SELECT ", name, " AS v FROM ", SqlName(table), ")");
  return Cat("(SELECT CASE WHEN isnan(d) THEN NULL ELSE d END AS v FROM (SELECT CAST(", name, " AS DOUBLE) AS d FROM ",
             SqlName(table), "))");
}

std::string QuantileList() {
  std::vector<std::string> shares;
  for (int i = 0; i <= kQuantileSteps; ++i) shares.push_back(Cat(static_cast<double>(i) / kQuantileSteps));
  return Cat("[", Join(shares, ", "), "]");
}

Status CountValues(DuckdbSession& session, const std::string& source, ColumnProfile& profile) {
  const auto rows = TRY(session.Query(Cat("SELECT count(*), count(*) - count(v), count(DISTINCT v) FROM ", source)));
  profile.rows = rows[0][0].AsInt();
  profile.missing = rows[0][1].AsInt();
  profile.distinct = rows[0][2].AsInt();
  return Ok();
}

Result<std::vector<std::int64_t>> Histogram(DuckdbSession& session, const std::string& source, double min, double max) {
  if (min == max) {
    const auto rows = TRY(session.Query(Cat("SELECT count(*) FROM ", source, " WHERE isfinite(v)")));
    return std::vector<std::int64_t>{rows[0][0].AsInt()};
  }
  const std::string bin = Cat("least(", kHistogramBins - 1, ", floor((v - ", min, "::DOUBLE) / (", max, "::DOUBLE - ",
                              min, "::DOUBLE) * ", kHistogramBins, "))::INTEGER");
  const auto rows =
      TRY(session.Query(Cat("SELECT ", bin, " AS bin, count(*) FROM ", source, " WHERE isfinite(v) GROUP BY bin")));
  std::vector<std::int64_t> counts(kHistogramBins, 0);
  for (const auto& row : rows) counts[static_cast<std::size_t>(row[0].AsInt())] = row[1].AsInt();
  return counts;
}

Status AddMoments(DuckdbSession& session, const std::string& source, ColumnProfile& profile) {
  const auto counts =
      TRY(session.Query(Cat("SELECT count(*) FILTER (isinf(v)), count(*) FILTER (isfinite(v)) FROM ", source)));
  profile.infinite = counts[0][0].AsInt();
  if (counts[0][1].AsInt() == 0) return Ok();
  std::string quantiles;
  for (int i = 1; i <= kQuantileSteps + 1; ++i) CatTo(quantiles, ", q[", i, "]");
  const auto rows = TRY(session.Query(
      Cat("SELECT low, high, mean, std", quantiles, " FROM (SELECT min(v) AS low, max(v) AS high, avg(v) AS mean,",
          " stddev_pop(v) AS std, quantile_disc(v, ", QuantileList(), ") AS q FROM ", source, " WHERE isfinite(v))")));
  Moments moments{rows[0][0].AsDouble(), rows[0][1].AsDouble(), rows[0][2].AsDouble(), rows[0][3].AsDouble(), {}, {}};
  for (std::size_t i = 4; i < rows[0].size(); ++i) moments.quantiles.push_back(rows[0][i].AsDouble());
  moments.histogram = TRY(Histogram(session, source, moments.min, moments.max));
  profile.moments = std::move(moments);
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
