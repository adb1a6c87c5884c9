// Pipelines that were applied by name: the file's text and its folder, so that `run NAME` and schedules
// need no file at hand. A version never changes; applying the same text from the same folder again changes
// nothing. Any thread that runs coroutines.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "db/database.h"

namespace mw::pipelines {

struct Definition {
  std::string name;
  std::int64_t version = 0;  ///< 1, 2, ... for each name
  std::string source;
  std::string file_name;
  std::string base_directory;  ///< absolute: the file's folder
  Timestamp applied_at{};
};

struct AppliedDefinition {
  std::int64_t version = 0;  ///< the current one afterwards
  bool created = false;
  bool changed = false;
};

std::vector<db::Migration> DefinitionMigrations();

class Definitions {
 public:
  /// Both outlive this.
  Definitions(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  /// The text was checked by the caller (CompileYaml). With `dry_run` nothing is written.
  Task<Result<AppliedDefinition>> Apply(Definition definition, bool dry_run);
  /// Errors: kNotFound naming the pipelines there are.
  Task<Result<Definition>> Get(std::string name);
  /// The current version of each, by name.
  Task<Result<std::vector<Definition>>> List();
  /// Every version applied at or after `since`, oldest first, at most `limit`.
  Task<Result<std::vector<Definition>>> AppliedSince(Timestamp since, int limit);

 private:
  db::Database& database_;
  const Clock& clock_;
};

}  // namespace mw::pipelines
