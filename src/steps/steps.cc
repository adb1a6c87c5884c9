// The table of built-in steps.
#include "steps/steps.h"

#include <array>

#include "steps/batch_tool.h"
#include "steps/init_step.h"
#include "steps/labels_tool.h"
#include "steps/register_tool.h"
#include "steps/replay_step.h"

namespace mw::steps {
namespace {

constexpr std::array kSteps = {
    StepEntry{"import", "read Parquet and CSV files into datasets", RunImport},
    StepEntry{"sql", "make rows from datasets by a query", RunSql},
    StepEntry{"split", "cut rows by event time: train, stop_early, evaluate", RunSplit},
    StepEntry{"validate", "hold rows against a schema: report, quarantine or fail", RunValidate},
    StepEntry{"profile", "count, range, quantiles and top values of every column", RunProfile},
    StepEntry{"train", "train a model, stopping early", RunTrain},
    StepEntry{"evaluate", "metrics, slices and intervals of a model on rows", RunEvaluate},
    StepEntry{"gate", "hold a report against the goal's targets and the version in production", RunGate},
    StepEntry{"register", "make a model package a version of a model", RunRegister},
    StepEntry{"deploy", "serve a version at an endpoint", RunDeploy},
};

constexpr std::array kTools = {
    ToolEntry{"bring", "register a model that was trained elsewhere", BringModel},
    ToolEntry{"init", "write goal, pipeline, schema and features for a table of one's own", Init},
    ToolEntry{"predict", "the rows of files through a model into one Parquet file", PredictBatch},
    ToolEntry{"rows", "print a dataset's rows as JSON lines, in event-time order", PrintRows},
    ToolEntry{"labels", "bring the labels in a file to an endpoint's predictions", SendLabels},
    ToolEntry{"replay", "send a dataset's rows to a model server, each row its own request", Replay},
};

}  // namespace

std::span<const StepEntry> AllSteps() { return kSteps; }

Result<const StepEntry*> FindStep(std::string_view name) {
  std::vector<std::string_view> names;
  for (const StepEntry& entry : kSteps) {
    if (entry.name == name) return &entry;
    names.push_back(entry.name);
  }
  const std::string_view nearest = Nearest(name, names);
  return NotFound("no built-in step ", Quoted(name), nearest.empty() ? "" : "; did you mean ",
                  nearest.empty() ? "" : Quoted(nearest), "; `mw-step --list` shows them");
}

std::span<const ToolEntry> AllTools() { return kTools; }

}  // namespace mw::steps
