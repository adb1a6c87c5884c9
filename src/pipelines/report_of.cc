// From a package back to its evaluation.
#include "pipelines/report_of.h"

namespace mw::pipelines {
namespace {

const NamedArtifact* OutputOf(const RunDetails& run, std::string_view step, std::string_view output) {
  for (const TaskDetails& task : run.tasks) {
    if (task.record.step != step) continue;
    for (const NamedArtifact& artifact : task.record.outputs) {
      if (artifact.name == output) return &artifact;
    }
  }
  return nullptr;
}

bool Judged(const RunDetails& run, const Step& step, std::string_view package) {
  for (const Input& input : step.inputs) {
    if (input.name != "model") continue;
    const NamedArtifact* model = OutputOf(run, input.step, input.output);
    if (model != nullptr && model->artifact.digest == package) return true;
  }
  return false;
}

}  // namespace

const NamedArtifact* ReportOf(const RunDetails& run, std::string_view package) {
  for (const Step& step : run.graph.steps) {
    if (step.uses != "evaluate" || !Judged(run, step, package)) continue;
    if (const NamedArtifact* report = OutputOf(run, step.name, "report")) return report;
  }
  return nullptr;
}

}  // namespace mw::pipelines
