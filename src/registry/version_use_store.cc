// SQL of what versions were made of.
#include "registry/version_use.h"

#include "base/text.h"

namespace mw::registry {

Result<std::string> VersionOfRun(db::Snapshot& snapshot, std::string_view run_id) {
  const db::Rows rows = TRY(
      snapshot.Query("SELECT model, version FROM registry_versions WHERE run_id = ? ORDER BY model, version LIMIT 1",
                     {std::string(run_id)}));
  return rows.empty() ? std::string() : Cat("model ", Quoted(rows[0].Text(0)), " version ", rows[0].Int(1));
}

}  // namespace mw::registry
