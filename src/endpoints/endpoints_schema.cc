// The schema of deployments.
#include "endpoints/endpoints.h"

namespace mw::endpoints {

std::vector<db::Migration> Migrations() {
  return {{"endpoints", 1, R"sql(
CREATE TABLE deployment (
  generation BIGINT NOT NULL PRIMARY KEY,
  endpoint TEXT NOT NULL,
  model TEXT NOT NULL,
  version BIGINT NOT NULL,
  package TEXT NOT NULL,
  cause TEXT NOT NULL,
  requested_by TEXT NOT NULL,
  idempotency_key TEXT NOT NULL UNIQUE,
  created BIGINT NOT NULL,
  ready_at BIGINT
);
CREATE INDEX deployment_by_endpoint ON deployment (endpoint, generation);
)sql"},
          // How versions share the requests, and the endpoint's settings, as JSON (wire/traffic.h); empty: one version.
          {"endpoints", 2, R"sql(
ALTER TABLE deployment ADD COLUMN sharing TEXT NOT NULL DEFAULT '';
)sql"},
          // Who is let in on all model servers, as JSON (wire/desired_state.h): the newest counts.
          {"endpoints", 3, R"sql(
CREATE TABLE admission (
  generation BIGINT NOT NULL PRIMARY KEY,
  rules TEXT NOT NULL,
  requested_by TEXT NOT NULL,
  idempotency_key TEXT NOT NULL UNIQUE,
  created BIGINT NOT NULL
);
)sql"}};
}

}  // namespace mw::endpoints
