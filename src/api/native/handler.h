// What the handlers of this folder are written with: the words of net that they speak in, and what every address of
// theirs means. Included by the *_routes.cc alone.
#pragma once

#include <string>
#include <string_view>

#include "net/route.h"
#include "registry/model.h"

namespace mw::api::native {

using net::Method;
using net::Permission;
using net::Request;
using net::Responder;
using net::Response;

/// The project that every address is about: none of them names another.
inline constexpr std::string_view kProject = "default";

/// The model that {name} of the address is.
inline registry::ModelName ModelNameOf(const Request& request) {
  return {std::string(kProject), request.params.at("name")};
}

}  // namespace mw::api::native
