// Runs pg_dump, so that a migration can be undone. Blocks; any thread.
#pragma once

#include <string>

#include "base/result.h"

namespace mw::db {

/// Writes one schema of the database to `target` in pg_dump's custom format, durably, replacing what was
/// there. The password travels in the child's environment, never in its arguments.
/// Errors: kFailedPrecondition - pg_dump is missing or failed, with its last words.
Status DumpPostgres(const std::string& conninfo, const std::string& schema, const std::string& target);

}  // namespace mw::db
