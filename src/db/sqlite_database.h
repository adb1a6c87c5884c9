// The embedded database: one SQLite file in write-ahead mode, flushed to disk at every commit
// (synchronous=FULL). Locked for one process by `<path>.lock`. Any thread; owned by app/.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "db/database.h"
#include "db/group_writer.h"
#include "db/reader_pool.h"

namespace mw::db {

class SqliteDatabase final : public Database {
 public:
  static constexpr std::size_t kBackupsKept = 3;  ///< of `<path>.before-<steps>`, made by Migrate

  /// Makes the file when absent (its directory must exist). Errors, each one sentence: kFailedPrecondition
  /// another process has it open; kInvalidArgument not a database of Millwright; kDataLoss damaged;
  /// kPermissionDenied; kResourceExhausted disk full.
  static Result<std::unique_ptr<Database>> Open(const std::string& path);

  /// The backup is `<path>.before-<n>`, n being the number of schema steps it has.
  Status Migrate(const std::vector<Migration>& migrations) override;

 protected:
  void Enqueue(std::function<Status(Transaction&)> work, std::function<void(Status)> done) override;
  void EnqueueRead(std::function<Status(Snapshot&)> work, std::function<void(Status)> done) override;

 private:
  SqliteDatabase(std::string path, FileDescriptor lock, std::unique_ptr<Connection> writer,
                 std::vector<std::unique_ptr<Connection>> readers);

  std::string path_;
  FileDescriptor lock_;
  GroupWriter writer_;
  ReaderPool readers_;
};

}  // namespace mw::db
