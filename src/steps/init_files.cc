// Texts of goal.yaml, pipeline.yaml, schema.yaml, features.sql, rollout.yaml.
#include "steps/init_files.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "wire/class_name.h"

namespace mw::steps {
namespace {

using data::SqlName;
using goals::Problem;
using schema::ColumnType;
using Use = PlannedColumn::Use;

constexpr std::size_t kRemarkColumn = 60;
constexpr std::size_t kVocabularyShown = 50;
constexpr std::int64_t kFewTrainingRows = 2'000;

/// Bounds rounded to where they are a little easier to meet: four digits, upwards or downwards.
std::string Rounded(double value, bool up) {
  if (value == 0 || !std::isfinite(value)) return "0";
  const double scale = std::pow(10.0, 3 - std::floor(std::log10(std::fabs(value))));
  const double whole = up ? std::ceil(value * scale) : std::floor(value * scale);
  return Cat(whole / scale);
}

/// A share of two digits, not above the value.
std::string Share(double value) { return Fixed(std::floor(value * 100 + 1e-9) / 100, 2); }

std::string OneLine(std::string_view text) {
  std::string out;
  for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  return out;
}

std::string Padded(std::string text, std::size_t width) {
  text.resize(std::max(text.size() + 1, width), ' ');
  return text;
}

std::string_view Loss(const InitPlan& plan) { return plan.problem == Problem::kRegression ? "rmse" : "log_loss"; }

// --- features.sql

std::string ColumnLine(const PlannedColumn& planned, std::string_view label_remark) {
  const ColumnSurvey& column = *planned.column;
  const std::string item =
      planned.sql == SqlName(column.name) ? planned.sql : Cat(planned.sql, " AS ", SqlName(column.name));
  std::string remark;
  switch (planned.use) {
    case Use::kKey: remark = "key: names the row"; break;
    case Use::kTime: remark = "event time: when it was predicted"; break;
    case Use::kLeftOut: remark = Cat("left out: ", planned.why); break;
    case Use::kLabel: remark = label_remark; break;
    case Use::kFeature: remark = column.remark; break;
  }
  std::string line = planned.use == Use::kLeftOut ? Cat("  -- ", OneLine(item), ",")
                                                  : Cat("  ", item, planned.use == Use::kLabel ? "" : ",");
  return remark.empty() ? line : Cat(Padded(line, kRemarkColumn), "-- ", OneLine(remark));
}

std::string LabelRemark(const InitPlan& plan) {
  switch (plan.problem) {
    case Problem::kRegression: return "label: a number";
    case Problem::kMulticlassClassification: return Cat("label: ", plan.classes.size(), " classes");
    case Problem::kBinaryClassification: break;
  }
  return Cat("label: true is ", OneLine(plan.classes[1]));
}

void AddColumns(const InitPlan& plan, Use use, InitFiles& files, std::string& sql, int& line) {
  for (const PlannedColumn& planned : plan.columns) {
    if (planned.use != use) continue;
    const std::string text = Cat(ColumnLine(planned, LabelRemark(plan)), "\n");
    files.line[planned.column->name] = line;
    line += static_cast<int>(std::count(text.begin(), text.end(), '\n'));  // a name may hold some
    sql += text;
  }
}

std::string FeaturesSql(const InitPlan& plan, InitFiles& files) {
  std::string sql =
      Cat("-- One row for each prediction: what names it, what the model sees, what it shall tell. Take a column out "
          "by `--`,\n",
          "-- make one by writing it. Nothing may stand here that is not known when the prediction is asked for.\n",
          "SELECT\n");
  int line = 4;
  for (const Use use : {Use::kKey, Use::kTime, Use::kFeature, Use::kLeftOut, Use::kLabel})
    AddColumns(plan, use, files, sql, line);
  CatTo(sql, "FROM ", kFileTable, "\n");
  const PlannedColumn* time = plan.Planned(Use::kTime);
  if (time != nullptr && time->column->missing > 0) CatTo(sql, "WHERE ", time->sql, " IS NOT NULL\n");
  return sql;
}

// --- schema.yaml

/// Half the range more on either side, but not across zero.
std::pair<double, double> WidenedRange(const data::Moments& moments, bool whole) {
  const double margin = (moments.max - moments.min) / 2;
  double low = moments.min - margin, high = moments.max + margin;
  if (moments.min >= 0) low = std::max(low, 0.0);
  if (moments.max <= 0) high = std::min(high, 0.0);
  if (whole) return {std::floor(low), std::ceil(high)};
  const auto rounded = [](double value, bool up) { return *ParseDouble(Rounded(value, up)); };
  return {rounded(low, false), rounded(high, true)};
}

/// `required`: only where rows have always had a value, and many of them.
std::string SchemaLine(const InitPlan& plan, const PlannedColumn& planned) {
  const ColumnSurvey& column = *planned.column;
  const bool label = planned.use == Use::kLabel;
  ColumnType type = planned.use == Use::kTime ? ColumnType::kTimestamp : column.type;
  if (label && plan.problem == Problem::kBinaryClassification) type = ColumnType::kBoolean;
  if (label && plan.problem == Problem::kMulticlassClassification) type = ColumnType::kCategory;
  if (label && plan.problem == Problem::kRegression) type = ColumnType::kFloat;
  std::string out = Cat("  ", YamlText(column.name), ": {type: ", schema::TypeName(type));
  if (!label && column.missing == 0) out += ", required: true";
  const bool bounded = !label && (type == ColumnType::kFloat || type == ColumnType::kInteger) && column.moments &&
                       planned.use == Use::kFeature;
  if (bounded) {
    const auto [low, high] = WidenedRange(*column.moments, type == ColumnType::kInteger);
    CatTo(out, ", min: ", low, ", max: ", high);
  }
  if (type == ColumnType::kCategory && !label && !column.values.empty() && column.values.size() <= kVocabularyShown) {
    std::vector<std::string> values;
    for (const auto& [value, count] : column.values) values.push_back(value);
    std::sort(values.begin(), values.end());
    for (std::string& value : values) value = YamlText(value);
    CatTo(out, ", vocabulary: [", Join(values, ", "), "]");
  }
  out += "}";
  if (bounded) CatTo(out, "  # seen: ", column.moments->min, " to ", column.moments->max);
  if (column.missing > 0 && !label)
    CatTo(out, bounded ? "; " : "  # ", Fixed(100 * column.missing_share(), 1), " % missing");
  return out + "\n";
}

std::string SchemaYaml(const InitPlan& plan) {
  std::string out =
      Cat("# What a row may look like: the step `validate` holds rows against it, training and serving encode by it.\n",
          "# Ranges are those of the data and half as much again on either side. A row without a required value is\n",
          "# refused; a category without a vocabulary learns it from the training rows.\n",
          "schema: ", plan.request.name, "\n");
  if (!plan.request.key.empty()) CatTo(out, "key: ", YamlText(plan.request.key), "\n");
  if (plan.by_time()) CatTo(out, "event_time: ", YamlText(plan.request.time), "\n");
  CatTo(out, "label: ", YamlText(plan.request.label), "\ncolumns:\n");
  for (const Use use : {Use::kKey, Use::kTime, Use::kFeature, Use::kLabel}) {
    for (const PlannedColumn& planned : plan.columns) {
      if (planned.use == use) out += SchemaLine(plan, planned);
    }
  }
  return out;
}

// --- goal.yaml

std::string Outcome(const InitPlan& plan) {
  switch (plan.problem) {
    case Problem::kRegression:
      return Cat(plan.request.label, " is known before it happens, closely enough to act on it.");
    case Problem::kMulticlassClassification:
      return Cat("Every row gets its ", plan.request.label, " without anybody looking at it.");
    case Problem::kBinaryClassification: break;
  }
  return Cat("Rows whose ", plan.request.label, " will be ", plan.classes[1],
             " are known in time to do something about it.");
}

std::string BinaryKpi(const InitPlan& plan) {
  const double missed = std::max(1.0, std::round(1 / std::clamp(plan.facts.base_share, 0.001, 0.999) * 10) / 10);
  return Cat(
      "kpi:\n",
      "  name: saving                       # 1 - cost / cost of the better of \"flag every row\" and \"flag none\"\n",
      "  require: saving >= 0%              # no worse than the better of the two; raise it once you know what pays\n",
      "  # ASSUMED, write your own: so that flagging every row costs what flagging none does (",
      Fixed(100 * plan.facts.base_share, 1), " % are true)\n", "  costs: {missed: ", missed, " USD, flagged: 1 USD}\n");
}

std::string Threshold(const InitPlan& plan) {
  if (plan.problem != Problem::kBinaryClassification) return "";
  const double missed = std::max(1.0, std::round(1 / std::clamp(plan.facts.base_share, 0.001, 0.999) * 10) / 10);
  return Cat(", threshold: ", Fixed(1 / missed, 3));
}

std::string Target(std::string_view name, int priority, const std::string& require, std::string_view why) {
  return Cat(Padded(Cat("  - {name: ", name, ", priority: ", priority, ", require: ", require, "}"), 72), "# ", why,
             "\n");
}

std::string QualityTargets(const InitPlan& plan) {
  std::string out =
      Target("beats-trivial", 1, Cat(Loss(plan), " <= ", Rounded(plan.facts.trivial_loss, true)),
             plan.problem == Problem::kRegression ? "measured: of the training rows' mean for every row"
                                                  : "measured: of the training rows' shares for every row");
  const std::string best = Cat("measured: what ", OneLine(plan.best_column), " reaches by itself");
  switch (plan.problem) {
    case Problem::kRegression:
      out += Target("typical-error", 2, Cat("mae <= ", Rounded(plan.facts.median_error, true)),
                    "measured: of the training rows' median for every row");
      if (plan.best_score > 0) out += Target("beats-best-column", 2, Cat("r2 >= ", Share(plan.best_score)), best);
      return out;
    case Problem::kMulticlassClassification:
      out += Target("beats-majority", 1, Cat("accuracy >= ", Share(plan.facts.majority)),
                    Cat("measured: the most frequent class for every row"));
      if (plan.best_score > plan.facts.majority)
        out += Target("beats-best-column", 2, Cat("accuracy >= ", Share(plan.best_score)), best);
      return out;
    case Problem::kBinaryClassification: break;
  }
  out += Target("ranking", 2, Cat("roc_auc >= ", Share(plan.best_score)), best);
  return out + Target("calibration", 3, "ece <= 0.1", "a probability of 30 % shall mean 20 to 40 of 100");
}

std::string GoalYaml(const InitPlan& plan) {
  std::string out =
      Cat("# Why the model exists and what it must keep to. The targets are measured on these data and lenient; write "
          "your own.\n",
          "goal: ", plan.request.name, "\n", "outcome: ", YamlText(OneLine(Outcome(plan))), "  # in your own words\n",
          "owner: nobody-yet                    # who answers for it\n", "model: ", plan.request.name, "\n",
          "predict: {label: ", YamlText(plan.request.label), ", type: ", goals::ProblemName(plan.problem),
          Threshold(plan), "}  # ", OneLine(plan.why_problem), "\n");
  if (plan.problem == Problem::kBinaryClassification) out += BinaryKpi(plan);
  if (!plan.slices.empty()) {
    std::vector<std::string> slices;
    for (const std::string& slice : plan.slices) slices.push_back(YamlText(slice));
    CatTo(out, "defaults: {slices: [", Join(slices, ", "), "]}\n");
  }
  CatTo(out,
        "targets:                             # priority 1 stops a release and pages, 2 opens a ticket, 3 is only "
        "shown\n",
        QualityTargets(plan), Target("speed", 2, "latency <= 20ms, objective: 99%", "of requests"),
        Target("answers", 1, "error_rate <= 0.1%", "valid requests that got no answer"));
  return out;
}

// --- pipeline.yaml

std::string TimeText(Timestamp at, bool whole_days) {
  return whole_days ? FormatTime(at).substr(0, 10) : Cat("\"", FormatTime(at), "\"");
}

std::string DurationText(Duration duration) {
  const auto seconds = duration.count() / 1'000'000;
  if (seconds % 86400 == 0) return Cat(seconds / 86400, "d");
  if (seconds % 3600 == 0) return Cat(seconds / 3600, "h");
  return Cat(std::max<std::int64_t>(seconds, 1), "s");
}

std::string SplitLine(const InitPlan& plan) {
  const PlannedSplit& split = plan.split;
  if (plan.by_time()) {
    return Cat("  # By time, as it will be used: the model learns from the past and is judged by what came after.\n",
               "  split:    {uses: split, inputs: {rows: features.rows},\n",
               "             with: {train: [\"{params.train_from}\", \"{params.train_until}\"], stop_early_on: ",
               DurationText(split.stop_early_on),
               ",\n                    evaluate_until: \"{params.evaluate_until}\"}}\n");
  }
  const std::string by = plan.request.key.empty() ? "row" : YamlText(plan.request.key);
  return Cat("  # By the hash of ",
             plan.request.key.empty() ? "the whole row, so that copies stay together" : "the key",
             ". Where rows belong together (of one customer), write by: THAT_COLUMN.\n",
             "  split:    {uses: split, inputs: {rows: features.rows}, with: {by: ", by,
             ", evaluate: ", Fixed(100 * split.evaluate, 0), "%, stop_early: ", Fixed(100 * split.stop_early, 0),
             "%, seed: ", split.seed, "}}\n");
}

std::string Roles(const InitPlan& plan) {
  std::string out = Cat("label: ", YamlText(plan.request.label));
  if (!plan.request.key.empty()) CatTo(out, ", key: ", YamlText(plan.request.key));
  if (plan.by_time()) CatTo(out, ", event_time: ", YamlText(plan.request.time));
  return out;
}

/// Columns that lack values may lack half as many again.
std::string MaxMissing(const InitPlan& plan) {
  std::vector<std::string> shares;
  for (const PlannedColumn& planned : plan.columns) {
    const double share = planned.column->missing_share();
    if (planned.use != Use::kFeature || share == 0) continue;
    shares.push_back(Cat(YamlText(planned.column->name), ": ", Fixed(std::min(1.0, share * 1.5 + 0.05), 2)));
  }
  return shares.empty() ? "" : Cat(", max_missing: {", Join(shares, ", "), "}");
}

/// Of two classes that are more than a truth value: labels come later as they stand in the file.
std::string LabelValues(const InitPlan& plan) {
  const std::vector<std::string>& values = plan.classes;
  if (plan.problem != Problem::kBinaryClassification) return "";
  const bool truth =
      values == std::vector<std::string>{"false", "true"} || values == std::vector<std::string>{"0", "1"};
  if (truth || !wire::IsClassName(values[0]) || !wire::IsClassName(values[1])) return "";
  return Cat(",\n                    label_values: [", YamlText(values[0]), ", ", YamlText(values[1]), "]");
}

std::string Training(const InitPlan& plan) {
  const bool few = plan.facts.train_rows < kFewTrainingRows;
  return Cat("{algorithm: xgboost, max_depth: ", few ? 3 : 6, ", learning_rate: ", few ? "0.1" : "0.08",
             ", max_rounds: 500, early_stopping_rounds: 30, seed: 1", LabelValues(plan), "}");
}

std::string Gate(const InitPlan& plan) {
  const std::string_view metric = plan.problem == Problem::kRegression ? "rmse" : "log_loss";
  const double margin = plan.facts.trivial_loss * 0.02;
  return Cat("  gate:     {uses: gate, inputs: {report: evaluate.report, model: train.model, rows: split.evaluate},\n",
             "             with: {targets: goal, against: production, margin: {", metric, ": ", Rounded(margin, true),
             "}, rows_min: ", plan.rows_min, "}}\n");
}

std::string PipelineYaml(const InitPlan& plan, const std::string& data_path) {
  const std::string& name = plan.request.name;
  std::string out =
      Cat("# From the file to a model that answers. `millwright plan pipeline.yaml` shows what would run and why;\n",
          "# `millwright run ", name, "` runs it, and what has not changed is not done again.\n", "pipeline: ", name,
          "\ngoal: ", name, "\n");
  if (plan.by_time()) {
    const bool days = plan.split.whole_days;
    CatTo(out, "params: {train_from: ", TimeText(plan.split.from, days),
          ", train_until: ", TimeText(plan.split.until, days),
          ", evaluate_until: ", TimeText(plan.split.evaluate_until, days), "}\n");
  }
  CatTo(
      out, "defaults: {cpu: 1, memory: 2GiB, timeout: 30m, retries: 2, backoff: 5s, cache: true}\n", "steps:\n",
      "  import:   {uses: import, with: {", kFileTable, ": ", YamlText(data_path), "}}\n",
      "  features: {uses: sql, file: features.sql, inputs: {", kFileTable, ": import.", kFileTable, "}, with: {",
      Roles(plan), "}}\n\n", SplitLine(plan),
      "\n  # Rows that cannot be right are kept out and counted; `fail` instead of `quarantine` stops the run.\n",
      "  validate: {uses: validate, inputs: {rows: split.train},\n",
      "             with: {schema: schema.yaml, on_anomaly: quarantine", MaxMissing(plan), "}}\n",
      "  profile:  {uses: profile, inputs: {rows: validate.rows}}\n\n",
      "  train:    {uses: train, inputs: {rows: validate.rows, stop_early: split.stop_early}, cpu: 2, memory: 4GiB,\n",
      "             with: ", Training(plan), "}\n",
      "  evaluate: {uses: evaluate, inputs: {model: train.model, rows: split.evaluate}, with: {confidence: 95%}}\n",
      "  # Against the version in production, once there is one: not worse than it by more than the margin.\n",
      Gate(plan),
      "  register: {uses: register, after: [gate], inputs: {model: train.model, report: evaluate.report}, with: "
      "{model: ",
      name, ", alias: candidate}}\n",
      "  deploy:   {uses: deploy, inputs: {version: register.version}, with: {endpoint: ", name, "}}\n");
  return out;
}

// --- rollout.yaml

std::string RolloutYaml(const InitPlan& plan) {
  const std::string quality =
      plan.problem == Problem::kRegression ? "rmse <= production + 2%" : "log_loss <= production + 2%";
  return Cat(
      "# How a new version takes over from the one in production, step by step. This Millwright keeps the plan and "
      "does not\n",
      "# act on it yet: until then the pipeline's last step puts a version that passed the gate into service at "
      "once.\n",
      "rollout: ", plan.request.name, "\ngoal: ", plan.request.name, "\nmodel: ", plan.request.name, "\n",
      plan.request.key.empty() ? std::string() : Cat("sticky_by: ", YamlText(plan.request.key), "\n"), "stages:\n",
      "  - {name: shadow, shadow: 100%, for: 1d, min_predictions: 1000}   # answers are compared, nobody gets them\n",
      "  - {name: canary, traffic: 10%, for: 1d, min_predictions: 1000}\n",
      "  - {name: full,   traffic: 100%, for: 1d}\n",
      "checks:                              # candidate against production, at every stage\n",
      "  - {require: error_rate <= 0.1%, min_predictions: 100}\n",
      "  - {require: latency.p99 <= production + 20%, min_predictions: 100}\n", "  - {require: ", quality,
      ", min_labels: 500}\n", "on_pass: promote\n", "on_fail: {do: roll_back, within: 1s, hold: 24h}\n");
}

// --- summary

std::string_view Title(Problem problem) {
  switch (problem) {
    case Problem::kRegression: return "regression";
    case Problem::kMulticlassClassification: return "classification into several classes";
    case Problem::kBinaryClassification: break;
  }
  return "binary classification";
}

std::string ProblemText(const InitPlan& plan) {
  std::string out = Cat(Title(plan.problem), " of ", plan.request.label, " (", plan.why_problem);
  if (plan.problem == Problem::kBinaryClassification) {
    CatTo(out, "; true is ", Quoted(plan.classes[1]), ", ", Fixed(100 * plan.facts.base_share, 1), " %; --positive ",
          plan.classes[0], " turns it round");
  }
  return out + ")";
}

std::vector<std::string> NamesOf(const InitPlan& plan, Use use) {
  std::vector<std::string> names;
  for (const PlannedColumn& planned : plan.columns) {
    if (planned.use == use) names.push_back(planned.column->name);
  }
  return names;
}

std::string_view ScoreName(Problem problem) {
  switch (problem) {
    case Problem::kRegression: return "r2";
    case Problem::kMulticlassClassification: return "accuracy";
    case Problem::kBinaryClassification: break;
  }
  return "roc_auc";
}

std::string Remedy(const InitFinding& finding, const InitFiles& files) {
  std::string out = finding.remedy;
  const auto line = files.line.find(finding.column);
  const std::string place = line == files.line.end() ? "features.sql" : Cat("features.sql:", line->second);
  for (std::size_t at = out.find("{line}"); at != std::string::npos; at = out.find("{line}")) out.replace(at, 6, place);
  return out;
}

/// Words broken at 100 columns, lines after the first indented.
std::string Wrapped(std::string_view text, std::size_t indent) {
  std::string out;
  std::size_t width = indent;
  for (const std::string_view word : mw::Split(text, ' ')) {
    if (width > indent && width + 1 + word.size() > 108) {
      CatTo(out, "\n", std::string(indent, ' '));
      width = indent;
    } else if (width > indent) {
      out += ' ';
      ++width;
    }
    out += word;
    width += word.size();
  }
  return out;
}

std::string SplitText(const InitPlan& plan) {
  const PartFacts& facts = plan.facts;
  return Cat(plan.by_time()             ? Cat("by ", plan.request.time)
             : plan.request.key.empty() ? "by hash of the row"
                                        : Cat("by hash of ", plan.request.key),
             ": ", WithThousands(facts.train_rows), " rows learn, ", WithThousands(facts.stop_early_rows),
             " stop early, ", WithThousands(facts.evaluate_rows), " judge");
}

}  // namespace

std::string YamlText(std::string_view text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.' || c == '/';
  };
  static constexpr std::string_view kWords[] = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"};
  const bool word = std::find(std::begin(kWords), std::end(kWords), ToLower(text)) != std::end(kWords);
  const bool letter =
      !text.empty() && ((text[0] >= 'a' && text[0] <= 'z') || (text[0] >= 'A' && text[0] <= 'Z') || text[0] == '/');
  if (letter && !word && std::all_of(text.begin(), text.end(), plain)) return std::string(text);
  return Json(text).Dump();
}

