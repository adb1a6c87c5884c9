// The step `register`.
#include "steps/steps.h"

namespace mw::steps {

Result<StepResult> RunRegister(const StepTask& task) {
  return Unimplemented("step \"", task.step, "\": register is not built in yet");
}

}  // namespace mw::steps
