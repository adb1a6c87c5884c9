// A backend that runs a model with XGBoost's own library, in workers of mw-backend: for what the forest engine cannot
// evaluate. Any thread; blocks until every worker has loaded the model.
#pragma once

#include <memory>
#include <string>

#include "serving/backend/backend.h"
#include "serving/backend/native_backend.h"

namespace mw::serving {

/// `path`: a model as XGBoost saves it (JSON, UBJ, binary), absolute. One FP32 input "input" [-1, features] (NaN:
/// missing) and one FP32 output "output" [-1] or [-1, K]; info().feature_names when the file has them. Errors:
/// kInvalidArgument in the library's words; kFailedPrecondition without the library; those of StartNativeBackend.
Result<std::unique_ptr<Backend>> StartXgboostBackend(const std::string& path, const NativeBackendOptions& options);

}  // namespace mw::serving
