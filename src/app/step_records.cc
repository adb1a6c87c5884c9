// The tracking run of every pipeline run, and verdicts on goals.
#include "app/step_records.h"

#include "base/text.h"

namespace mw::app {
namespace {

tracking::RunId TrackingId(const pipelines::RunId& run) { return tracking::RunId(run.text()); }

tracking::RunStatus StatusOf(pipelines::RunState state) {
  if (state == pipelines::RunState::kSucceeded) return tracking::RunStatus::kFinished;
  return state == pipelines::RunState::kFailed ? tracking::RunStatus::kFailed : tracking::RunStatus::kKilled;
}

std::int64_t ToMillis(Timestamp time) { return ToMicros(time) / 1000; }

std::string ParamText(const Json& value) { return value.IsString() ? value.AsString() : value.Dump(); }

}  // namespace

Status StepRecords::RunSubmitted(db::Transaction& transaction, const pipelines::RunRecord& run,
                                 const pipelines::Graph& graph) {
  tracking::NewRun tracked;
  tracked.id = TrackingId(run.id);
  tracked.experiment_name = graph.pipeline;
  // The experiment names the pipeline already; microseconds tell a person nothing.
  tracked.name = FormatTime(std::chrono::floor<std::chrono::seconds>(run.created));
  tracked.source = graph.pipeline;
  tracked.started = ToMillis(run.created);
  if (!graph.goal.empty()) tracked.tags["goal"] = graph.goal;
  TRY(tracking_.CreateRun(transaction, tracked));
  tracking::LogBatch batch;
  batch.run = tracked.id;
  batch.params.assign(graph.params.begin(), graph.params.end());
  return tracking::Tracking::Log(transaction, batch);
}

Status StepRecords::StepFinished(db::Transaction& transaction, const pipelines::FinishedStep& finished) {
  tracking::LogBatch batch;
  batch.run = TrackingId(finished.run);
  batch.param_rule = tracking::ParamRule::kLastStays;
  for (const auto& [name, value] : finished.result.metrics.AsObject()) {
    if (value.IsNull()) continue;  // a metric that does not exist here, like AuROC of one class
    batch.metrics.push_back({name, {ToMillis(finished.ended), 0, value.AsDouble()}});
  }
  for (const auto& [name, value] : finished.result.params.AsObject()) {
    batch.params.emplace_back(Cat(finished.step.name, ".", name), ParamText(value));
  }
  TRY(tracking::Tracking::Log(transaction, batch));
  return RecordVerdicts(transaction, finished);
}

Status StepRecords::RecordVerdicts(db::Transaction& transaction, const pipelines::FinishedStep& finished) const {
  for (const auto& [output, metadata] : finished.result.output_metadata) {
    const Json* targets = metadata.Find("targets");
    if (targets == nullptr) continue;
    const goals::Judgement judgement = TRY(goals::JudgementFromJson(*targets));
    goals::EvaluationContext context;
    context.id = Cat(finished.attempt_id, "/", output);
    context.stage = judgement.stage;
    context.model = judgement.model;
    context.run_id = finished.run.text();
    const Status recorded =
        goals_.Record(transaction, std::string("default"), judgement.goal, context, judgement.verdicts);
    // A goal file that was never applied has nowhere to keep verdicts; the step's report holds them.
    if (!recorded.ok() && recorded.error().code != Code::kNotFound) return recorded.error();
  }
  return Ok();
}

Status StepRecords::RunEnded(db::Transaction& transaction, const pipelines::RunRecord& run, pipelines::RunState state,
                             Timestamp at) {
  return tracking::Tracking::EndRun(transaction, TrackingId(run.id), StatusOf(state), ToMillis(at));
}

}  // namespace mw::app
