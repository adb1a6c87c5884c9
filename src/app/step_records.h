// A tracking run for every pipeline run, with the parameters and metrics of its steps, written in the very
// transactions that submit the run, finish a step and end the run.
#pragma once

#include "base/clock.h"
#include "pipelines/step_recorder.h"
#include "tracking/tracking.h"

namespace mw::app {

class StepRecords final : public pipelines::StepRecorder {
 public:
  /// It outlives this.
  explicit StepRecords(const tracking::Tracking& tracking) : tracking_(tracking) {}

  Status RunSubmitted(db::Transaction& transaction, const pipelines::RunRecord& run,
                      const pipelines::Graph& graph) override;
  Status StepFinished(db::Transaction& transaction, const pipelines::FinishedStep& finished) override;
  Status RunEnded(db::Transaction& transaction, const pipelines::RunRecord& run, pipelines::RunState state,
                  Timestamp at) override;

 private:
  const tracking::Tracking& tracking_;
};

}  // namespace mw::app
