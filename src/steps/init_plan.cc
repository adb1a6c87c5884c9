// The decisions and the sentences about them.
#include "steps/init_plan.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "base/text.h"
#include "evaluation/report.h"
#include "steps/init_words.h"

namespace mw::steps {
namespace {

using data::SqlName;
using data::SqlText;
using goals::Problem;
using schema::ColumnType;
using Severity = InitFinding::Severity;
using Use = PlannedColumn::Use;

constexpr double kLeakCertain = 0.995;  // strength of one column from which it is left out
constexpr double kLeakLikely = 0.95;    // and from which it is named
constexpr double kSortedByLabel = 0.9;  // strength of the row's number
constexpr double kMostlyMissing = 0.5;
constexpr double kImbalanced = 0.05;
constexpr std::int64_t kClassesAsIntegers = 10;  // whole numbers of no more values may be classes
constexpr std::int64_t kRowsPerClass = 10;
constexpr std::int64_t kSliceValuesMax = 8;
constexpr std::int64_t kEnough = 100;

void Add(InitPlan& plan, Severity severity, std::string kind, std::string column, std::string text,
         std::string remedy = {}) {
  plan.findings.push_back({severity, std::move(kind), std::move(column), std::move(text), std::move(remedy)});
}

std::string Percent(double share) { return Cat(Fixed(100 * share, share < 0.1 || share > 0.9 ? 1 : 0), " %"); }

std::string Rows(std::int64_t count) { return Cat(WithThousands(count), count == 1 ? " row" : " rows"); }

Status CheckName(const TableSurvey& survey, std::string_view flag, const std::string& name) {
  if (name.empty() || survey.Find(name) != nullptr) return Ok();
  std::vector<std::string_view> names;
  for (const ColumnSurvey& column : survey.columns) names.push_back(column.name);
  const std::string_view nearest = Nearest(name, names);
  std::string known;
  for (std::size_t i = 0; i < names.size() && i < 12; ++i) CatTo(known, i == 0 ? "" : ", ", names[i]);
  return InvalidArgument(flag, ": the file has no column ", Quoted(name),
                         nearest.empty() ? Cat("; it has ", known, names.size() > 12 ? ", ..." : "")
                                         : Cat("; did you mean ", Quoted(nearest), "?"));
}

// --- the problem

/// Of two values the one that a model should look for: a word that says yes, else the greater number, else the rarer.
std::size_t PositiveOf(const ColumnSurvey& label) {
  const auto& values = label.values;
  for (std::size_t i = 0; i < 2; ++i) {
    if (SaysYes(values[i].first) && !SaysYes(values[1 - i].first)) return i;
    if (SaysNo(values[1 - i].first) && !SaysNo(values[i].first)) return i;
  }
  if (label.is_number()) return *ParseDouble(values[0].first) > *ParseDouble(values[1].first) ? 0 : 1;
  return values[0].second <= values[1].second ? 0 : 1;
}

Status MakeBinary(InitPlan& plan, const ColumnSurvey& label) {
  std::size_t positive = PositiveOf(label);
  if (!plan.request.positive.empty()) {
    const auto given = std::find_if(label.values.begin(), label.values.end(),
                                    [&](const auto& value) { return value.first == plan.request.positive; });
    if (given == label.values.end()) {
      return InvalidArgument("--positive: ", label.name, " is never ", Quoted(plan.request.positive), "; it is ",
                             Quoted(label.values[0].first), " or ", Quoted(label.values[1].first));
    }
    positive = static_cast<std::size_t>(given - label.values.begin());
  }
  plan.classes = {label.values[1 - positive].first, label.values[positive].first};
  plan.label_sql = label.type == ColumnType::kBoolean && plan.classes[1] == "true"
                       ? label.reading
                       : Cat("CAST(", label.reading, " AS VARCHAR) = ", SqlText(plan.classes[1]));
  return Ok();
}

Status MakeMulticlass(InitPlan& plan, const ColumnSurvey& label) {
  if (label.distinct > static_cast<std::int64_t>(evaluation::kClassesMax)) {
    return InvalidArgument("--label: ", label.name, " has ", WithThousands(label.distinct),
                           " different values; at most ", evaluation::kClassesMax,
                           label.is_number()
                               ? " classes are told apart: leave out --type and it is predicted as a number"
                               : " classes are told apart: join the rare ones, or choose another column");
  }
  for (const auto& [value, count] : label.values) plan.classes.push_back(value);
  const bool numbers = label.is_number();
  std::sort(plan.classes.begin(), plan.classes.end(), [numbers](const std::string& a, const std::string& b) {
    return numbers ? *ParseDouble(a) < *ParseDouble(b) : a < b;
  });
  plan.label_sql = Cat("CAST(", label.reading, " AS VARCHAR)");
  return Ok();
}

Status MakeRegression(InitPlan& plan, const ColumnSurvey& label) {
  if (!label.is_number()) {
    return InvalidArgument("--type regression: ", label.name, " is a ", schema::TypeName(label.type),
                           ", not a number; e.g. ", Quoted(label.values.empty() ? "" : label.values.front().first));
  }
  plan.label_sql = label.reading;
  return Ok();
}

Problem GuessProblem(const ColumnSurvey& label, std::string& why) {
  if (label.distinct == 2) {
    why = "two values";
    return Problem::kBinaryClassification;
  }
  if (!label.is_number()) {
    why = Cat(label.distinct, " different texts");
    return Problem::kMulticlassClassification;
  }
  const bool few = label.type == ColumnType::kInteger && label.distinct <= kClassesAsIntegers &&
                   label.distinct * kRowsPerClass <= label.present();
  if (few) {
    why = Cat("whole numbers, ", label.distinct, " different; --type regression if their size means something");
    return Problem::kMulticlassClassification;
  }
  why = Cat("numbers, ", WithThousands(label.distinct), " different");
  return Problem::kRegression;
}

// --- columns

bool IsKeyName(std::string_view name) {
  return HasWord(name, {"id", "key", "uuid", "guid", "no", "nr", "number", "code"});
}

/// 1, 2, 3, ... or 0, 1, 2, ...: a number of the row.
bool CountsRows(const ColumnSurvey& column) {
  return column.type == ColumnType::kInteger && column.moments && column.distinct == column.rows &&
         column.moments->max - column.moments->min == static_cast<double>(column.rows - 1) && column.rows > 10;
}

bool IsUnique(const ColumnSurvey& column) { return column.missing == 0 && column.distinct == column.rows; }

/// A column of its own value for nearly every row.
bool IsIdLike(const ColumnSurvey& column) {
  if (CountsRows(column)) return true;
  const bool nearly_unique = column.present() > 20 && column.distinct * 20 >= column.present() * 19;
  if (column.type == ColumnType::kInteger) return nearly_unique && IsKeyName(column.name);
  return column.type == ColumnType::kText && nearly_unique;
}

/// The name of something that has several rows: a customer, a patient.
bool IsGroupId(const ColumnSurvey& column) {
  const bool fits = column.type == ColumnType::kText || column.type == ColumnType::kInteger;
  return fits && column.distinct > 20 && !IsUnique(column) && HasWord(column.name, {"id", "uuid", "guid"});
}

Status CheckKey(const InitPlan& plan) {
  const ColumnSurvey& key = plan.Column(plan.request.key);
  if (key.name == plan.request.label) return InvalidArgument("--key: ", key.name, " is the label");
  if (key.missing > 0) {
    return InvalidArgument("--key: ", Rows(key.missing), " have no ", Quoted(key.name), "; a key names every row");
  }
  if (key.distinct < key.rows) {
    return InvalidArgument("--key: ", Quoted(key.name), " repeats: ", WithThousands(key.distinct), " values in ",
                           Rows(key.rows), "; a key names one row. To keep the rows of one ", key.name,
                           " in one part of the split, leave out --key and write `by: ", key.name,
                           "` in the split of pipeline.yaml");
  }
  return Ok();
}

/// The first that names every row: by its name, else as a text of its own for each.
const ColumnSurvey* KeyAmong(const InitPlan& plan) {
  const ColumnSurvey* text = nullptr;
  for (const ColumnSurvey& column : plan.survey.columns) {
    const bool other_role = column.name == plan.request.label || column.name == plan.request.time;
    if (other_role || !IsUnique(column)) continue;
    const bool fits = column.type == ColumnType::kText || column.type == ColumnType::kInteger;
    if (fits && IsKeyName(column.name)) return &column;
    if (column.type == ColumnType::kText && text == nullptr) text = &column;
  }
  return text;
}

void GuessKey(InitPlan& plan) {
  if (!plan.request.key.empty()) return;
  const ColumnSurvey* key = KeyAmong(plan);
  if (key == nullptr) return;
  plan.request.key = key->name;
  Add(plan, Severity::kNote, "key", key->name,
      Cat(Quoted(key->name), " names every row; it is the key, by which predictions and labels find each other"),
      "--key COLUMN names another");
}

/// SQL that makes the time column a moment.
Result<std::string> TimeSql(const ColumnSurvey& time) {
  if (time.type == ColumnType::kTimestamp) return time.reading;
  if (time.is_number() && time.moments) {
    const double low = time.moments->min, high = time.moments->max;
    if (low >= 1800 && high <= 2200)
      return Cat("make_timestamptz(CAST(", time.reading, " AS BIGINT), 1, 1, 0, 0, 0.0)");
    if (low >= 1e8 && high <= 1e10) return Cat("to_timestamp(", time.reading, ")");
    if (low >= 1e11 && high <= 1e13) return Cat("to_timestamp(", time.reading, " / 1000.0)");
  }
  std::string example = time.values.empty() ? std::string() : Cat(", e.g. ", Quoted(time.values.front().first));
  return InvalidArgument("--time: ", Quoted(time.name), " is a ", schema::TypeName(time.type), example,
                         ", not a time; write times as 2013-04-01 or 2013-04-01T12:30:00Z, or leave out --time");
}

void LeaveOut(InitPlan& plan, PlannedColumn& planned, Severity severity, std::string kind, std::string why,
              std::string sentence) {
  planned.use = Use::kLeftOut;
  planned.why = std::move(why);
  Add(plan, severity, std::move(kind), planned.column->name, std::move(sentence),
      "to use it all the same, remove the `--` at {line}");
}

std::string ScoreText(Problem problem, double score) {
  switch (problem) {
    case Problem::kRegression: return Cat("r2 ", Fixed(score, 3));
    case Problem::kMulticlassClassification: return Cat("accuracy ", Fixed(score, 3));
    case Problem::kBinaryClassification: break;
  }
  return Cat("roc_auc ", Fixed(score, 3));
}

class ColumnDecider {
 public:
  ColumnDecider(const std::vector<Signal>& signals, InitPlan& plan) : signals_(signals), plan_(plan) {}

