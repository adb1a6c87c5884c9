// The step `train`.
#include "steps/steps.h"

namespace mw::steps {

Result<StepResult> RunTrain(const StepTask& task) {
  return Unimplemented("step \"", task.step, "\": train is not built in yet");
}

}  // namespace mw::steps
