// The small differences between the two databases' SQL, bridged by looking at the text outside of string
// literals, quoted names and comments. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

namespace mw::db {

/// PostgreSQL: each ? becomes $1, $2, ...
std::string NumberPlaceholders(std::string_view sql);

/// PostgreSQL, scripts of migrations: WITHOUT ROWID, which keeps SQLite's rows in the order of their key, is dropped.
std::string ToPostgresDialect(std::string_view sql);

/// SQLite: COLLATE "C" is dropped (its text compares bytewise anyway), so is what an index has to INCLUDE (...) beside
/// its key (a table WITHOUT ROWID includes all), and BYTEA becomes BLOB.
std::string ToSqliteDialect(std::string_view sql);

}  // namespace mw::db
