// What the label says about the problem, and the plan that all decisions are written into.
#include "steps/init_plan.h"

#include <algorithm>

#include "base/text.h"
#include "evaluation/report.h"
#include "steps/init_words.h"
#include "wire/label_names.h"

namespace mw::steps {
namespace {

using data::SqlName;
using data::SqlText;
using goals::Problem;
using schema::ColumnType;

constexpr std::int64_t kClassesAsIntegers = 10;  // whole numbers of no more values may be classes
constexpr std::int64_t kRowsPerClass = 10;

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

/// The value that --positive means: of truth values by any word for them, as the file may have.
std::string GivenPositive(const ColumnSurvey& label, const std::string& given) {
  if (label.type != ColumnType::kBoolean) return given;
  const std::optional<bool> truth = wire::TruthOf(given);
  return !truth ? given : *truth ? "true" : "false";
}

Status MakeBinary(InitPlan& plan, const ColumnSurvey& label) {
  std::size_t positive = PositiveOf(label);
  if (!plan.request.positive.empty()) {
    const std::string wanted = GivenPositive(label, plan.request.positive);
    const auto given = std::find_if(label.values.begin(), label.values.end(),
                                    [&wanted](const auto& value) { return value.first == wanted; });
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

}  // namespace

const PlannedColumn* InitPlan::Planned(PlannedColumn::Use use) const {
  const auto found =
      std::find_if(columns.begin(), columns.end(), [use](const auto& planned) { return planned.use == use; });
  return found == columns.end() ? nullptr : &*found;
}

void InitPlan::Add(InitFinding::Severity severity, std::string kind, std::string column, std::string text,
                   std::string remedy) {
  findings.push_back({severity, std::move(kind), std::move(column), std::move(text), std::move(remedy)});
}

std::string InitPlan::ScoreText(double score) const {
  switch (problem) {
    case Problem::kRegression: return Cat("r2 ", Fixed(score, 3));
    case Problem::kMulticlassClassification: return Cat("accuracy ", Fixed(score, 3));
    case Problem::kBinaryClassification: break;
  }
  return Cat("roc_auc ", Fixed(score, 3));
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

}  // namespace mw::steps
