// Where the control plane is that a model server follows. A local one writes its address and token into a file of
// the server's state directory, which wins over what the server was started with: a control plane that comes
// back at another address says so there. Whoever talks to it looks again whenever it does not answer.
// Any thread.
#pragma once

#include <string>

#include "base/result.h"

namespace mw::serving {

struct ControlPlaneAddress {
  std::string url;
  std::string token;  ///< with the permission to follow; may be empty on loopback
};

/// STATE/control_plane.json {"url","token"}, mode 0600.
std::string ControlPlanePath(const std::string& state_directory);
/// What that file says, else `otherwise`. Errors: kInvalidArgument for a file that is no JSON.
Result<ControlPlaneAddress> FindControlPlane(const std::string& state_directory, const ControlPlaneAddress& otherwise);

}  // namespace mw::serving
