// The database of simulations: one SQLite file on one connection, answering where the caller stands, so that a test of
// one thread decides the order of everything. Does not wait for the disk; a failed closure leaves nothing behind.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "db/database.h"
#include "db/migrator.h"
#include "db/sqlite_connection.h"

namespace mw::db {

class InlineDatabase final : public Database {
 public:
  /// Asserts that the file can be opened.
  explicit InlineDatabase(const std::string& path) {
    connection_ = std::move(*SqliteConnection::Open(path, Use::kWrite));
    MW_ASSERT(connection_->RunScript("PRAGMA synchronous=OFF").ok());
  }
  Status Migrate(const std::vector<Migration>& migrations) override {
    return Migrator("the test's database", [](std::int64_t) { return Ok(); }).Run(*connection_, migrations);
  }

 protected:
  void Enqueue(std::function<Status(Transaction&)> work, std::function<void(Status)> done) override {
    Status status = connection_->Begin();
    if (status.ok()) status = work(*connection_);
    if (status.ok()) {
      status = connection_->Commit();
    } else {
      connection_->Rollback();
    }
    done(status);
  }
  void EnqueueRead(std::function<Status(Snapshot&)> work, std::function<void(Status)> done) override {
    done(work(*connection_));
  }

 private:
  std::unique_ptr<SqliteConnection> connection_;
};

}  // namespace mw::db
