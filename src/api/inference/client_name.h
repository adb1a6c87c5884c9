// Which client asks, as the rules of admission name it (wire::AdmissionRules). Pure, any thread.
#pragma once

#include <string>
#include <string_view>

#include "api/inference/inference_request.h"

namespace mw::api::inference {

/// The header's value; of "authorization" the bearer token's digest, "sha256:...", written into `digest`. Empty: nobody
/// by name.
std::string_view ClientName(const HeaderSource& headers, std::string_view client_header, std::string& digest);

}  // namespace mw::api::inference
