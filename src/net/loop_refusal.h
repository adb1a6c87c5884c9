// What the loop server says to a request that it cannot hand to its handler: no path may be known yet, so the body has
// the members that clients of each inference protocol look for. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "net/http_codec.h"

namespace mw::net {

/// {"error":"...","error_code":"PERMISSION_DENIED","message":"..."}: Open Inference and TensorFlow Serving's clients
/// read the first, MLflow's the others.
std::string RefusalBody(int status, std::string_view reason);
/// As AppendRefusal, with that body.
void AppendLoopRefusal(std::string& out, const Refusal& refusal);

}  // namespace mw::net