InitFiles WriteInitFiles(const InitPlan& plan, const std::string& data_path) {
  InitFiles files;
  files.text["features.sql"] = FeaturesSql(plan, files);
  files.text["goal.yaml"] = GoalYaml(plan);
  files.text["pipeline.yaml"] = PipelineYaml(plan, data_path);
  files.text["schema.yaml"] = SchemaYaml(plan);
  files.text["rollout.yaml"] = RolloutYaml(plan);
  return files;
}

std::string InitSummary(const InitPlan& plan, const InitFiles& files) {
  const std::vector<std::string> features = NamesOf(plan, Use::kFeature), left_out = NamesOf(plan, Use::kLeftOut);
  std::string out =
      Cat(plan.request.name, ": ", WithThousands(plan.survey.rows), " rows, ", plan.survey.columns.size(), " columns\n",
          "  problem   ", Wrapped(ProblemText(plan), 12), "\n", "  split     ", SplitText(plan), "\n", "  features  ",
          Wrapped(OneLine(Cat(features.size(), ": ", Join(features, ", "))), 12), "\n");
  if (!left_out.empty())
    CatTo(out, "  left out  ", Wrapped(OneLine(Cat(left_out.size(), ": ", Join(left_out, ", "))), 12), "\n");
  if (!plan.best_column.empty()) {
    CatTo(out, "  baseline  ", OneLine(plan.best_column), " by itself reaches ", ScoreName(plan.problem), " ",
          Fixed(plan.best_score, 3), "\n");
  }
  for (const InitFinding& finding : plan.findings) {
    const bool warning = finding.severity == InitFinding::Severity::kWarning;
    CatTo(out, warning ? "warning " : "note    ", "[", finding.kind, "] ", Wrapped(finding.text, 8), "\n");
    const std::string remedy = Remedy(finding, files);
    if (!remedy.empty()) CatTo(out, "          -> ", Wrapped(remedy, 13), "\n");
  }
  std::vector<std::string> names;
  for (const auto& [name, text] : files.text) names.push_back(name);
  CatTo(out, "wrote     ", plan.request.directory, "/: ", Join(names, ", "), "\n", "next      millwright apply -f ",
        plan.request.directory, " && millwright run ", plan.request.name, " && millwright predict ", plan.request.name,
        "\n");
  return out;
}

