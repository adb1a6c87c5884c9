// evaluate: model, rows -> report. How good the model is on rows it has not seen: overall and by slice,
// with intervals from whole blocks, beside no model and the trivial model, against the goal's targets.
#include <algorithm>
#include <cstdio>

#include "base/file.h"
#include "base/text.h"
#include "steps/encoded_rows.h"
#include "steps/judgement.h"
#include "steps/scoring.h"
#include "steps/step_options.h"
#include "steps/steps.h"

namespace mw::steps {
namespace {

struct EvaluationPlan {
  std::optional<goals::Goal> goal;
  std::vector<std::string> slices;
  std::vector<std::string> blocks;  ///< columns that make blocks beside the hour
  evaluation::MeasureOptions options;

  [[nodiscard]] std::vector<std::string> Texts() const {
    std::vector<std::string> texts = slices;
    for (const std::string& column : blocks) {
      if (std::find(texts.begin(), texts.end(), column) == texts.end()) texts.push_back(column);
    }
    return texts;
  }
};

double ThresholdOf(const EvaluationPlan& plan, const wire::PackageInfo& info) {
  return plan.goal ? plan.goal->threshold : info.threshold.value_or(0.5);
}

Result<EvaluationPlan> MakePlan(const StepTask& task, const wire::PackageInfo& info) {
  EvaluationPlan plan;
  plan.goal = TRY(LoadGoal(task));
  plan.slices = TRY(TextsOption(task, "slices", plan.goal ? plan.goal->slices : std::vector<std::string>()));
  plan.blocks = TRY(TextsOption(task, "blocks", {}));
  plan.options.threshold = ThresholdOf(plan, info);
  if (const Json* training = info.lineage.Find("training")) {
    plan.options.training = evaluation::TrainingLabels::FromJson(*training, info.classes.size());
  }
  plan.options.costs = evaluation::CostsOf(plan.goal ? &*plan.goal : nullptr);
  plan.options.bootstrap.confidence = TRY(ShareOption(task, "confidence", 0.95));
  if (!(plan.options.bootstrap.confidence >= 0.5 && plan.options.bootstrap.confidence <= 0.999)) {
    return InvalidArgument("with.confidence is ", plan.options.bootstrap.confidence,
                           "; write a share from 50% to 99.9%");
  }
  plan.options.bootstrap.keep_draws = true;
  plan.options.bootstrap.seed = static_cast<std::uint64_t>(TRY(WholeOption(task, "seed", 1, {0, 2'147'483'647})));
  return plan;
}

void Describe(const StepTask& task, const EvaluationPlan& plan, const LoadedModel& model, const EncodedRows& rows,
              const std::string& event_time, evaluation::Report& report) {
  report.model = model.package.info.model;
  report.label = model.package.info.label;
  report.data_digest = task.inputs.at("rows").digest;
  report.block = DescribeBlocks(event_time, plan.blocks);
  report.currency = plan.goal ? plan.goal->Currency() : "";
  if (rows.times.empty()) return;
  const auto [first, last] = std::minmax_element(rows.times.begin(), rows.times.end());
  report.from = FormatTime(FromMicros(*first));
  report.until = FormatTime(FromMicros(*last));
}

std::vector<evaluation::SliceColumn> SlicesOf(const EvaluationPlan& plan, const EncodedRows& rows) {
  std::vector<evaluation::SliceColumn> slices;
  for (const evaluation::SliceColumn& column : rows.texts) {
    if (std::find(plan.slices.begin(), plan.slices.end(), column.name) != plan.slices.end()) slices.push_back(column);
  }
  return slices;
}

StepResult ResultOf(const EvaluationPlan& plan, const EncodedRows& rows, const evaluation::Report& report) {
  StepResult result;
  result.summary = evaluation::Summary(report);
  if (rows.unlabelled > 0)
    CatTo(result.summary, "; ", WithThousands(rows.unlabelled), " rows without a label left out");
  result.metrics = MetricsOf(report);
  result.metrics["unlabelled"] = rows.unlabelled;
  const bool binary = report.problem == goals::Problem::kBinaryClassification;
  result.params = Json::Make({{"threshold", binary ? Json(report.threshold) : Json()},
                              {"slices", Join(plan.slices, ", ")},
                              {"block", report.block},
                              {"confidence", report.confidence},
                              {"replicates", report.replicates},
                              {"seed", static_cast<std::int64_t>(report.seed)}});
  return result;
}

}  // namespace

Result<StepResult> RunEvaluate(const StepTask& task) {
  TRY(task.CheckOptions({"slices", "blocks", "confidence", "seed"}));
  const LoadedModel model = TRY(LoadModel(TRY(task.Input("model"))).In("model"));
  const EvaluationPlan plan = TRY(MakePlan(task, model.package.info));
  const data::Dataset dataset = TRY(data::ReadDataset(TRY(task.Input("rows"))));
  const EncodedRows rows = TRY(LoadRows(task, "rows", model.Wants(model.package.info.label, plan.Texts())));
  evaluation::Report report =
      TRY(evaluation::MeasureAnswers(rows.AnsweredWith(model.problem, Score(model, rows), BlocksOf(rows, plan.blocks)),
                                     SlicesOf(plan, rows), plan.options));
  Describe(task, plan, model, rows, dataset.roles.event_time, report);
  TRY(WriteFileDurably(TRY(task.Output("report")), evaluation::ToJson(report).DumpPretty() + "\n"));

  const std::string table = evaluation::ReportTable(report) + "\n";
  std::fwrite(table.data(), 1, table.size(), stdout);
  StepResult result = ResultOf(plan, rows, report);
  result.output_metadata["report"] = Json::Make({{"model", report.model}, {"rows", report.counts.rows}});
  if (plan.goal) {
    result.output_metadata["report"]["targets"] = JudgeTargets(*plan.goal, goals::Stage::kEvaluation, report);
  }
  return result;
}

}  // namespace mw::steps
