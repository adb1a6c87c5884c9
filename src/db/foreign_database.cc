// PostgreSQL streams by a cursor; SQLite by its own pages of a statement, since it has no cursors in SQL.
#include "db/foreign_database.h"

#include <unistd.h>

#include "base/text.h"
#include "db/postgres_connection.h"
#include "db/sqlite_connection.h"

namespace mw::db {
namespace {

bool IsPostgres(std::string_view place) {
  return place.starts_with("postgresql://") || place.starts_with("postgres://");
}

}  // namespace

ForeignDatabase::ForeignDatabase(std::unique_ptr<Connection> connection, bool is_postgres)
    : connection_(std::move(connection)), is_postgres_(is_postgres) {}

ForeignDatabase::~ForeignDatabase() { connection_->Rollback(); }

Result<std::unique_ptr<ForeignDatabase>> ForeignDatabase::Read(const std::string& place) {
  std::unique_ptr<Connection> connection;
  const bool is_postgres = IsPostgres(place);
  if (is_postgres) {
    connection = TRY(PostgresConnection::Open(place, Use::kRead));
  } else {
    if (access(place.c_str(), R_OK) != 0) return ErrnoError(errno, Cat("opening ", place));
    connection = TRY(SqliteConnection::Open(place, Use::kRead));
  }
  TRY(connection->Begin());
  std::unique_ptr<ForeignDatabase> database(new ForeignDatabase(std::move(connection), is_postgres));
  TRY(database->LookAtTables());
  return database;
}

Result<std::unique_ptr<ForeignDatabase>> ForeignDatabase::Create(const std::string& path) {
  if (access(path.c_str(), F_OK) == 0) return Error{Code::kAlreadyExists, Cat(path, " is there already"), {}};
  std::unique_ptr<Connection> connection = TRY(SqliteConnection::Open(path, Use::kForeign));
  TRY(connection->Begin());
  return std::unique_ptr<ForeignDatabase>(new ForeignDatabase(std::move(connection), false));
}

Status ForeignDatabase::LookAtTables() {
  const Rows rows = is_postgres_
      ? TRY(Query(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()", {}))
      : TRY(Query("SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'",
                  {}));
      for (const Row& row : rows) tables_[row.Text(0)].insert(row.Text(1));
      return Ok();
}

Result<Rows> ForeignDatabase::Query(std::string_view sql, const Values& parameters) {
      return connection_->Query(sql, parameters);
}

Status ForeignDatabase::Stream(const std::string& sql, const std::function<Status(const Rows&)>& take) {
      if (!is_postgres_) {
        return static_cast<SqliteConnection&>(*connection_).Stream(sql, static_cast<std::size_t>(kStreamRows), take);
      }
      TRY(connection_->RunScript(Cat("DECLARE stream NO SCROLL CURSOR FOR ", sql)));
      for (bool more = true; more;) {
        const Rows rows = TRY(connection_->Query(Cat("FETCH ", kStreamRows, " FROM stream"), {}));
        more = !rows.empty();
        if (more) TRY(take(rows));
      }
      return connection_->RunScript("CLOSE stream");
}

Status ForeignDatabase::RunScript(std::string_view sql) { return connection_->RunScript(sql); }

Result<std::int64_t> ForeignDatabase::Execute(std::string_view sql, const Values& parameters) {
      return connection_->Execute(sql, parameters);
}

Status ForeignDatabase::Commit() {
      TRY(connection_->Commit());
      return connection_->Begin();
}

std::string ForeignDatabase::Literal(std::string_view text) {
      std::string out = "'";
      for (const char c : text) {
        if (c == '\'') out += c;
        if (c != '\0') out += c;
      }
      return out += '\'';
}

}  // namespace mw::db