  Status Run() {
    for (const ColumnSurvey& column : plan_.survey.columns) {
      PlannedColumn planned{&column, Use::kFeature, column.reading, ""};
      TRY(Decide(planned));
      if (planned.use == Use::kFeature) NoteFeature(planned);
      plan_.columns.push_back(std::move(planned));
    }
    NoteOrder();
    const bool any = std::any_of(plan_.columns.begin(), plan_.columns.end(),
                                 [](const PlannedColumn& planned) { return planned.use == Use::kFeature; });
    if (any) return Ok();
    return InvalidArgument("no column is left to predict ", plan_.request.label, " from:", WhyNone());
  }

 private:
  Status Decide(PlannedColumn& planned) {
    const ColumnSurvey& column = *planned.column;
    if (column.name == plan_.request.label) {
      planned.use = Use::kLabel;
      planned.sql = plan_.label_sql;
    } else if (column.name == plan_.request.time) {
      planned.use = Use::kTime;
      planned.sql = TRY(TimeSql(column));
    } else if (column.name == plan_.request.key) {
      planned.use = Use::kKey;
    } else {
      DecideFeature(planned);
    }
    return Ok();
  }

  void DecideFeature(PlannedColumn& planned) {
    const ColumnSurvey& column = *planned.column;
    const std::string name = Quoted(column.name);
    const Signal* signal = FindSignal(column.name);
    if (column.missing == column.rows) {
      LeaveOut(plan_, planned, Severity::kWarning, "empty", "no value in any row",
               Cat(name, " has no value in any row; it is left out"));
    } else if (column.distinct <= 1 && column.missing == 0) {
      LeaveOut(plan_, planned, Severity::kWarning, "constant", "the same value in every row",
               Cat(name, " has the same value in every row; it is left out"));
    } else if (column.type == ColumnType::kTimestamp) {
      LeaveOut(plan_, planned, Severity::kNote, "time", "a time is no feature; its hour or weekday may be one",
               Cat(name, " is a time; it is left out"));
      plan_.findings.back().remedy = Cat("for its hour, write at {line}: hour(", SqlName(column.name), ") AS ",
                                         SqlName(column.name + "_hour"), ",");
    } else if (IsIdLike(column)) {
      LeaveOut(plan_, planned, Severity::kNote, "id-like", "names rows, says nothing about new ones",
               Cat(name, CountsRows(column) ? " only counts the rows" : " has a value of its own for nearly every row",
                   signal != nullptr && signal->strength >= kLeakLikely
                       ? Cat(", and yet tells the label (", ScoreText(plan_.problem, signal->score),
                             "): the rows are sorted by it")
                       : std::string(),
                   "; it is left out"));
      if (signal != nullptr && signal->strength >= kLeakLikely) plan_.findings.back().severity = Severity::kWarning;
    } else if (IsGroupId(column)) {
      LeaveOut(plan_, planned, Severity::kNote, "id-like", "names something, says nothing about others",
               Cat(name, " names something that has several rows; it is left out"));
      plan_.findings.back().remedy =
          Cat("if its rows are alike, keep them in one part: write CAST(", SqlName(column.name), " AS VARCHAR) AS ",
              SqlName(column.name), ", at {line} and by: ", column.name, " in the split of pipeline.yaml");
    } else if (column.type == ColumnType::kText) {
      LeaveOut(plan_, planned, Severity::kNote, "text", "too many different texts for a category",
               Cat(name, " has ", WithThousands(column.distinct), " different texts in ", Rows(column.present()),
                   "; it is left out"));
      plan_.findings.back().remedy = "make a feature of it at {line}, such as its length or first letter";
    } else if (signal != nullptr && signal->strength >= kLeakCertain) {
      LeaveOut(plan_, planned, Severity::kWarning, "leakage", "tells the label by itself: known only afterwards?",
               Cat(name, " alone tells ", plan_.request.label, " (", ScoreText(plan_.problem, signal->score),
                   "); what is that good is mostly known only afterwards: it is left out"));
    }
  }

