// What pipelines tells of runs and finished steps, inside the very transaction that commits them, to whoever keeps
// experiments: the app plugs tracking in, so that a step's metrics land in the run where people look for them.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "db/database.h"
#include "pipelines/cache_key.h"
#include "pipelines/graph.h"
#include "pipelines/run.h"
#include "pipelines/step_protocol.h"

namespace mw::pipelines {

struct FinishedStep {
  RunId run;
  const Graph& graph;
  const Step& step;
  std::string attempt_id;   ///< of the attempt; for a reused step an id of its own
  std::string reused_from;  ///< the run whose outputs were reused; empty: the step ran
  std::vector<NamedArtifact> inputs;
  std::vector<NamedArtifact> outputs;
  std::vector<KeyPart> parts;  ///< code, options, files and inputs by digest
  StepResult result;
  Timestamp started{};
  Timestamp ended{};
};

/// Called inside closures of db.Write, perhaps more than once: touches nothing but the transaction.
class StepRecorder {
 public:
  virtual ~StepRecorder() = default;
  virtual Status RunSubmitted(db::Transaction& transaction, const RunRecord& run, const Graph& graph) = 0;
  virtual Status StepFinished(db::Transaction& transaction, const FinishedStep& finished) = 0;
  /// `run` as it was before; it ends in `state`.
  virtual Status RunEnded(db::Transaction& transaction, const RunRecord& run, RunState state, Timestamp at) = 0;
};

}  // namespace mw::pipelines
