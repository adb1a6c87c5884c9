// One connection to an SQLite file: statements kept prepared, values bound and read with their kinds.
// Used by one thread at a time. Writers begin with the write lock in hand; readers can only read.
//
// SQLite stores NaN as NULL, so this driver stores it as the blob "millwright:NaN": greater than every
// number and equal to itself, as PostgreSQL has it. Bytes of exactly that content are refused.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "db/connection.h"

struct sqlite3;
struct sqlite3_stmt;

namespace mw::db {

class SqliteConnection final : public Connection {
 public:
  static constexpr int kBusyWaitMs = 5000;              ///< for another program that holds a lock
  static constexpr std::size_t kPreparedMax = 256;      ///< statements kept; then all are made anew
  static constexpr std::size_t kShortBytes = 64;        ///< scripts of at most this are kept prepared too
  static constexpr long long kWalBytesKept = 64 << 20;  ///< the log file is cut to this after a checkpoint

  /// Errors: one sentence that names the file: not a database, another program's database, damaged,
  /// not allowed, disk full, busy.
  static Result<std::unique_ptr<SqliteConnection>> Open(const std::string& path, Use use);
  ~SqliteConnection() override;
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  Status Begin() override;
  Status Commit() override;
  void Rollback() override;
  [[nodiscard]] bool InTransaction() const override;
  Status RunScript(std::string_view sql) override;
  Result<Rows> Query(std::string_view sql, const Values& parameters) override;
  Result<std::int64_t> Execute(std::string_view sql, const Values& parameters) override;
  Status Scan(std::string_view sql, const Values& parameters, const TakeView& take) override;

  /// The rows of a statement without parameters, `piece` at a time. Errors: as Query's; `take`'s.
  Status Stream(const std::string& sql, std::size_t piece, const std::function<Status(const Rows&)>& take);

  /// Writes a consistent copy of the whole database to `target`, durably, replacing what was there.
  Status BackUpTo(const std::string& target);

 private:
  SqliteConnection(sqlite3* handle, std::string path, Use use) : handle_(handle), path_(std::move(path)), use_(use) {}
  Status Configure();
  Status ClaimFile();
  Status RunShort(std::string_view sql);
  Result<sqlite3_stmt*> Prepare(std::string_view sql);
  Result<sqlite3_stmt*> PrepareBound(std::string_view sql, const Values& parameters);
  Status Bind(sqlite3_stmt* statement, const Values& parameters);
  Error LastError(int code, std::string_view sql) const;
  void DropStatements();

  sqlite3* handle_;
  std::string path_;
  Use use_;
  std::unordered_map<std::string, sqlite3_stmt*> prepared_;
};

}  // namespace mw::db