  /// What to know about a feature.
  void NoteFeature(PlannedColumn& planned) {
    const ColumnSurvey& column = *planned.column;
    const std::string name = Quoted(column.name);
    const Signal* signal = FindSignal(column.name);
    const std::string drop = "if so, put `--` before {line}";
    if (signal != nullptr && signal->strength >= kLeakLikely) {
      Add(plan_, Severity::kWarning, "leakage", column.name,
          Cat(name, " alone tells ", plan_.request.label, " (", ScoreText(plan_.problem, signal->score),
              "); is it known only afterwards?"),
          drop);
    } else if (SoundsLate(column.name, plan_.request.label)) {
      Add(plan_, Severity::kWarning, "leakage", column.name,
          Cat(name, " sounds like something known only with ", plan_.request.label, " or after it"), drop);
    }
    if (column.missing_share() > kMostlyMissing) {
      Add(plan_, Severity::kWarning, "missing", column.name,
          Cat(name, " is missing in ", Percent(column.missing_share()), " of the rows"),
          "the model learns what missing means; to do without it, put `--` before {line}");
    }
  }

  void NoteOrder() {
    const Signal* order = FindSignal("");
    if (order == nullptr || order->strength < kSortedByLabel) return;
    Add(plan_, Severity::kWarning, "order", "",
        Cat("the file is sorted by ", plan_.request.label, ": the number of the row alone tells it (",
            ScoreText(plan_.problem, order->score), ")"),
        "keep columns that count rows out of the features");
  }

