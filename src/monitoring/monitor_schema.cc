// The schema of evaluated windows and of endpoints' settings.
#include "monitoring/monitoring.h"

namespace mw::monitoring {

std::vector<db::Migration> Migrations() {
  return {{"monitoring", 1, R"sql(
CREATE TABLE monitored_window (
  endpoint TEXT NOT NULL,
  version BIGINT NOT NULL,
  window_start BIGINT NOT NULL,
  window_length BIGINT NOT NULL,
  fingerprint TEXT NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (endpoint, version, window_start)
);
)sql"},
          {"monitoring", 2, R"sql(
CREATE TABLE monitoring_settings (
  endpoint TEXT NOT NULL PRIMARY KEY,
  document TEXT NOT NULL
);
)sql"}};
}

}  // namespace mw::monitoring
