// One connection of a driver: what SQLite and PostgreSQL must each provide; everything above it (group
// commit, reader pool, migrations) is written once. Used by one thread at a time. Internal to db.
#pragma once

#include <string_view>

#include "db/database.h"
#include "db/scan.h"

namespace mw::db {

/// What a connection was opened for; kForeign: to write a database that is another program's.
enum class Use { kWrite, kRead, kForeign };

class Connection : public Transaction, public Scanner {
 public:
  /// Starts a transaction (kWrite) or takes a snapshot (kRead). A connection that was lost is made again.
  /// Errors: kUnavailable when the database is away or busy.
  virtual Status Begin() = 0;
  /// Durable when it succeeds; after an error the transaction is over. Errors: kUnavailable - whether the
  /// transaction was kept is unknown; any other - it was not.
  virtual Status Commit() = 0;
  /// Ends the transaction, if there is one, and keeps nothing of it.
  virtual void Rollback() = 0;
  /// Whether a transaction is open: an engine may give one up by itself (disk full, connection lost).
  [[nodiscard]] virtual bool InTransaction() const = 0;
  /// Runs several statements, without parameters and results.
  virtual Status RunScript(std::string_view sql) = 0;
};

}  // namespace mw::db
