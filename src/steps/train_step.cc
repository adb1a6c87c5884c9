// train: rows, stop_early -> model. A package of XGBoost's trees with everything that serving needs: schema,
// vocabularies, the training rows' profile, and rows with XGBoost's own answers.
//
// The label comes from the goal, with.label or the dataset; the features are with.features, or every
// column that a model can take and that plays no role.
#include <algorithm>
#include <cmath>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "schema/encoder.h"
#include "schema/slice.h"
#include "steps/baseline_file.h"
#include "steps/boosting.h"
#include "steps/data_task.h"
#include "steps/encoded_rows.h"
#include "steps/judgement.h"
#include "steps/run_log.h"
#include "steps/step_options.h"
#include "steps/steps.h"
#include "wire/package.h"

namespace mw::steps {
namespace {

using schema::Column;
using schema::ColumnType;
using schema::Encoder;

constexpr std::size_t kWarmUpRows = 64;

// What is trained on, decided before any row is read.
struct TrainingPlan {
  std::optional<goals::Goal> goal;
  goals::Problem problem = goals::Problem::kBinaryClassification;
  data::Dataset dataset;
  std::string model;
  std::string label;
  std::vector<std::string> label_values;  ///< of two classes: how the label said no and yes before it was a truth value
  std::vector<std::string> features;
  std::vector<std::string> slices;  ///< features whose values are monitored one by one
  schema::Schema schema;            ///< features and roles only
};

Result<std::string> LabelOf(const StepTask& task, const TrainingPlan& plan) {
  const std::string given = TRY(TextOption(task, "label", ""));
  const std::string of_goal = plan.goal ? plan.goal->label : "";
  if (!given.empty() && !of_goal.empty() && given != of_goal) {
    return InvalidArgument("with.label is ", Quoted(given), ", the goal predicts ", Quoted(of_goal), "; keep one");
  }
  if (!given.empty()) return given;
  return of_goal.empty() ? plan.dataset.roles.label : of_goal;
}

bool IsRole(const TrainingPlan& plan, const std::string& column) {
  const data::Roles& roles = plan.dataset.roles;
  return column == plan.label || column == roles.label || column == roles.key || column == roles.event_time ||
         column == roles.known_at;
}

Result<std::vector<std::string>> FeaturesOf(const StepTask& task, const TrainingPlan& plan) {
  std::vector<std::string> features = TRY(TextsOption(task, "features", {}));
  for (const std::string& feature : features) {
    if (IsRole(plan, feature)) {
      return InvalidArgument("with.features: ", feature, " is the label, key or a time of the rows, not a feature");
    }
  }
  if (!features.empty()) return features;
  for (const Column& column : plan.dataset.columns) {
    if (schema::IsFeatureType(column.type) && !IsRole(plan, column.name)) features.push_back(column.name);
  }
  if (features.empty()) return InvalidArgument("the rows have no column that a model can take besides the label");
  return features;
}

// with.slices, then what the goal and its targets look at. A goal may look at what is no feature: nobody sees that
// column in production, so it is passed over.
Result<std::vector<std::string>> SlicesOf(const StepTask& task, const TrainingPlan& plan) {
  std::vector<std::string> slices = TRY(TextsOption(task, "slices", {}));
  const auto can = [&](const std::string& name) {
    const auto column = std::find_if(plan.dataset.columns.begin(), plan.dataset.columns.end(),
                                     [&](const Column& each) { return each.name == name; });
    return std::find(plan.features.begin(), plan.features.end(), name) != plan.features.end() &&
           column != plan.dataset.columns.end() && schema::CanSlice(column->type);
  };
  for (const std::string& name : slices) {
    if (!can(name)) {
      return InvalidArgument("with.slices: ", Quoted(name),
                             " is no feature with categories, truth values or whole numbers; name one that is");
    }
  }
  const auto take = [&](const std::vector<std::string>& wanted) {
    for (const std::string& name : wanted) {
      if (can(name) && std::find(slices.begin(), slices.end(), name) == slices.end()) slices.push_back(name);
    }
  };
  if (!plan.goal) return slices;
  take(plan.goal->slices);
  for (const goals::Target& target : plan.goal->targets) take(target.slices);
  return slices;
}

Result<std::vector<std::string>> LabelValuesOf(const StepTask& task, const TrainingPlan& plan) {
  std::vector<std::string> values = TRY(TextsOption(task, "label_values", {}));
  const bool pair = values.size() == 2 && values[0] != values[1];
  if (values.empty() || (pair && plan.problem == goals::Problem::kBinaryClassification)) return values;
  return InvalidArgument("with.label_values is for two classes, and has two different texts: how the label says no, ",
                         "then how it says yes");
}

schema::Schema SchemaOf(const TrainingPlan& plan) {
  schema::Schema schema = plan.dataset.AsSchema(plan.model);
  schema.label = schema.Find(plan.label) == nullptr ? "" : plan.label;
  std::erase_if(schema.columns, [&](const Column& column) {
    return column.name != schema.label && column.name != schema.event_time && column.name != schema.key &&
           std::find(plan.features.begin(), plan.features.end(), column.name) == plan.features.end();
  });
  return schema;
}

Result<TrainingPlan> MakePlan(const StepTask& task) {
  TrainingPlan plan;
  plan.goal = TRY(LoadGoal(task));
  if (plan.goal) plan.problem = plan.goal->problem;
  plan.dataset = TRY(data::ReadDataset(TRY(task.Input("rows"))));
  plan.model = plan.goal ? plan.goal->model : task.pipeline.empty() ? task.step : task.pipeline;
  plan.label = TRY(LabelOf(task, plan));
  plan.label_values = TRY(LabelValuesOf(task, plan));
  plan.features = TRY(FeaturesOf(task, plan));
  plan.slices = TRY(SlicesOf(task, plan));
  plan.schema = SchemaOf(plan);
  return plan;
}

std::string_view XgboostType(ColumnType type) {
  switch (type) {
    case ColumnType::kCategory: return "c";
    case ColumnType::kBoolean: return "i";
    case ColumnType::kInteger: return "int";
    default: return "q";
  }
}

FeatureInfo FeatureInfoOf(const Encoder& encoder) {
  FeatureInfo info;
  for (std::size_t i = 0; i < encoder.num_features(); ++i) {
    info.names.push_back(encoder.feature_names()[i]);
    info.types.emplace_back(XgboostType(encoder.column(static_cast<int>(i)).type));
  }
  return info;
}

Result<TrainingMatrix> MatrixOf(const EncodedRows& rows, const FeatureInfo& features) {
  return TrainingMatrix::Make(rows.values, rows.count, features,
                              std::vector<float>(rows.labels.begin(), rows.labels.end()));
}

Status CheckLabelsDiffer(const EncodedRows& rows, const std::string& label) {
  const double first = rows.labels.front();
  if (std::any_of(rows.labels.begin(), rows.labels.end(), [first](double other) { return other != first; })) {
    return Ok();
  }
  return InvalidArgument("all ", rows.count, " training rows have ", label, " = ",
                         rows.classes.empty() ? Cat(first) : rows.classes[static_cast<std::size_t>(first)],
                         "; a model needs rows of different kinds");
}

Objective ObjectiveOf(const TrainingPlan& plan, const EncodedRows& rows) {
  Objective objective;
  objective.problem = plan.problem;
  objective.classes = std::max<std::size_t>(rows.classes.size(), 2);
  // Sums that begin at the mean need no trees to get there.
  if (plan.problem == goals::Problem::kRegression) objective.base_score = evaluation::ConstantsOf(rows.labels).mean;
  return objective;
}

// A client's view of one encoded value: it encodes to exactly these bits again.
Json AsSent(const Column& column, float value) {
  if (std::isnan(value)) return nullptr;
  if (column.type == ColumnType::kCategory) return column.vocabulary[static_cast<std::size_t>(value)];
  if (column.type == ColumnType::kBoolean) return value != 0;
  if (column.type == ColumnType::kInteger) return static_cast<std::int64_t>(value);
  return static_cast<double>(value);
}

// Rows from all over the training data, then two that it may not have: nothing known, and every category new.
struct WarmUpRows {
  std::vector<float> values;
  std::vector<Json> sent;
};

void AddRow(const Encoder& encoder, std::span<const float> values, WarmUpRows& out) {
  Json row = Json::MakeObject();
  for (std::size_t i = 0; i < values.size(); ++i) {
    row[encoder.feature_names()[i]] = AsSent(encoder.column(static_cast<int>(i)), values[i]);
  }
  out.values.insert(out.values.end(), values.begin(), values.end());
  out.sent.push_back(std::move(row));
}

WarmUpRows ChooseWarmUp(const Encoder& encoder, const EncodedRows& rows) {
  WarmUpRows out;
  const std::size_t chosen = std::min(kWarmUpRows, rows.count);
  const auto row_at = [&](std::size_t row) {
    return std::span<const float>(rows.values).subspan(row * rows.num_features, rows.num_features);
  };
  for (std::size_t i = 0; i < chosen; ++i) AddRow(encoder, row_at(i * rows.count / chosen), out);
  std::vector<float> unknown(row_at(0).begin(), row_at(0).end()), unseen = unknown;
  for (std::size_t i = 0; i < encoder.num_features(); ++i) {
    const Column& column = encoder.column(static_cast<int>(i));
    if (!column.required) unknown[i] = Encoder::kMissing;
    if (column.type == ColumnType::kCategory) unseen[i] = Encoder::kMissing;
  }
  AddRow(encoder, unknown, out);
  AddRow(encoder, unseen, out);
  for (std::size_t i = 0; i < encoder.num_features(); ++i) {
    if (encoder.column(static_cast<int>(i)).type == ColumnType::kCategory) {
      out.sent.back()[encoder.feature_names()[i]] = "\x01 not in any vocabulary";
    }
  }
  return out;
}

Result<wire::WarmUp> WarmUpOf(const Encoder& encoder, const EncodedRows& rows, const std::string& model_path) {
  const FeatureInfo features = FeatureInfoOf(encoder);
  WarmUpRows chosen = ChooseWarmUp(encoder, rows);
  const Booster booster = TRY(Booster::Load(model_path));
  const TrainingMatrix matrix = TRY(TrainingMatrix::Make(chosen.values, chosen.sent.size(), features, {}));
  wire::WarmUp warm_up;
  warm_up.rows = std::move(chosen.sent);
  warm_up.margins = TRY(booster.Predict(matrix, Booster::Answer::kMargin));
  warm_up.probabilities = TRY(booster.Predict(matrix, Booster::Answer::kProbability));
  return warm_up;
}

std::string DigestOf(const StepTask& task, std::string_view input) {
  const auto found = task.inputs.find(std::string(input));
  return found == task.inputs.end() ? std::string() : found->second.digest;
}

Json LineageOf(const StepTask& task, const TrainingPlan& plan, const BoostingOptions& options, const EncodedRows& rows,
               const Boosted& boosted) {
  Json training = Json::Make({{"rows", static_cast<std::int64_t>(rows.count)}});
  rows.LabelsOf(plan.problem).AddTo(training);
  training["until"] = rows.times.empty()
                          ? Json()
                          : Json(FormatTime(FromMicros(*std::max_element(rows.times.begin(), rows.times.end()))));
  training["trees"] = boosted.rounds_kept;
  return Json::Make(
      {{"pipeline", task.pipeline},
       {"step", task.step},
       {"goal", plan.goal ? plan.goal->name : ""},
       {"inputs", Json::Make({{"rows", DigestOf(task, "rows")}, {"stop_early", DigestOf(task, "stop_early")}})},
       {"params", options.ToJson()},
       {"training", std::move(training)}});
}

Status WriteModel(const StepTask& task, const TrainingPlan& plan, const Encoder& encoder,
                  const BoostingOptions& options, const EncodedRows& rows, const Boosted& boosted) {
  const std::string directory = TRY(task.Output("model"));
  TRY(MakeDirectories(directory));
  const std::string model_path = Cat(directory, "/model.json");
  TRY(boosted.booster.Save(model_path, FeatureInfoOf(encoder)));
  TRY(WriteFileDurably(Cat(directory, "/profile.json"), plan.dataset.profile.DumpPretty() + "\n"));
  wire::Package package;
  package.info.model = plan.model;
  package.info.features = plan.features;
  const bool binary = plan.problem == goals::Problem::kBinaryClassification;
  if (plan.goal && binary) package.info.threshold = plan.goal->threshold;
  package.info.type = goals::ProblemName(plan.problem);
  package.info.classes = rows.classes;
  package.info.label = plan.label;
  package.info.label_values = plan.label_values;
  package.info.run_id = task.run_id;
  package.info.lineage = LineageOf(task, plan, options, rows, boosted);
  package.schema = schema::ToJson(plan.schema);
  package.warm_up = TRY(WarmUpOf(encoder, rows, model_path));
  return wire::WritePackage(directory, package);
}

// The goal's first look at the model: on the rows that stopped the training, without intervals.
Result<evaluation::Report> Experiment(const TrainingPlan& plan, const EncodedRows& rows, const Boosted& boosted,
                                      const TrainingMatrix& matrix, evaluation::TrainingLabels training) {
  const std::vector<float> answers = TRY(boosted.booster.Predict(matrix, Booster::Answer::kProbability));
  evaluation::MeasureOptions options;
  options.threshold = plan.goal ? plan.goal->threshold : 0.5;
  options.training = std::move(training);
  options.bootstrap.replicates = 0;
  options.costs = evaluation::CostsOf(plan.goal ? &*plan.goal : nullptr);
  return evaluation::MeasureAnswers(
      rows.AnsweredWith(plan.problem, std::vector<double>(answers.begin(), answers.end()), {}), {}, options);
}

StepResult ResultOf(const TrainingPlan& plan, const BoostingOptions& options, const EncodedRows& rows,
                    const Boosted& boosted, std::string_view loss) {
  StepResult result;
  result.params = options.ToJson();
  result.params["features"] = static_cast<std::int64_t>(plan.features.size());
  result.params["label"] = plan.label;
  result.metrics = Json::Make({{"trees", boosted.rounds_kept},
                               {"rounds_run", boosted.rounds_run},
                               {"train.rows", static_cast<std::int64_t>(rows.count)}});
  if (plan.problem == goals::Problem::kBinaryClassification) {
    result.metrics["train.positive_share"] = *rows.LabelsOf(plan.problem).positive_share;
  }
  result.metrics[Cat("train.", loss)] = boosted.train_loss;
  result.summary = Cat(WithThousands(static_cast<long long>(rows.count)), " rows, ", plan.features.size(),
                       " features, ", boosted.rounds_kept, " trees");
  if (boosted.stop_early_loss) {
    CatTo(result.summary, ", ", loss == "log_loss" ? "log loss" : loss, " ", Fixed(*boosted.stop_early_loss, 4),
          " on stop_early");
  }
  if (rows.unlabelled > 0)
    CatTo(result.summary, "; ", WithThousands(rows.unlabelled), " rows without a label left out");
  return result;
}

Result<std::optional<EncodedRows>> LoadStopEarly(const StepTask& task, const RowsWanted& wanted) {
  if (!task.inputs.contains("stop_early")) return std::optional<EncodedRows>();
  EncodedRows rows = TRY(LoadRows(task, "stop_early", wanted));
  if (rows.classes.size() > wanted.classes.size()) {
    return InvalidArgument("stop_early has the class ", Quoted(rows.classes[wanted.classes.size()]), " of ",
                           wanted.label, ", the training rows have no such; split otherwise, or join rare classes");
  }
  return std::optional<EncodedRows>(std::move(rows));
}

}  // namespace

Result<StepResult> RunTrain(const StepTask& task) {
  TRY(task.CheckOptions({"algorithm", "label", "label_values", "features", "max_depth", "learning_rate", "max_rounds",
                         "early_stopping_rounds", "min_child_weight", "subsample", "colsample_bytree", "reg_lambda",
                         "seed", "slices"}));
  const BoostingOptions options = TRY(BoostingOptions::Read(task));
  const TrainingPlan plan = TRY(MakePlan(task));
  const Encoder encoder = TRY(Encoder::Make(plan.schema, plan.features));
  RowsWanted wanted{&encoder, plan.label, {}, plan.problem};
  const EncodedRows rows = TRY(LoadRows(task, "rows", wanted));
  TRY(CheckLabelsDiffer(rows, plan.label));
  wanted.classes = rows.classes;
  const std::optional<EncodedRows> stop_rows = TRY(LoadStopEarly(task, wanted));

  const FeatureInfo features = FeatureInfoOf(encoder);
  const TrainingMatrix train = TRY(MatrixOf(rows, features));
  std::optional<TrainingMatrix> stop_early;
  if (stop_rows) stop_early.emplace(TRY(MatrixOf(*stop_rows, features)));
  const RealClock clock;
  RunLog log(task, clock);
  const Objective objective = ObjectiveOf(plan, rows);
  const Boosted boosted =
      TRY(Boost(train, stop_early ? &*stop_early : nullptr, objective, options,
                [&](std::string_view name, int round, double value) { log.Metric(name, round, value); }));
  const std::vector<float> answers = TRY(boosted.booster.Predict(train, Booster::Answer::kProbability));
  const std::string directory = TRY(task.Output("model"));
  const BaselineSource baseline{encoder, rows, plan.label, plan.dataset.roles.event_time, answers};
  TRY(WriteBaseline(directory, baseline));
  const SlicesKept slices = TRY(WriteSlices(directory, baseline, plan.slices));
  TRY(WriteModel(task, plan, encoder, options, rows, boosted));

  StepResult result = ResultOf(plan, options, rows, boosted, objective.loss());
  result.metrics["train.slices"] = static_cast<std::int64_t>(slices.slices);
  result.metrics["train.slices_bytes"] = static_cast<std::int64_t>(slices.bytes);
  result.output_metadata["model"] = Json::Make({{"model", plan.model}, {"trees", boosted.rounds_kept}});
  if (stop_rows) {
    const evaluation::Report report =
        TRY(Experiment(plan, *stop_rows, boosted, *stop_early, rows.LabelsOf(plan.problem)));
    const Json metrics = MetricsOf(report);
    for (const auto& [name, value] : metrics.AsObject()) result.metrics[Cat("stop_early.", name)] = value;
    if (plan.goal)
      result.output_metadata["model"]["targets"] = JudgeTargets(*plan.goal, goals::Stage::kExperiment, report);
  }
  log.Finish(result.params);
  return result;
}

}  // namespace mw::steps
