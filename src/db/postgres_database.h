// The database for more than one machine: PostgreSQL 15 or newer, through libpq. One control plane at a
// time writes to a database (or to a schema of it, by search_path): the writer holds an advisory lock.
// While the server is away everything answers kUnavailable; connections come back by themselves.
// Any thread; owned by app/.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "db/database.h"
#include "db/group_writer.h"
#include "db/reader_pool.h"

namespace mw::db {

struct PostgresOptions {
  std::string conninfo;            ///< as libpq documents it: "host=... dbname=..." or a postgresql:// URI
  std::string backup_directory{};  ///< where pg_dump writes before a migration; must exist
  bool no_backup = false;          ///< migrate without: the operator has backups of their own
};

class PostgresDatabase final : public Database {
 public:
  static constexpr std::size_t kBackupsKept = 3;  ///< of `backup_directory`/postgres.dump.before-<steps>

  /// Errors: kUnavailable no answer; kFailedPrecondition another control plane uses it, or its encoding
  /// is not UTF8; kInvalidArgument a conninfo that cannot be read.
  static Result<std::unique_ptr<Database>> Open(PostgresOptions options);

  /// The backup is in pg_dump's custom format, for pg_restore. Errors besides: kFailedPrecondition
  /// pg_dump is not installed or failed.
  Status Migrate(const std::vector<Migration>& migrations) override;

 protected:
  void Enqueue(std::function<Status(Transaction&)> work, std::function<void(Status)> done) override;
  void EnqueueRead(std::function<Status(Snapshot&)> work, std::function<void(Status)> done) override;

 private:
  PostgresDatabase(PostgresOptions options, std::unique_ptr<Connection> writer,
                   std::vector<std::unique_ptr<Connection>> readers);
  Status BackUp(const std::string& schema, std::int64_t steps) const;

  PostgresOptions options_;
  GroupWriter writer_;
  ReaderPool readers_;
};

}  // namespace mw::db
