// What is kept of pipeline runs beyond pipelines' own tables: a tracking run with the parameters and metrics
// of its steps, and the verdicts on goals that steps bring along. Written in the very transactions that
// submit the run, finish a step and end the run.
#pragma once

#include "base/clock.h"
#include "goals/goals.h"
#include "pipelines/step_recorder.h"
#include "tracking/tracking.h"

namespace mw::app {

class StepRecords final : public pipelines::StepRecorder {
 public:
  /// Both outlive this.
  StepRecords(const tracking::Tracking& tracking, const goals::Goals& goals) : tracking_(tracking), goals_(goals) {}

  Status RunSubmitted(db::Transaction& transaction, const pipelines::RunRecord& run,
                      const pipelines::Graph& graph) override;
  Status StepFinished(db::Transaction& transaction, const pipelines::FinishedStep& finished) override;
  Status RunEnded(db::Transaction& transaction, const pipelines::RunRecord& run, pipelines::RunState state,
                  Timestamp at) override;

 private:
  Status RecordVerdicts(db::Transaction& transaction, const pipelines::FinishedStep& finished) const;

  const tracking::Tracking& tracking_;
  const goals::Goals& goals_;
};

}  // namespace mw::app
