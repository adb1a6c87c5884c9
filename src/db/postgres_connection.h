// One connection to PostgreSQL (libpq): statements kept prepared, values sent and read with their kinds,
// the connection made again when it was lost. Used by one thread at a time.
//
// The writer holds a session's advisory lock for as long as it is connected, so that one control plane at
// a time writes to a database (or to a schema of it); its transactions run in that same session and end
// with it. Readers run REPEATABLE READ READ ONLY.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "db/connection.h"

struct pg_conn;
struct pg_result;

namespace mw::db {

class PostgresConnection final : public Connection {
 public:
  static constexpr int kConnectSeconds = 5;         ///< to wait for an answer
  static constexpr int kPeerSilentMs = 15000;       ///< unanswered data after which a peer counts as gone
  static constexpr int kLockWaitMs = 10000;         ///< for another control plane's lock to be let go
  static constexpr int kTableLockWaitMs = 10000;    ///< for a lock that another program holds on a table
  static constexpr std::size_t kPreparedMax = 256;  ///< statements kept; then all are made anew

  /// `conninfo`: key=value pairs or a postgresql:// URI, as libpq documents them. Errors: kUnavailable
  /// no answer; kFailedPrecondition another control plane uses it, or its encoding is not UTF8;
  /// kInvalidArgument a conninfo that cannot be read.
  static Result<std::unique_ptr<PostgresConnection>> Open(const std::string& conninfo, Use use);
  ~PostgresConnection() override;
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;

  Status Begin() override;
  Status Commit() override;
  void Rollback() override;
  [[nodiscard]] bool InTransaction() const override;
  Status RunScript(std::string_view sql) override;
  Result<Rows> Query(std::string_view sql, const Values& parameters) override;
  Result<std::int64_t> Execute(std::string_view sql, const Values& parameters) override;
  Status Scan(std::string_view sql, const Values& parameters, const TakeView& take) override;

  /// "PostgreSQL database flights at db.example:5432": for messages.
  [[nodiscard]] std::string Where() const;
  /// The schema in which tables are made.
  Result<std::string> SchemaName();

 private:
  struct ClearResult {
    void operator()(pg_result* result) const;
  };
  using ResultPointer = std::unique_ptr<pg_result, ClearResult>;

  PostgresConnection(std::string conninfo, Use use) : conninfo_(std::move(conninfo)), use_(use) {}
  Status Connect();
  Status Configure();
  Status TakeLock();
  [[nodiscard]] bool Lost() const;
  Status Check(const pg_result* result, std::string_view sql);
  Error LastError(const pg_result* result, std::string_view sql);
  /// The name of the prepared statement for this SQL and these kinds of values.
  Result<std::string> Prepare(std::string_view sql, const Values& parameters);
  Result<ResultPointer> Run(std::string_view sql, const Values& parameters);

  std::string conninfo_;
  Use use_;
  pg_conn* handle_ = nullptr;
  bool broken_ = false;                                    // it failed in a way that libpq's own status does not show
  std::unordered_map<std::string, std::string> prepared_;  // kinds and SQL -> name
};

}  // namespace mw::db
