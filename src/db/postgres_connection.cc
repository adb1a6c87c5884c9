// libpq behind db::Connection.
#include "db/postgres_connection.h"

#include <libpq-fe.h>

#include <utility>
#include <vector>

#include "base/disk_full.h"
#include "base/log.h"
#include "base/text.h"
#include "db/postgres_values.h"
#include "db/sql_text.h"

namespace mw::db {
namespace {

constexpr std::string_view kLockKey = "hashtextextended('millwright:' || coalesce(current_schema(), ''), 0)";

/// libpq's messages end in a newline and may have several lines.
std::string OneLine(const char* message) {
  std::string line(Trim(message));
  for (char& c : line) {
    if (c == '\n') c = ' ';
  }
  return line;
}

/// The canonical code of an SQLSTATE (appendix A of PostgreSQL's manual).
Code CodeOf(std::string_view state) {
  if (state == "23505") return Code::kAlreadyExists;
  if (state == "23503") return Code::kFailedPrecondition;
  if (state.starts_with("23") || state.starts_with("22") || state.starts_with("54")) return Code::kInvalidArgument;
  if (state.starts_with("40") || state == "55P03") return Code::kAborted;
  if (state.starts_with("53")) return Code::kResourceExhausted;
  if (state == "08P01") return Code::kInternal;  // a wrong number of parameters
  if (state.starts_with("08") || state.starts_with("57P")) return Code::kUnavailable;
  if (state == "42501") return Code::kPermissionDenied;
  if (state.starts_with("58") || state.starts_with("XX001") || state.starts_with("XX002")) return Code::kDataLoss;
  return Code::kInternal;
}

std::string Kinds(const Values& parameters) {
  std::string kinds;
  for (const Value& value : parameters) kinds.push_back(static_cast<char>('0' + value.index()));
  return kinds;
}

}  // namespace

void PostgresConnection::ClearResult::operator()(pg_result* result) const { PQclear(result); }

Result<std::unique_ptr<PostgresConnection>> PostgresConnection::Open(const std::string& conninfo, Use use) {
  char* message = nullptr;
  PQconninfoOption* options = PQconninfoParse(conninfo.c_str(), &message);
  if (options == nullptr) {
    Error error = InvalidArgument("the PostgreSQL connection string cannot be read: ",
                                  message == nullptr ? std::string("out of memory") : OneLine(message));
    PQfreemem(message);
    return error;
  }
  PQconninfoFree(options);
  std::unique_ptr<PostgresConnection> connection(new PostgresConnection(conninfo, use));
  TRY(connection->Connect());
  return connection;
}

PostgresConnection::~PostgresConnection() { PQfinish(handle_); }

Status PostgresConnection::Connect() {
  PQfinish(handle_);
  broken_ = false;
  prepared_.clear();
  const std::string connect_seconds = Cat(kConnectSeconds);
  const std::string silent = Cat(kPeerSilentMs);
  // What the connection string says comes later and wins, but for the encoding.
  const std::vector<const char*> keys = {"connect_timeout", "tcp_user_timeout", "fallback_application_name",
                                         "dbname",          "client_encoding",  nullptr};
  const std::vector<const char*> values = {connect_seconds.c_str(), silent.c_str(), "millwright",
                                           conninfo_.c_str(),       "UTF8",         nullptr};
  handle_ = PQconnectdbParams(keys.data(), values.data(), 1);
  if (PQstatus(handle_) != CONNECTION_OK) {
    return Unavailable(Where(), " does not answer: ", OneLine(PQerrorMessage(handle_)));
  }
  PQsetNoticeProcessor(
      handle_, [](void*, const char*) {}, nullptr);
  Status ready = Configure();
  if (!ready.ok()) {
    PQfinish(handle_);
    handle_ = nullptr;
  }
  return ready;
}

Status PostgresConnection::Configure() {
  const char* encoding = PQparameterStatus(handle_, "server_encoding");
  if (encoding == nullptr || std::string_view(encoding) != "UTF8") {
    return FailedPrecondition(Where(), " has the encoding ", encoding == nullptr ? "unknown" : encoding,
                              "; make one with: CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0");
  }
  // What is acknowledged must be on disk, whatever the server's default is.
  TRY(
      RunScript("SET bytea_output = hex; SET extra_float_digits = 1; SET standard_conforming_strings = on;"
                "SELECT set_config('synchronous_commit', 'on', false) "
                "WHERE current_setting('synchronous_commit') = 'off'"));
  if (use_ == Use::kRead) return Ok();
  const Rows fsync = TRY(Query("SELECT current_setting('fsync')", {}));
  if (fsync[0].Text(0) != "on")
    LogWarning("PostgreSQL runs with fsync off: a power cut loses data", {{"database", Where()}});
  return TakeLock();
}

Status PostgresConnection::TakeLock() {
  // A control plane that was killed lets go once the server has noticed, so it is worth waiting a little.
  TRY(RunScript(Cat("SET lock_timeout = ", kLockWaitMs)));
  Status taken = RunScript(Cat("SELECT pg_advisory_lock(", kLockKey, ")"));
  if (taken.ok()) return RunScript(Cat("SET lock_timeout = ", kTableLockWaitMs));
  if (taken.error().code != Code::kAborted) return taken;
  return FailedPrecondition(Where(), " is in use by another Millwright; stop that one, or name another database");
}

bool PostgresConnection::Lost() const { return handle_ == nullptr || broken_ || PQstatus(handle_) != CONNECTION_OK; }

std::string PostgresConnection::Where() const {
  const auto text = [](const char* value) { return std::string_view(value == nullptr ? "" : value); };
  if (handle_ == nullptr) return "PostgreSQL";
  return Cat("PostgreSQL database ", text(PQdb(handle_)), " at ", text(PQhost(handle_)), ":", text(PQport(handle_)));
}

Error PostgresConnection::LastError(const pg_result* result, std::string_view sql) {
  // A failure that the server did not number is libpq's: what it could not send leaves the connection looking well.
  broken_ = broken_ || (result != nullptr && PQresultErrorField(result, PG_DIAG_SQLSTATE) == nullptr);
  if (Lost()) return Unavailable("the connection to ", Where(), " was lost: ", OneLine(PQerrorMessage(handle_)));
  const char* state = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
  if (state != nullptr && std::string_view(state) == "53100") return DiskFull(Where());
  const Code code = CodeOf(state == nullptr ? "" : state);
  std::string message = OneLine(result == nullptr ? PQerrorMessage(handle_) : PQresultErrorMessage(result));
  if (code == Code::kInternal) CatTo(message, " in: ", sql);
  if (code == Code::kResourceExhausted || code == Code::kUnavailable) message = Cat(Where(), ": ", message);
  return Error{code, std::move(message), {}};
}

Status PostgresConnection::Check(const pg_result* result, std::string_view sql) {
  const ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY) return Ok();
  return LastError(result, sql);
}

