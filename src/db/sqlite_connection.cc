// SQLite's C API behind db::Connection.
#include "db/sqlite_connection.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "base/disk_full.h"
#include "base/file.h"
#include "base/text.h"
#include "db/sql_text.h"

namespace mw::db {
namespace {

constexpr std::string_view kNaN = "millwright:NaN";
constexpr std::int64_t kApplicationId = 0x4d494c4c;  // "MILL", in the file's header

Value ColumnValue(sqlite3_stmt* statement, int column) {
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER: return std::int64_t{sqlite3_column_int64(statement, column)};
    case SQLITE_FLOAT: return sqlite3_column_double(statement, column);
    case SQLITE_NULL: return nullptr;
    default: break;
  }
  const bool text = sqlite3_column_type(statement, column) == SQLITE_TEXT;
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement, column));
  std::string bytes(data == nullptr ? "" : data, static_cast<std::size_t>(sqlite3_column_bytes(statement, column)));
  if (text) return bytes;
  if (bytes == kNaN) return std::numeric_limits<double>::quiet_NaN();
  return Bytes{std::move(bytes)};
}

Row ReadRow(sqlite3_stmt* statement) {
  Values values;
  const int columns = sqlite3_column_count(statement);
  values.reserve(static_cast<std::size_t>(columns));
  for (int i = 0; i < columns; ++i) values.push_back(ColumnValue(statement, i));
  return Row(std::move(values));
}

class StatementView final : public RowView {
 public:
  explicit StatementView(sqlite3_stmt* statement) : statement_(statement) {}

  std::int64_t Int(std::size_t column) const override {
    MW_ASSERT(Kind(column) == SQLITE_INTEGER);
    return sqlite3_column_int64(statement_, static_cast<int>(column));
  }
  double Double(std::size_t column) const override {
    // The bytes that stand for NaN are the only ones in a column of numbers.
    if (Kind(column) == SQLITE_BLOB) return std::numeric_limits<double>::quiet_NaN();
    MW_ASSERT(Kind(column) == SQLITE_FLOAT || Kind(column) == SQLITE_INTEGER);
    return sqlite3_column_double(statement_, static_cast<int>(column));
  }
  std::string_view Text(std::size_t column) const override {
    MW_ASSERT(Kind(column) == SQLITE_TEXT);
    const auto* text = static_cast<const char*>(sqlite3_column_blob(statement_, static_cast<int>(column)));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, static_cast<int>(column)));
    return text == nullptr ? std::string_view() : std::string_view(text, size);
  }

 private:
  int Kind(std::size_t column) const { return sqlite3_column_type(statement_, static_cast<int>(column)); }

  sqlite3_stmt* statement_;
};

int BindBlob(sqlite3_stmt* statement, int at, std::string_view bytes) {
  // A null pointer would bind NULL; the caller's bytes outlive the statement's run.
  return sqlite3_bind_blob64(statement, at, bytes.empty() ? "" : bytes.data(), bytes.size(), SQLITE_STATIC);
}

int BindValue(sqlite3_stmt* statement, int at, const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return sqlite3_bind_int64(statement, at, *integer);
  if (const auto* number = std::get_if<double>(&value)) {
    return std::isnan(*number) ? BindBlob(statement, at, kNaN) : sqlite3_bind_double(statement, at, *number);
  }
  if (const auto* text = std::get_if<std::string>(&value)) {
    return sqlite3_bind_text64(statement, at, text->data(), text->size(), SQLITE_STATIC, SQLITE_UTF8);
  }
  if (const auto* bytes = std::get_if<Bytes>(&value)) return BindBlob(statement, at, bytes->data);
  return sqlite3_bind_null(statement, at);
}

Code ConstraintCode(int extended) {
  switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID: return Code::kAlreadyExists;
    case SQLITE_CONSTRAINT_FOREIGNKEY: return Code::kFailedPrecondition;
    default: return Code::kInvalidArgument;
  }
}

/// Makes the file before SQLite does, which gives its other files the same permissions: what is recorded is
/// nobody else's. Whether it can be opened is for SQLite to say.
void MakePrivate(const std::string& path) {
  const FileDescriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
}

}  // namespace

