// A model in XGBoost's own library, as mw-backend holds it: for what the forest engine cannot evaluate. The library is
// opened at run time. One thread, which is also the only one the library uses.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "serving/backend/worker_loop.h"

namespace mw::serving {

/// `path`: a model as XGBoost saves it (JSON, UBJ, the old binary format). One input "input" FP32 [-1, features], NaN
/// where a value is missing; one output "output" FP32, the objective's own answer over all trees: [-1], or [-1, K] for
/// K classes or targets. Errors: kFailedPrecondition without the library; kNotFound; kInvalidArgument with its words.
Result<std::unique_ptr<WorkerModel>> LoadXgboostModel(const std::string& path);

}  // namespace mw::serving
