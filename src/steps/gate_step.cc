// The step `gate`.
#include "steps/steps.h"

namespace mw::steps {

Result<StepResult> RunGate(const StepTask& task) {
  return Unimplemented("step \"", task.step, "\": gate is not built in yet");
}

}  // namespace mw::steps