Error SqliteConnection::LastError(int code, std::string_view sql) const {
  const char* message = sqlite3_errmsg(handle_);
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT: return Error{ConstraintCode(code), message, {}};
    case SQLITE_FULL: return DiskFull(path_);
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return Unavailable("another program holds a lock on ", path_, "; end it, or try again later");
    case SQLITE_NOTADB: return InvalidArgument(path_, " is not a database; move it away, or name another home");
    case SQLITE_CORRUPT: return DataLoss(path_, " is damaged (", message, "); restore a backup");
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return PermissionDenied("cannot open ", path_, " for writing (", message, "); check its owner and its directory");
    case SQLITE_NOMEM: return ResourceExhausted("out of memory while using ", path_);
    case SQLITE_TOOBIG: return InvalidArgument("a value is larger than the database can hold (1 GB)");
    case SQLITE_IOERR: {
      const int system = sqlite3_system_errno(handle_);
      if (system == ENOSPC || system == EDQUOT) return DiskFull(path_);
      return Unavailable("reading or writing ", path_, " failed (", message, ", errno ", system, "); check the disk");
    }
    default: return Internal(message, " in: ", sql);
  }
}

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::Open(const std::string& path, Use use) {
  if (use == Use::kWrite) MakePrivate(path);
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (use == Use::kRead ? 0 : SQLITE_OPEN_CREATE);
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  if (handle == nullptr) return ResourceExhausted("out of memory while opening ", path);
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(handle, path, use));
  if (code != SQLITE_OK) return connection->LastError(code, "open");
  TRY(connection->Configure());
  return connection;
}

SqliteConnection::~SqliteConnection() {
  DropStatements();
  sqlite3_close_v2(handle_);
}

Status SqliteConnection::Configure() {
  sqlite3_busy_timeout(handle_, kBusyWaitMs);
  for (const int option : {SQLITE_DBCONFIG_DQS_DML, SQLITE_DBCONFIG_DQS_DDL, SQLITE_DBCONFIG_TRUSTED_SCHEMA}) {
    sqlite3_db_config(handle_, option, 0, nullptr);
  }
  if (use_ == Use::kWrite) TRY(ClaimFile());
  TRY(
      RunScript(Cat("PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA case_sensitive_like=ON;"
                    "PRAGMA temp_store=MEMORY; PRAGMA journal_size_limit=",
                    kWalBytesKept)));
  return use_ == Use::kRead ? RunScript("PRAGMA query_only=ON") : Ok();
}

Status SqliteConnection::ClaimFile() {
  const Rows found =
      TRY(Query("SELECT (SELECT count(*) FROM sqlite_schema), application_id FROM pragma_application_id", {}));
  if (found[0].Int(1) != kApplicationId) {
    if (found[0].Int(0) > 0 || found[0].Int(1) != 0) {
      return InvalidArgument(path_, " is a database of another program; move it away, or name another home");
    }
    TRY(RunScript(Cat("PRAGMA application_id=", kApplicationId)));
  }
  const Rows mode = TRY(Query("PRAGMA journal_mode=WAL", {}));
  if (mode.size() == 1 && mode[0].Text(0) == "wal") return Ok();
  return FailedPrecondition(path_, " lies on a file system without shared memory (a network disk?); use a local disk");
}

Status SqliteConnection::Begin() { return RunScript(use_ == Use::kRead ? "BEGIN" : "BEGIN IMMEDIATE"); }

Status SqliteConnection::Commit() {
  Status committed = RunScript("COMMIT");
  if (committed.ok()) return committed;
  Rollback();
  // After a flush that failed a power cut may still bring the write back.
  Error error = std::move(committed).error();
  if (error.code == Code::kUnavailable) error.message += "; whether this write was kept is unknown";
  return error;
}

void SqliteConnection::Rollback() {
  if (InTransaction()) sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
}

bool SqliteConnection::InTransaction() const { return sqlite3_get_autocommit(handle_) == 0; }

Status SqliteConnection::RunShort(std::string_view sql) {
  for (const std::string_view part : Split(sql, ';')) {
    sqlite3_stmt* statement = TRY(Prepare(Trim(part)));
    int code = sqlite3_step(statement);
    while (code == SQLITE_ROW) code = sqlite3_step(statement);
    Status outcome = code == SQLITE_DONE ? Ok() : Status(LastError(code, sql));
    sqlite3_reset(statement);
    TRY(std::move(outcome));
  }
  return Ok();
}

