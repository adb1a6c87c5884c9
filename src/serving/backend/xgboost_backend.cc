// The XGBoost backend's arguments.
#include "serving/backend/xgboost_backend.h"

namespace mw::serving {

Result<std::unique_ptr<Backend>> StartXgboostBackend(const std::string& path, const NativeBackendOptions& options) {
  return StartNativeBackend("xgboost", path, {}, 0, options);
}

}  // namespace mw::serving