Status PostgresConnection::RunScript(std::string_view sql) {
  const ResultPointer result(PQexec(handle_, ToPostgresDialect(sql).c_str()));
  return Check(result.get(), sql);
}

Status PostgresConnection::Begin() {
  const std::string_view sql = use_ == Use::kWrite ? "BEGIN" : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
  if (!Lost()) {
    Status begun = RunScript(sql);
    if (begun.ok() || !Lost()) return begun;
  }
  // Nothing was asked of the lost connection yet, so a new one may take its place unnoticed.
  Status connected = Connect();
  if (!connected.ok()) return Unavailable(connected.error().ToString());
  return RunScript(sql);
}

Status PostgresConnection::Commit() {
  const ResultPointer result(PQexec(handle_, "COMMIT"));
  if (Lost()) {
    return Unavailable("the connection to ", Where(),
                       " was lost during the commit; whether this write was kept is unknown");
  }
  TRY(Check(result.get(), "COMMIT"));
  // A transaction in which a statement had failed answers COMMIT with ROLLBACK.
  if (std::string_view(PQcmdStatus(result.get())) == "COMMIT") return Ok();
  return Internal(Where(), " rolled the transaction back");
}

void PostgresConnection::Rollback() {
  if (InTransaction()) PQclear(PQexec(handle_, "ROLLBACK"));
}

bool PostgresConnection::InTransaction() const {
  if (Lost()) return false;
  const PGTransactionStatusType status = PQtransactionStatus(handle_);
  return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

Result<std::string> PostgresConnection::Prepare(std::string_view sql, const Values& parameters) {
  std::string key = Cat(Kinds(parameters), ":", sql);
  if (const auto found = prepared_.find(key); found != prepared_.end()) return found->second;
  if (prepared_.size() >= kPreparedMax) {
    TRY(RunScript("DEALLOCATE ALL"));
    prepared_.clear();
  }
  std::vector<Oid> types;
  for (const Value& value : parameters) types.push_back(PostgresType(value));
  const std::string name = Cat("s", prepared_.size());
  const ResultPointer result(
      PQprepare(handle_, name.c_str(), NumberPlaceholders(sql).c_str(), static_cast<int>(types.size()), types.data()));
  TRY(Check(result.get(), sql));
  prepared_.emplace(std::move(key), name);
  return name;
}

Result<PostgresConnection::ResultPointer> PostgresConnection::Run(std::string_view sql, const Values& parameters) {
  const std::string name = TRY(Prepare(sql, parameters));
  const PostgresParameters sent(parameters);
  ResultPointer result(
      PQexecPrepared(handle_, name.c_str(), sent.count(), sent.pointers(), sent.lengths(), sent.formats(), 0));
  TRY(Check(result.get(), sql));
  return result;
}

Result<Rows> PostgresConnection::Query(std::string_view sql, const Values& parameters) {
  const ResultPointer result = TRY(Run(sql, parameters));
  return ReadRows(result.get());
}

Status PostgresConnection::Scan(std::string_view sql, const Values& parameters, const TakeView& take) {
  const ResultPointer result = TRY(Run(sql, parameters));
  return ScanRows(result.get(), take);
}

Result<std::int64_t> PostgresConnection::Execute(std::string_view sql, const Values& parameters) {
  const ResultPointer result = TRY(Run(sql, parameters));
  const std::string_view command = PQcmdStatus(result.get());
  if (!command.starts_with("INSERT") && !command.starts_with("UPDATE") && !command.starts_with("DELETE")) {
    return std::int64_t{0};
  }
  return std::int64_t{ParseInt(PQcmdTuples(result.get())).value_or(0)};
}

Result<std::string> PostgresConnection::SchemaName() {
  const Rows rows = TRY(Query("SELECT current_schema()", {}));
  if (rows[0].IsNull(0)) return FailedPrecondition(Where(), " has no schema to make tables in; see search_path");
  return rows[0].Text(0);
}

}  // namespace mw::db