  [[nodiscard]] const Signal* FindSignal(std::string_view name) const {
    const auto found =
        std::find_if(signals_.begin(), signals_.end(), [&](const Signal& s) { return s.column == name; });
    return found == signals_.end() ? nullptr : &*found;
  }

  [[nodiscard]] std::string WhyNone() const {
    std::string out;
    for (const PlannedColumn& planned : plan_.columns) {
      if (planned.use == Use::kLeftOut) CatTo(out, "\n  ", planned.column->name, ": ", planned.why);
    }
    return out.empty() ? " the file has only the label" : out;
  }

  const std::vector<Signal>& signals_;
  InitPlan& plan_;
};

void NoteReading(InitPlan& plan, const PlannedColumn& planned) {
  const ColumnSurvey& column = *planned.column;
  if (planned.use == Use::kLeftOut) return;
  const std::string name = Quoted(column.name);
  if (column.unreadable > 0) {
    std::vector<std::string> examples;
    for (const std::string& example : column.unreadable_examples) examples.push_back(Quoted(example, 30));
    Add(plan, Severity::kWarning, "unreadable", column.name,
        Cat(name, ": ", WithThousands(column.unreadable), column.unreadable == 1 ? " value is no " : " values are no ",
            column.type == ColumnType::kTimestamp ? "time" : "number", " (", Join(examples, ", "),
            "); they are taken for missing"),
        "write another reading at {line}");
  } else if (column.marks > 0) {
    Add(plan, Severity::kNote, "marks", column.name,
        Cat(name, ": ", WithThousands(column.marks), " times NA, ?, null or the like are taken for missing"),
        Cat("if they mean something, write at {line}: ", SqlName(column.name), " AS ", SqlName(column.name), ","));
  }
  if (column.beyond > 0) {
    Add(plan, Severity::kWarning, "range", column.name,
        Cat(name, ": ", WithThousands(column.beyond),
            column.beyond == 1 ? " value is beyond 3.4e38, the greatest that a model takes; it is"
                               : " values are beyond 3.4e38, the greatest that a model takes; they are",
            " taken for missing"),
        "write another reading at {line}, such as its logarithm");
  }
  if (column.ambiguous_date) {
    Add(plan, Severity::kWarning, "dates", column.name,
        Cat(name, " was read as ", column.remark, "; day and month fit the other way round too"),
        "exchange %d and %m at {line} if so");
  }
}

// --- rows, labels, slices

void NoteRows(InitPlan& plan) {
  const TableSurvey& survey = plan.survey;
  const ColumnSurvey& label = plan.Column(plan.request.label);
  if (label.missing > 0) {
    Add(plan, Severity::kWarning, "labels", label.name,
        Cat(Rows(label.missing), " (", Percent(label.missing_share()), ") have no ", Quoted(label.name),
            "; they are neither learned from nor judged by"),
        "labels.expected in goal.yaml says how many ever get one");
  }
  if (survey.duplicates > 0) {
    Add(plan, Severity::kWarning, "duplicates", "",
        Cat(Rows(survey.duplicates), " (",
            Percent(static_cast<double>(survey.duplicates) / static_cast<double>(survey.rows)),
            survey.duplicates == 1 ? ") repeats" : ") repeat", " another row exactly",
            plan.by_time() || !plan.request.key.empty() ? "" : "; the split keeps copies together"),
        "to drop them, write SELECT DISTINCT in features.sql");
  }
  if (plan.by_time()) {
    const ColumnSurvey& time = plan.Column(plan.request.time);
    if (time.missing > 0) {
      Add(plan, Severity::kWarning, "time", time.name,
          Cat(Rows(time.missing), " have no ", Quoted(time.name), "; they are left out"),
          "the WHERE of features.sql does it");
    }
    return;
  }
  for (const ColumnSurvey& column : survey.columns) {
    if (column.type != ColumnType::kTimestamp || column.missing > 0 || column.distinct < 10) continue;
    Add(plan, Severity::kWarning, "time", column.name,
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
    Add(plan, Severity::kWarning, "imbalance", plan.request.label,
        Cat("only ", Percent(std::min(share, 1 - share)), " of the rows are ",
            Quoted(plan.classes[share < 0.5 ? 1 : 0]),
            "; accuracy says nothing then: judge by average_precision, recall and saving"),
        "costs and threshold stand in goal.yaml");
  }
  const std::int64_t fewest = std::min(positives, negatives);
  if (fewest >= kEnough) return;
  plan.rows_min = std::max<std::int64_t>(1, fewest >= 20 ? fewest / 10 * 8 : fewest * 3 / 4);
  Add(plan, Severity::kWarning, "few", plan.request.label,
      Cat("only ", Rows(fewest), " of ", Quoted(plan.classes[positives <= negatives ? 1 : 0]), " judge the model; ",
          kEnough, " are the usual minimum, so intervals will be wide"),
      Cat("rows_min: ", plan.rows_min, " in the gate of pipeline.yaml lets it pass all the same"));
}

void NoteClasses(InitPlan& plan) {
  const ColumnSurvey& label = plan.Column(plan.request.label);
  std::vector<std::string> rare;
  for (const auto& [value, count] : label.values) {
    if (count < 5 * kRowsPerClass) rare.push_back(Cat(Quoted(value), " ", count));
  }
  if (!rare.empty()) {
    if (rare.size() > 5) rare.resize(5);
    Add(plan, Severity::kWarning, "few", label.name, Cat("classes with few rows: ", Join(rare, ", ")),
        "join them in features.sql, or expect little of them");
  }
  const double most = static_cast<double>(label.values.front().second),
               least = static_cast<double>(label.values.back().second);
  if (most > 20 * least) {
    Add(plan, Severity::kWarning, "imbalance", label.name,
        Cat("the most frequent class has ", Fixed(most / least, 0),
            " times the rows of the rarest; macro_f1 says more than accuracy"));
  }
}

void NoteEvaluateRows(InitPlan& plan) {
  if (plan.problem == Problem::kBinaryClassification || plan.facts.evaluate_rows >= kEnough) return;
  plan.rows_min = std::max<std::int64_t>(1, plan.facts.evaluate_rows / 10 * 8);
  Add(plan, Severity::kWarning, "few", plan.request.label,
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
  Add(plan, Severity::kNote, "slices", "",
      Cat("no column has enough rows for each of its values to report by: ", short_of, " to judge by, ", kEnough,
          " are needed"),
      "defaults.slices in goal.yaml takes any column");
}

}  // namespace

const PlannedColumn* InitPlan::Planned(PlannedColumn::Use use) const {
  const auto found =
      std::find_if(columns.begin(), columns.end(), [use](const auto& planned) { return planned.use == use; });
  return found == columns.end() ? nullptr : &*found;
}

Status CheckRequest(const InitRequest& request, const TableSurvey& survey) {
  TRY(CheckName(survey, "--label", request.label));
  TRY(CheckName(survey, "--time", request.time));
  TRY(CheckName(survey, "--key", request.key));
  if (request.time == request.label) return InvalidArgument("--time: ", request.time, " is the label");
  if (survey.columns.size() < 2)
    return InvalidArgument("the file has one column, and it is the label; nothing is left to predict it from");
  return Ok();
}

Status DecideProblem(InitPlan& plan) {
  const ColumnSurvey& label = plan.Column(plan.request.label);
  if (label.present() == 0) {
    return InvalidArgument("--label: ", label.name,
                           " has no value in any row; name the column that the model shall predict");
  }
  if (label.distinct == 1) {
    return InvalidArgument("--label: ", label.name, " is ", Quoted(label.values.front().first),
                           " in every row; there is nothing to tell apart");
  }
  if (label.type == ColumnType::kTimestamp) {
    return InvalidArgument("--label: ", label.name,
                           " is a time; make a number of it first, such as the days until then");
  }
  plan.problem = plan.request.problem ? *plan.request.problem : GuessProblem(label, plan.why_problem);
  if (plan.request.problem) plan.why_problem = "as you said";
  switch (plan.problem) {
    case Problem::kMulticlassClassification: return MakeMulticlass(plan, label);
    case Problem::kRegression: return MakeRegression(plan, label);
    case Problem::kBinaryClassification: break;
  }
  if (label.distinct != 2) {
    return InvalidArgument("--type binary: ", label.name, " has ", label.distinct, " different values, not two");
  }
  return MakeBinary(plan, label);
}

std::string LabelCode(const InitPlan& plan) {
  std::string name = SqlName(plan.request.label);
  if (plan.problem == Problem::kRegression) return name;
  std::string sql = Cat("CASE CAST(", name, " AS VARCHAR)");
  for (std::size_t i = 0; i < plan.classes.size(); ++i) CatTo(sql, " WHEN ", SqlText(plan.classes[i]), " THEN ", i);
  return sql + " END";
}

Status DecideColumns(const std::vector<Signal>& signals, InitPlan& plan) {
  GuessKey(plan);
  if (!plan.request.key.empty()) TRY(CheckKey(plan));
  TRY(ColumnDecider(signals, plan).Run());
  for (const PlannedColumn& planned : plan.columns) NoteReading(plan, planned);
  for (const Signal& signal : signals) {
    const auto planned = std::find_if(plan.columns.begin(), plan.columns.end(),
                                      [&](const auto& p) { return p.column->name == signal.column; });
    const bool feature = planned != plan.columns.end() && planned->use == Use::kFeature;
    if (!feature || signal.score <= plan.best_score) continue;
    plan.best_column = signal.column;
    plan.best_score = signal.score;
  }
  return Ok();
}

void DecideRest(InitPlan& plan) {
  NoteRows(plan);
  const double nothing = plan.problem == Problem::kBinaryClassification ? 0.51
                         : plan.problem == Problem::kRegression         ? 0.01
                                                                        : plan.facts.majority + 0.01;
  if (plan.best_score < nothing) {
    Add(plan, Severity::kWarning, "signal", "",
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
