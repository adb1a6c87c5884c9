// Endpoints use versions of the registry: what answers with one is neither deleted nor renamed. Any thread.
#pragma once

#include <string>

#include "registry/event.h"

namespace mw::app {

class EndpointUse final : public registry::VersionUse {
 public:
  Result<std::string> Of(db::Snapshot& snapshot, const registry::ModelName& name, std::int64_t version) override;
};

}  // namespace mw::app
