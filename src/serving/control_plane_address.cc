// Reads control_plane.json.
#include "serving/control_plane_address.h"

#include "base/file.h"
#include "base/json.h"

namespace mw::serving {
namespace {
constexpr std::size_t kControlPlaneBytesMax = 65'536;
}

std::string ControlPlanePath(const std::string& state_directory) { return state_directory + "/control_plane.json"; }

Result<ControlPlaneAddress> FindControlPlane(const std::string& state_directory, const ControlPlaneAddress& otherwise) {
  const Result<std::string> text = ReadFile(ControlPlanePath(state_directory), kControlPlaneBytesMax);
  if (!text.ok()) return otherwise;
  const Json file = TRY(Json::Parse(*text).In(ControlPlanePath(state_directory)));
  return ControlPlaneAddress{file.StringOr("url", otherwise.url), file.StringOr("token", otherwise.token)};
}

}  // namespace mw::serving
