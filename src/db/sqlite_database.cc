// Puts lock, writer and readers together.
#include "db/sqlite_database.h"

#include <utility>

#include "base/text.h"
#include "db/backups.h"
#include "db/migrator.h"
#include "db/sqlite_connection.h"

namespace mw::db {

SqliteDatabase::SqliteDatabase(std::string path, FileDescriptor lock, std::unique_ptr<Connection> writer,
                               std::vector<std::unique_ptr<Connection>> readers)
    : path_(std::move(path)), lock_(std::move(lock)), writer_(std::move(writer)), readers_(std::move(readers)) {}

Result<std::unique_ptr<Database>> SqliteDatabase::Open(const std::string& path) {
  Result<FileDescriptor> lock = LockFile(Cat(path, ".lock"));
  if (!lock.ok() && lock.error().code == Code::kFailedPrecondition) {
    return FailedPrecondition("the database ", path,
                              " is open in another Millwright; stop that one, or name another home");
  }
  if (!lock.ok()) return lock.error();
  std::unique_ptr<Connection> writer = TRY(SqliteConnection::Open(path, Use::kWrite));
  std::vector<std::unique_ptr<Connection>> readers;
  for (int i = 0; i < ReaderPool::kReaders; ++i) readers.push_back(TRY(SqliteConnection::Open(path, Use::kRead)));
  return std::unique_ptr<Database>(new SqliteDatabase(path, std::move(*lock), std::move(writer), std::move(readers)));
}

Status SqliteDatabase::Migrate(const std::vector<Migration>& migrations) {
  return writer_.RunOutside([&](Connection& connection) {
    const Migrator migrator(Cat("the database ", path_), [&](std::int64_t steps) -> Status {
      TRY(static_cast<SqliteConnection&>(connection).BackUpTo(BackupPath(path_, steps)));
      RemoveOldBackups(path_, kBackupsKept);
      return Ok();
    });
    return migrator.Run(connection, migrations);
  });
}

void SqliteDatabase::Enqueue(std::function<Status(Transaction&)> work, std::function<void(Status)> done) {
  writer_.Enqueue(std::move(work), std::move(done));
}

void SqliteDatabase::EnqueueRead(std::function<Status(Snapshot&)> work, std::function<void(Status)> done) {
  readers_.Enqueue(std::move(work), std::move(done));
}

}  // namespace mw::db
