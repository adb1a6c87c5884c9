// Puts writer, readers and backups together.
#include "db/postgres_database.h"

#include <utility>

#include "base/text.h"
#include "db/backups.h"
#include "db/migrator.h"
#include "db/postgres_connection.h"
#include "db/postgres_dump.h"

namespace mw::db {

PostgresDatabase::PostgresDatabase(PostgresOptions options, std::unique_ptr<Connection> writer,
                                   std::vector<std::unique_ptr<Connection>> readers)
    : options_(std::move(options)), writer_(std::move(writer)), readers_(std::move(readers)) {}

Result<std::unique_ptr<Database>> PostgresDatabase::Open(PostgresOptions options) {
  std::unique_ptr<Connection> writer = TRY(PostgresConnection::Open(options.conninfo, Use::kWrite));
  std::vector<std::unique_ptr<Connection>> readers;
  for (int i = 0; i < ReaderPool::kReaders; ++i) {
    readers.push_back(TRY(PostgresConnection::Open(options.conninfo, Use::kRead)));
  }
  return std::unique_ptr<Database>(new PostgresDatabase(std::move(options), std::move(writer), std::move(readers)));
}

Status PostgresDatabase::BackUp(const std::string& schema, std::int64_t steps) const {
  if (options_.no_backup) return Ok();
  const std::string prefix = Cat(options_.backup_directory, "/postgres.dump");
  TRY(DumpPostgres(options_.conninfo, schema, BackupPath(prefix, steps)));
  RemoveOldBackups(prefix, kBackupsKept);
  return Ok();
}

Status PostgresDatabase::Migrate(const std::vector<Migration>& migrations) {
  return writer_.RunOutside([&](Connection& connection) -> Status {
    auto& postgres = static_cast<PostgresConnection&>(connection);
    const std::string schema = TRY(postgres.SchemaName());
    const Migrator migrator(postgres.Where(), [&](std::int64_t steps) { return BackUp(schema, steps); });
    return migrator.Run(connection, migrations);
  });
}

void PostgresDatabase::Enqueue(std::function<Status(Transaction&)> work, std::function<void(Status)> done) {
  writer_.Enqueue(std::move(work), std::move(done));
}

void PostgresDatabase::EnqueueRead(std::function<Status(Snapshot&)> work, std::function<void(Status)> done) {
  readers_.Enqueue(std::move(work), std::move(done));
}

}  // namespace mw::db
