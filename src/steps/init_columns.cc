// Columns: by their names, their values and what each tells of the label.
#include "steps/init_columns.h"

#include <algorithm>

#include "base/text.h"
#include "steps/init_warnings.h"
#include "steps/init_words.h"

namespace mw::steps {
namespace {

using data::SqlName;
using schema::ColumnType;
using Severity = InitFinding::Severity;
using Use = PlannedColumn::Use;

constexpr double kLeakCertain = 0.995;  // strength of one column from which it is left out

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
  plan.Add(Severity::kNote, "key", key->name,
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
  plan.Add(severity, std::move(kind), planned.column->name, std::move(sentence),
           "to use it all the same, remove the `--` at {line}");
}

class ColumnDecider {
 public:
  ColumnDecider(const std::vector<Signal>& signals, InitPlan& plan) : signals_(signals), plan_(plan) {}

  Status Run() {
    for (const ColumnSurvey& column : plan_.survey.columns) {
      PlannedColumn planned{&column, Use::kFeature, column.reading, ""};
      TRY(Decide(planned));
      if (planned.use == Use::kFeature) NoteFeature(column, FindSignal(column.name), plan_);
      plan_.columns.push_back(std::move(planned));
    }
    NoteOrder(FindSignal(""), plan_);
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
      LeaveOut(
          plan_, planned, Severity::kNote, "id-like", "names rows, says nothing about new ones",
          Cat(name, CountsRows(column) ? " only counts the rows" : " has a value of its own for nearly every row",
              signal != nullptr && signal->strength >= kLeakLikely
                  ? Cat(", and yet tells the label (", plan_.ScoreText(signal->score), "): the rows are sorted by it")
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
               Cat(name, " alone tells ", plan_.request.label, " (", plan_.ScoreText(signal->score),
                   "); what is that good is mostly known only afterwards: it is left out"));
    }
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

}  // namespace

Status DecideColumns(const std::vector<Signal>& signals, InitPlan& plan) {
  GuessKey(plan);
  if (!plan.request.key.empty()) TRY(CheckKey(plan));
  TRY(ColumnDecider(signals, plan).Run());
  for (const PlannedColumn& planned : plan.columns) NoteReading(planned, plan);
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

}  // namespace mw::steps