Json InitJson(const InitPlan& plan, const InitFiles& files) {
  const auto list = [](const std::vector<std::string>& texts) { return Json(Json::Array(texts.begin(), texts.end())); };
  Json findings = Json::MakeArray();
  for (const InitFinding& finding : plan.findings) {
    findings.Append(Json::Make({{"severity", finding.severity == InitFinding::Severity::kWarning ? "warning" : "note"},
                                {"kind", finding.kind},
                                {"column", finding.column},
                                {"text", finding.text},
                                {"remedy", Remedy(finding, files)}}));
  }
  return Json::Make({{"name", plan.request.name},
                     {"directory", plan.request.directory},
                     {"rows", plan.survey.rows},
                     {"problem", goals::ProblemName(plan.problem)},
                     {"why_problem", plan.why_problem},
                     {"classes", list(plan.classes)},
                     {"label", plan.request.label},
                     {"key", plan.request.key},
                     {"time", plan.request.time},
                     {"features", list(NamesOf(plan, Use::kFeature))},
                     {"left_out", list(NamesOf(plan, Use::kLeftOut))},
                     {"best_column", plan.best_column},
                     {"best_score", plan.best_score},
                     {"split", Json::Make({{"train", plan.facts.train_rows},
                                           {"stop_early", plan.facts.stop_early_rows},
                                           {"evaluate", plan.facts.evaluate_rows}})},
                     {"findings", std::move(findings)}});
}

}  // namespace mw::steps
