// The step `deploy`.
#include "steps/steps.h"

namespace mw::steps {

Result<StepResult> RunDeploy(const StepTask& task) {
  return Unimplemented("step \"", task.step, "\": deploy is not built in yet");
}

}  // namespace mw::steps
