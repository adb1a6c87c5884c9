// `mw-step bring`: a model that was trained elsewhere becomes a version of a registered model. One thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace mw::steps {

/// bring MODEL PATH --url URL --state DIR [--schema FILE] [--threshold NUMBER] [--warm-up FILE] [--alias NAME]
/// [--python INTERPRETER] [--json]. DIR keeps the environments of MLflow's models: a model server's own, so that it
/// finds what was made here. The token is MILLWRIGHT_TOKEN. Errors: those of MakePackage; those of the control plane.
Status BringModel(const std::vector<std::string>& arguments);

}  // namespace mw::steps
