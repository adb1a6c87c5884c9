// What looks odd in a table, in sentences with a remedy each.
#include "steps/init_warnings.h"

#include <algorithm>

#include "base/text.h"
#include "steps/init_words.h"

namespace mw::steps {
namespace {

using data::SqlName;
using goals::Problem;
using schema::ColumnType;
using Severity = InitFinding::Severity;
using Use = PlannedColumn::Use;

constexpr double kSortedByLabel = 0.9;  // strength of the row's number
constexpr double kMostlyMissing = 0.5;
constexpr double kImbalanced = 0.05;
constexpr std::int64_t kRowsOfClass = 50;  // fewer are few
constexpr std::int64_t kSliceValuesMax = 8;
constexpr std::int64_t kEnough = 100;

void NoteRows(InitPlan& plan) {
  const TableSurvey& survey = plan.survey;
  const ColumnSurvey& label = plan.Column(plan.request.label);
  if (label.missing > 0) {
    plan.Add(Severity::kWarning, "labels", label.name,
             Cat(Rows(label.missing), " (", Percent(label.missing_share()), ") have no ", Quoted(label.name),
                 "; they are neither learned from nor judged by"),
             "labels.expected in goal.yaml says how many ever get one");
  }
  if (survey.duplicates > 0) {
    plan.Add(Severity::kWarning, "duplicates", "",
             Cat(Rows(survey.duplicates), " (",
                 Percent(static_cast<double>(survey.duplicates) / static_cast<double>(survey.rows)),
                 survey.duplicates == 1 ? ") repeats" : ") repeat", " another row exactly",
                 plan.by_time() || !plan.request.key.empty() ? "" : "; the split keeps copies together"),
             "to drop them, write SELECT DISTINCT in features.sql");
  }
  if (plan.by_time()) {
    const ColumnSurvey& time = plan.Column(plan.request.time);
    if (time.missing > 0) {
      plan.Add(Severity::kWarning, "time", time.name,
               Cat(Rows(time.missing), " have no ", Quoted(time.name), "; they are left out"),
               "the WHERE of features.sql does it");
    }
    return;
  }
  for (const ColumnSurvey& column : survey.columns) {
    if (column.type != ColumnType::kTimestamp || column.missing > 0 || column.distinct < 10) continue;
    plan.Add(Severity::kWarning, "time", column.name,
             Cat("rows are split by chance, though ", Quoted(column.name),
                 " says when they were: a model judged so has seen the future"),
             Cat("if predictions are about later rows, start again with --time ", column.name));
    return;
  }
}

void NoteBinary(InitPlan& plan) {
  const std::int64_t positives = plan.facts.evaluate_classes[1], negatives = plan.facts.evaluate_classes[0];
  const double share = plan.facts.base_share;
  if (share < kImbalanced || share > 1 - kImbalanced) {
    plan.Add(Severity::kWarning, "imbalance", plan.request.label,
             Cat("only ", Percent(std::min(share, 1 - share)), " of the rows are ",
                 Quoted(plan.classes[share < 0.5 ? 1 : 0]),
                 "; accuracy says nothing then: judge by average_precision, recall and saving"),
             "costs and threshold stand in goal.yaml");
  }
  const std::int64_t fewest = std::min(positives, negatives);
  if (fewest >= kEnough) return;
  plan.rows_min = std::max<std::int64_t>(1, fewest >= 20 ? fewest / 10 * 8 : fewest * 3 / 4);
  plan.Add(Severity::kWarning, "few", plan.request.label,
           Cat("only ", Rows(fewest), " of ", Quoted(plan.classes[positives <= negatives ? 1 : 0]),
               " judge the model; ", kEnough, " are the usual minimum, so intervals will be wide"),
           Cat("rows_min: ", plan.rows_min, " in the gate of pipeline.yaml lets it pass all the same"));
}

void NoteClasses(InitPlan& plan) {
  const ColumnSurvey& label = plan.Column(plan.request.label);
  std::vector<std::string> rare;
  for (const auto& [value, count] : label.values) {
    if (count < kRowsOfClass) rare.push_back(Cat(Quoted(value), " ", count));
  }
  if (!rare.empty()) {
    if (rare.size() > 5) rare.resize(5);
    plan.Add(Severity::kWarning, "few", label.name, Cat("classes with few rows: ", Join(rare, ", ")),
             "join them in features.sql, or expect little of them");
  }
  const double most = static_cast<double>(label.values.front().second),
               least = static_cast<double>(label.values.back().second);
  if (most > 20 * least) {
    plan.Add(Severity::kWarning, "imbalance", label.name,
             Cat("the most frequent class has ", Fixed(most / least, 0),
                 " times the rows of the rarest; macro_f1 says more than accuracy"));
  }
}

void NoteEvaluateRows(InitPlan& plan) {
  if (plan.problem == Problem::kBinaryClassification || plan.facts.evaluate_rows >= kEnough) return;
  plan.rows_min = std::max<std::int64_t>(1, plan.facts.evaluate_rows / 10 * 8);
  plan.Add(Severity::kWarning, "few", plan.request.label,
           Cat("only ", Rows(plan.facts.evaluate_rows), " judge the model; ", kEnough,
               " are the usual minimum, so intervals will be wide"),
           Cat("rows_min: ", plan.rows_min, " in the gate of pipeline.yaml lets it pass all the same"));
}

/// Columns of a few frequent values, at most two.
void ChooseSlices(InitPlan& plan) {
  const double judged = static_cast<double>(plan.facts.evaluate_rows) / static_cast<double>(plan.survey.rows);
  const double rarer =
      plan.problem == Problem::kBinaryClassification ? std::min(plan.facts.base_share, 1 - plan.facts.base_share) : 1;
  std::string short_of;
  for (const PlannedColumn& planned : plan.columns) {
    const ColumnSurvey& column = *planned.column;
    if (planned.use != Use::kFeature || column.type != ColumnType::kCategory || column.distinct > kSliceValuesMax)
      continue;
    if (column.distinct < 2 || column.values.empty() || plan.slices.size() == 2) continue;
    const double fewest = static_cast<double>(column.values.back().second) * judged * rarer;
    if (fewest >= static_cast<double>(kEnough)) {
      plan.slices.push_back(column.name);
    } else if (short_of.empty()) {
      short_of = Cat(Quoted(column.name), " has ", Quoted(column.values.back().first), " with about ", Fixed(fewest, 0),
                     plan.problem == Problem::kBinaryClassification ? " rows of the rarer kind" : " rows");
    }
  }
  if (short_of.empty() || !plan.slices.empty()) return;
  plan.Add(Severity::kNote, "slices", "",
           Cat("no column has enough rows for each of its values to report by: ", short_of, " to judge by, ", kEnough,
               " are needed"),
           "defaults.slices in goal.yaml takes any column");
}

}  // namespace

void NoteFeature(const ColumnSurvey& column, const Signal* signal, InitPlan& plan) {
  const std::string name = Quoted(column.name);
  const std::string drop = "if so, put `--` before {line}";
  if (signal != nullptr && signal->strength >= kLeakLikely) {
    plan.Add(Severity::kWarning, "leakage", column.name,
             Cat(name, " alone tells ", plan.request.label, " (", plan.ScoreText(signal->score),
                 "); is it known only afterwards?"),
             drop);
  } else if (SoundsLate(column.name, plan.request.label)) {
    plan.Add(Severity::kWarning, "leakage", column.name,
             Cat(name, " sounds like something known only with ", plan.request.label, " or after it"), drop);
  }
  if (column.missing_share() > kMostlyMissing) {
    plan.Add(Severity::kWarning, "missing", column.name,
             Cat(name, " is missing in ", Percent(column.missing_share()), " of the rows"),
             "the model learns what missing means; to do without it, put `--` before {line}");
  }
}

void NoteOrder(const Signal* order, InitPlan& plan) {
  if (order == nullptr || order->strength < kSortedByLabel) return;
  plan.Add(Severity::kWarning, "order", "",
           Cat("the file is sorted by ", plan.request.label, ": the number of the row alone tells it (",
               plan.ScoreText(order->score), ")"),
           "keep columns that count rows out of the features");
}

void NoteReading(const PlannedColumn& planned, InitPlan& plan) {
  const ColumnSurvey& column = *planned.column;
  if (planned.use == Use::kLeftOut) return;
  const std::string name = Quoted(column.name);
  if (column.unreadable > 0) {
    std::vector<std::string> examples;
    for (const std::string& example : column.unreadable_examples) examples.push_back(Quoted(example, 30));
    plan.Add(
        Severity::kWarning, "unreadable", column.name,
        Cat(name, ": ", WithThousands(column.unreadable), column.unreadable == 1 ? " value is no " : " values are no ",
            column.type == ColumnType::kTimestamp ? "time" : "number", " (", Join(examples, ", "),
            "); they are taken for missing"),
        "write another reading at {line}");
  } else if (column.marks > 0) {
    plan.Add(Severity::kNote, "marks", column.name,
             Cat(name, ": ", WithThousands(column.marks), " times NA, ?, null or the like are taken for missing"),
             Cat("if they mean something, write at {line}: ", SqlName(column.name), " AS ", SqlName(column.name), ","));
  }
  if (column.beyond > 0) {
    plan.Add(Severity::kWarning, "range", column.name,
             Cat(name, ": ", WithThousands(column.beyond),
                 column.beyond == 1 ? " value is beyond 3.4e38, the greatest that a model takes; it is"
                                    : " values are beyond 3.4e38, the greatest that a model takes; they are",
                 " taken for missing"),
             "write another reading at {line}, such as its logarithm");
  }
  if (column.ambiguous_date) {
    plan.Add(Severity::kWarning, "dates", column.name,
             Cat(name, " was read as ", column.remark, "; day and month fit the other way round too"),
             "exchange %d and %m at {line} if so");
  }
}

void NoteRowsAndLabels(InitPlan& plan) {
  NoteRows(plan);
  const double nothing = plan.problem == Problem::kBinaryClassification ? 0.51
                         : plan.problem == Problem::kRegression         ? 0.01
                                                                        : plan.facts.majority + 0.01;
  if (plan.best_score < nothing) {
    plan.Add(Severity::kWarning, "signal", "",
             Cat("no column tells anything about ", plan.request.label,
                 " by itself; together they may, but the gate may well say no"));
  }
  if (plan.problem == Problem::kBinaryClassification) NoteBinary(plan);
  if (plan.problem == Problem::kMulticlassClassification) NoteClasses(plan);
  NoteEvaluateRows(plan);
  ChooseSlices(plan);
  std::stable_sort(plan.findings.begin(), plan.findings.end(),
                   [](const InitFinding& a, const InitFinding& b) { return a.severity < b.severity; });
}

}  // namespace mw::steps
