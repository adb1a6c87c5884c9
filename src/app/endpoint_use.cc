// The endpoints' names as words.
#include "app/endpoint_use.h"

#include "base/text.h"
#include "endpoints/endpoints.h"

namespace mw::app {

Result<std::string> EndpointUse::Of(db::Snapshot& snapshot, const registry::ModelName& name, std::int64_t version) {
  const std::vector<std::string> names = TRY(endpoints::Endpoints::Using(snapshot, name.model, version));
  return names.empty() ? std::string() : Cat("endpoint ", Quoted(names.front()));
}

}  // namespace mw::app
