// The step `evaluate`.
#include "steps/steps.h"

namespace mw::steps {

Result<StepResult> RunEvaluate(const StepTask& task) {
  return Unimplemented("step \"", task.step, "\": evaluate is not built in yet");
}

}  // namespace mw::steps
