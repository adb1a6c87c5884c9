// Cuts, seeds, and constants measured on the parts.
#include "steps/init_split.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/text.h"
#include "data/split.h"
#include "evaluation/regression.h"

namespace mw::steps {
namespace {

using goals::Problem;
using Use = PlannedColumn::Use;

constexpr Duration kDay = std::chrono::hours(24);
constexpr int kSeedsTried = 50;
constexpr std::int64_t kFewLabelledRows = 1'000;
/// Shares of the rows, in the order of time.
constexpr double kStopEarlyFrom = 0.65, kEvaluateFrom = 0.8;

constexpr double kLaterMin = 0.5;     // of the rows
constexpr double kDistinctMin = 0.8;  // of the rows, for their hash to cut them evenly

/// The table that the pipeline's sql step will make, or would without features: key, time, label, and all that names a
/// row.
constexpr std::string_view kRows = "mw_init_rows";

Status MakeRows(data::DuckdbSession& session, const InitPlan& plan) {
  std::vector<std::string> list;
  for (const PlannedColumn& planned : plan.columns) {
    if (planned.use != Use::kLeftOut) list.push_back(Cat(planned.sql, " AS ", data::SqlName(planned.column->name)));
  }
  std::string sql = Cat("SELECT ", Join(list, ", "), " FROM ", kFileTable);
  const PlannedColumn* time = plan.Planned(Use::kTime);
  if (time != nullptr) CatTo(sql, " WHERE ", time->sql, " IS NOT NULL");
  return session.Materialise(kRows, sql);
}

Result<std::int64_t> CountLabelled(data::DuckdbSession& session, const InitPlan& plan) {
  const auto counted = TRY(
      session.Query(Cat("SELECT count(*) FROM ", kRows, " WHERE ", data::SqlName(plan.request.label), " IS NOT NULL")));
  const std::int64_t rows = counted[0][0].AsInt();
  if (rows >= kLabelledRowsMin) return rows;
  return InvalidArgument(WithThousands(rows), rows == 1 ? " row has" : " rows have", " a value in ",
                         Quoted(plan.request.label), "; at least ", kLabelledRowsMin,
                         " are needed to learn from some and judge by others");
}

Timestamp FloorDay(Timestamp at) { return at - (at.time_since_epoch() % kDay + kDay) % kDay; }

Result<Timestamp> TimeAt(data::DuckdbSession& session, const std::string& expression, const InitPlan& plan) {
  const auto row = TRY(session.Query(
      Cat("SELECT ", expression, " FROM ", kRows, " WHERE ", data::SqlName(plan.request.label), " IS NOT NULL")));
  return ParseTime(row[0][0].AsString());
}

Status SplitByTime(data::DuckdbSession& session, InitPlan& plan) {
  const std::string time = data::SqlName(plan.request.time);
  const Timestamp first = TRY(TimeAt(session, Cat("min(", time, ")"), plan));
  const Timestamp last = TRY(TimeAt(session, Cat("max(", time, ")"), plan));
  Timestamp stop = TRY(TimeAt(session, Cat("quantile_disc(", time, ", ", kStopEarlyFrom, ")"), plan));
  Timestamp until = TRY(TimeAt(session, Cat("quantile_disc(", time, ", ", kEvaluateFrom, ")"), plan));
  PlannedSplit& split = plan.split;
  split.whole_days = last - first >= 20 * kDay;
  const Duration unit = split.whole_days ? kDay : Duration(std::chrono::seconds(1));
  if (split.whole_days) {
    stop = FloorDay(stop);
    until = FloorDay(until);
  } else {
    // Parts meet at whole seconds, as durations are written.
    until = FromMicros(ToMicros(until) / 1'000'000 * 1'000'000);
    stop = FromMicros(ToMicros(stop) / 1'000'000 * 1'000'000);
  }
  split.from = split.whole_days ? FloorDay(first) : first;
  split.until = until;
  split.stop_early_on = until - stop;
  split.evaluate_until = split.whole_days ? FloorDay(last) + kDay : last + unit;
  if (stop > split.from && until > stop && split.evaluate_until > until) return Ok();
  return InvalidArgument("--time: ", Quoted(plan.request.time),
                         " has too few different times to learn before and judge after (", FormatTime(first), " to ",
                         FormatTime(last), "); leave out --time for a split by hash");
}

data::HashSplit HashSplitOf(const InitPlan& plan) {
  data::HashSplit split{{}, plan.split.seed, plan.split.evaluate, plan.split.stop_early};
  for (const PlannedColumn& planned : plan.columns) {
    const bool names = plan.request.key.empty() || planned.use == Use::kKey;
    if (names && planned.use != Use::kLeftOut) split.by.push_back(planned.column->name);
  }
  // In the order in which the query gives its columns.
  if (!plan.request.key.empty()) return split;
  split.by.clear();
  for (const Use use : {Use::kKey, Use::kTime, Use::kFeature, Use::kLabel}) {
    for (const PlannedColumn& planned : plan.columns) {
      if (planned.use == use) split.by.push_back(planned.column->name);
    }
  }
  return split;
}

/// 0 learns, 1 stops early, 2 judges; SQL over kRows.
std::string PartSql(const InitPlan& plan) {
  const std::string label;
  std::string early, judge;
  if (plan.by_time()) {
    const PlannedSplit& split = plan.split;
    const data::Roles roles{plan.request.time, "", "", ""};
    early = data::PartCondition(roles, {split.until - split.stop_early_on, split.until}, kNever);
    judge = data::PartCondition(roles, {split.until, split.evaluate_until}, kNever);
  } else {
    const data::HashSplit split = HashSplitOf(plan);
    early = data::HashCondition(split, label, split.evaluate, split.evaluate + split.stop_early);
    judge = data::HashCondition(split, label, 0, split.evaluate);
  }
  return Cat("CASE WHEN ", judge, " THEN 2 WHEN ", early, " THEN 1 ELSE 0 END");
}

/// The label over kRows as a number.
std::string CodeSql(const InitPlan& plan) {
  const std::string label = data::SqlName(plan.request.label);
  if (plan.problem != Problem::kMulticlassClassification) return Cat("CAST(", label, " AS DOUBLE)");
  std::string sql = Cat("CAST(CASE ", label);
  for (std::size_t i = 0; i < plan.classes.size(); ++i)
    CatTo(sql, " WHEN ", data::SqlText(plan.classes[i]), " THEN ", i);
  return sql + " END AS DOUBLE)";
}

struct Parts {
  std::vector<double> labels[3];
};

Result<Parts> LoadParts(data::DuckdbSession& session, const InitPlan& plan) {
  Parts parts;
  TRY(session.Stream(Cat("SELECT * FROM (SELECT ", CodeSql(plan), " AS label, CAST(", PartSql(plan),
                         " AS DOUBLE) AS part FROM ", kRows, ") WHERE label IS NOT NULL"),
                     [&](const data::Chunk& chunk) {
                       for (std::size_t row = 0; row < chunk.rows(); ++row) {
                         parts.labels[static_cast<std::size_t>(chunk.Numbers(1)[row])].push_back(chunk.Numbers(0)[row]);
                       }
                       return Ok();
                     }));
  return parts;
}

std::vector<std::int64_t> Counts(const std::vector<double>& labels, std::size_t classes) {
  std::vector<std::int64_t> counts(classes);
  for (const double label : labels) ++counts[static_cast<std::size_t>(label)];
  return counts;
}

bool HasEveryClass(const std::vector<double>& labels, std::size_t classes) {
  const auto counts = Counts(labels, classes);
  return std::find(counts.begin(), counts.end(), 0) == counts.end();
}

bool IsUsable(const Parts& parts, const InitPlan& plan) {
  if (parts.labels[0].empty() || parts.labels[1].empty() || parts.labels[2].empty()) return false;
  if (plan.problem == Problem::kRegression) return true;
  return std::all_of(std::begin(parts.labels), std::end(parts.labels),
                     [&](const auto& labels) { return HasEveryClass(labels, plan.classes.size()); });
}

void AddClassFacts(const Parts& parts, const InitPlan& plan, PartFacts& facts) {
  const std::size_t classes = plan.classes.size();
  const auto train = Counts(parts.labels[0], classes);
  facts.evaluate_classes = Counts(parts.labels[2], classes);
  const auto learned = static_cast<double>(facts.train_rows), judged = static_cast<double>(facts.evaluate_rows);
  double loss = 0;
  for (std::size_t i = 0; i < classes; ++i) {
    const double share = std::clamp(static_cast<double>(train[i]) / learned, 1e-15, 1.0);
    loss -= static_cast<double>(facts.evaluate_classes[i]) * std::log(share);
  }
  facts.trivial_loss = loss / judged;
  const auto most = static_cast<std::size_t>(std::max_element(train.begin(), train.end()) - train.begin());
  facts.majority = static_cast<double>(facts.evaluate_classes[most]) / judged;
  facts.base_share = static_cast<double>(train.back()) / learned;
}

void AddNumberFacts(const Parts& parts, PartFacts& facts) {
  const evaluation::LabelConstants constants = evaluation::ConstantsOf(parts.labels[0]);
  double squares = 0, absolute = 0;
  for (const double label : parts.labels[2]) {
    squares += (label - constants.mean) * (label - constants.mean);
    absolute += std::fabs(label - constants.median);
  }
  const auto judged = static_cast<double>(parts.labels[2].size());
  facts.trivial_loss = std::sqrt(squares / judged);
  facts.median_error = absolute / judged;
}

void SetFacts(const Parts& parts, InitPlan& plan) {
  PartFacts& facts = plan.facts;
  facts.train_rows = static_cast<std::int64_t>(parts.labels[0].size());
  facts.stop_early_rows = static_cast<std::int64_t>(parts.labels[1].size());
  facts.evaluate_rows = static_cast<std::int64_t>(parts.labels[2].size());
  plan.problem == Problem::kRegression ? AddNumberFacts(parts, facts) : AddClassFacts(parts, plan, facts);
}

Error Unusable(const Parts& parts, const InitPlan& plan) {
  std::string what;
  for (std::size_t part = 0; part < 3; ++part) {
    constexpr std::string_view kNames[] = {"to learn from", "to stop by", "to judge by"};
    CatTo(what, part == 0 ? "" : ", ", parts.labels[part].size(), " rows ", kNames[part]);
  }
  const ColumnSurvey& label = plan.Column(plan.request.label);
  if (plan.problem != Problem::kRegression && !label.values.empty()) {
    const auto& [value, count] = label.values.back();
    CatTo(what, "; the rarest is ", Quoted(value), ", ", count, count == 1 ? " row" : " rows");
  }
  return InvalidArgument("the rows cannot be split so that every part has every value of ", Quoted(plan.request.label),
                         " (", what, "); join the rarest values, or leave their rows out");
}

/// Times beside the event time that are mostly later than it: nobody knows them yet when the prediction is asked for.
Status NoteLaterTimes(data::DuckdbSession& session, InitPlan& plan) {
  const PlannedColumn* time = plan.Planned(Use::kTime);
  if (time == nullptr) return Ok();
  for (InitFinding& finding : plan.findings) {
    if (finding.kind != "time") continue;
    const ColumnSurvey& column = plan.Column(finding.column);
    const auto row =
        TRY(session.Query(Cat("SELECT count(*) FILTER (", column.reading, " > ", time->sql, "), count(*) FROM ",
                              kFileTable, " WHERE ", column.reading, " IS NOT NULL AND ", time->sql, " IS NOT NULL")))
    [0];
    const double later =
        static_cast<double>(row[0].AsInt()) / static_cast<double>(std::max<std::int64_t>(row[1].AsInt(), 1));
    if (later < kLaterMin) continue;
    finding.severity = InitFinding::Severity::kWarning;
    finding.kind = "leakage";
    finding.text = Cat(Quoted(column.name), " is later than ", Quoted(plan.request.time), " in ", Fixed(100 * later, 0),
                       " % of the rows: known only afterwards; it is left out, and nothing may be made of it");
    finding.remedy.clear();
  }
  return Ok();
}

/// Rows that look alike without being the same fall into one part by their hash, which makes the parts uneven; a
/// column that counts the rows then serves as their name.
Status NameRows(data::DuckdbSession& session, InitPlan& plan) {
  const auto row = TRY(session.Query(
      Cat("SELECT (SELECT count(*) FROM (SELECT DISTINCT * FROM ", kRows, ")), (SELECT count(*) FROM ", kRows, ")")))
  [0];
  if (static_cast<double>(row[0].AsInt()) > kDistinctMin * static_cast<double>(row[1].AsInt())) return Ok();
  for (PlannedColumn& planned : plan.columns) {
    const ColumnSurvey& column = *planned.column;
    const bool counts =
        column.type == schema::ColumnType::kInteger && column.missing == 0 && column.distinct == column.rows;
    if (planned.use != Use::kLeftOut || !counts) continue;
    planned.use = Use::kKey;
    plan.request.key = column.name;
    std::erase_if(plan.findings, [&](const InitFinding& finding) {
      return finding.column == column.name && finding.kind == "id-like";
    });
    plan.findings.push_back(
        {InitFinding::Severity::kNote, "key", column.name,
         Cat("many rows are alike but for ", Quoted(column.name), "; it is the key, by which the rows are split"),
         "--key COLUMN names another"});
    return MakeRows(session, plan);
  }
  return Ok();
}

}  // namespace

Status DecideSplit(data::DuckdbSession& session, InitPlan& plan) {
  TRY(MakeRows(session, plan));
  TRY(NoteLaterTimes(session, plan));
  if (!plan.by_time() && plan.request.key.empty()) TRY(NameRows(session, plan));
  const std::int64_t labelled = TRY(CountLabelled(session, plan));
  if (plan.by_time()) {
    TRY(SplitByTime(session, plan));
    const Parts parts = TRY(LoadParts(session, plan));
    if (!IsUsable(parts, plan)) return Unusable(parts, plan);
    SetFacts(parts, plan);
    return Ok();
  }
  if (labelled < kFewLabelledRows)
    plan.split.evaluate = std::max(0.3, std::ceil(3000.0 / static_cast<double>(labelled)) / 100);
  for (plan.split.seed = 1; plan.split.seed <= kSeedsTried; ++plan.split.seed) {
    const Parts parts = TRY(LoadParts(session, plan));
    if (IsUsable(parts, plan)) {
      SetFacts(parts, plan);
      return Ok();
    }
    if (plan.split.seed == kSeedsTried) return Unusable(parts, plan);
  }
  return Ok();
}

}  // namespace mw::steps