Status SqliteConnection::RunScript(std::string_view sql) {
  // What begins and ends transactions and closures comes with each of them: it is kept prepared.
  const bool plain = !sql.empty() && sql.back() != ';' && sql.find('\'') == std::string_view::npos;
  if (plain && sql.size() <= kShortBytes) return RunShort(sql);
  const int code = sqlite3_exec(handle_, ToSqliteDialect(sql).c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return LastError(code, sql);
  return Ok();
}

void SqliteConnection::DropStatements() {
  for (auto& [sql, statement] : prepared_) sqlite3_finalize(statement);
  prepared_.clear();
}

Result<sqlite3_stmt*> SqliteConnection::Prepare(std::string_view sql) {
  std::string key(sql);
  if (const auto found = prepared_.find(key); found != prepared_.end()) return found->second;
  if (prepared_.size() >= kPreparedMax) DropStatements();
  const std::string text = ToSqliteDialect(sql);
  sqlite3_stmt* statement = nullptr;
  const char* tail = nullptr;
  const int code = sqlite3_prepare_v3(handle_, text.data(), static_cast<int>(text.size()), SQLITE_PREPARE_PERSISTENT,
                                      &statement, &tail);
  if (code != SQLITE_OK) return LastError(code, sql);
  const auto used = static_cast<std::size_t>(tail - text.data());
  if (statement == nullptr || !Trim(std::string_view(text).substr(used)).empty()) {
    sqlite3_finalize(statement);
    return Internal("not exactly one statement: ", sql);
  }
  prepared_.emplace(std::move(key), statement);
  return statement;
}

Status SqliteConnection::Bind(sqlite3_stmt* statement, const Values& parameters) {
  if (static_cast<std::size_t>(sqlite3_bind_parameter_count(statement)) != parameters.size()) {
    return Internal(parameters.size(), " parameters given, ", sqlite3_bind_parameter_count(statement),
                    " wanted by: ", sqlite3_sql(statement));
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto* bytes = std::get_if<Bytes>(&parameters[i]);
    if (bytes != nullptr && bytes->data == kNaN) return InvalidArgument("the bytes \"", kNaN, "\" cannot be stored");
    const int code = BindValue(statement, static_cast<int>(i) + 1, parameters[i]);
    if (code != SQLITE_OK) return LastError(code, sqlite3_sql(statement));
  }
  return Ok();
}

Result<sqlite3_stmt*> SqliteConnection::PrepareBound(std::string_view sql, const Values& parameters) {
  sqlite3_stmt* statement = TRY(Prepare(sql));
  TRY(Bind(statement, parameters));
  return statement;
}

Result<Rows> SqliteConnection::Query(std::string_view sql, const Values& parameters) {
  sqlite3_stmt* statement = TRY(PrepareBound(sql, parameters));
  Rows rows;
  int code = sqlite3_step(statement);
  for (; code == SQLITE_ROW; code = sqlite3_step(statement)) rows.push_back(ReadRow(statement));
  Status outcome = code == SQLITE_DONE ? Ok() : Status(LastError(code, sql));
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  if (!outcome.ok()) return outcome.error();
  return rows;
}

Status SqliteConnection::Scan(std::string_view sql, const Values& parameters, const TakeView& take) {
  sqlite3_stmt* statement = TRY(PrepareBound(sql, parameters));
  const StatementView row(statement);
  int code = sqlite3_step(statement);
  for (; code == SQLITE_ROW; code = sqlite3_step(statement)) take(row);
  Status outcome = code == SQLITE_DONE ? Ok() : Status(LastError(code, sql));
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  return outcome;
}

Status SqliteConnection::Stream(const std::string& sql, std::size_t piece,
                                const std::function<Status(const Rows&)>& take) {
  sqlite3_stmt* statement = TRY(PrepareBound(sql, {}));
  Rows rows;
  Status taken;
  int code = sqlite3_step(statement);
  for (; code == SQLITE_ROW && taken.ok(); code = sqlite3_step(statement)) {
    rows.push_back(ReadRow(statement));
    if (rows.size() < piece) continue;
    taken = take(rows);
    rows.clear();
  }
  if (taken.ok() && code != SQLITE_DONE) taken = LastError(code, sql);
  sqlite3_reset(statement);
  if (taken.ok() && !rows.empty()) taken = take(rows);
  return taken;
}

Result<std::int64_t> SqliteConnection::Execute(std::string_view sql, const Values& parameters) {
  // sqlite3_changes keeps the count of the statement before when this one changes no rows by nature.
  const std::int64_t before = sqlite3_total_changes64(handle_);
  TRY(Query(sql, parameters));
  return sqlite3_total_changes64(handle_) == before ? std::int64_t{0} : std::int64_t{sqlite3_changes64(handle_)};
}

Status SqliteConnection::BackUpTo(const std::string& target) {
  const std::string unfinished = Cat(target, ".unfinished");
  unlink(unfinished.c_str());
  MakePrivate(unfinished);
  sqlite3* copy = nullptr;
  int code = sqlite3_open_v2(unfinished.c_str(), &copy,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  if (code == SQLITE_OK) {
    sqlite3_exec(copy, "PRAGMA synchronous=FULL", nullptr, nullptr, nullptr);
    sqlite3_backup* backup = sqlite3_backup_init(copy, "main", handle_, "main");
    if (backup != nullptr) sqlite3_backup_step(backup, -1);
    code = backup == nullptr ? sqlite3_errcode(copy) : sqlite3_backup_finish(backup);
  }
  const std::string message = copy == nullptr ? "out of memory" : sqlite3_errmsg(copy);
  sqlite3_close_v2(copy);
  if (code == SQLITE_OK && rename(unfinished.c_str(), target.c_str()) == 0) {
    const std::size_t slash = target.rfind('/');
    return SyncDirectory(slash == std::string::npos ? "." : target.substr(0, slash + 1));
  }
  unlink(unfinished.c_str());
  if (code == SQLITE_FULL) return DiskFull(target);
  return FailedPrecondition("writing the backup ", target, " failed: ", message);
}

}  // namespace mw::db
