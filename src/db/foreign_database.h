// A database of another program: read as one consistent snapshot, or written as a new file. It is not ours: no lock, no
// migrations, no settings of it are changed, and its schema is looked at before it is asked. One thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "db/database.h"

namespace mw::db {

class Connection;

class ForeignDatabase {
 public:
  static constexpr std::int64_t kStreamRows = 20'000;  ///< in memory at a time

  /// `place`: a path of an SQLite file, or a postgresql:// URL. Reads what was committed when it was opened, for as
  /// long as it lives. Errors: kNotFound; kInvalidArgument no database; kUnavailable.
  static Result<std::unique_ptr<ForeignDatabase>> Read(const std::string& place);
  /// A new SQLite file; what is written is there once Commit succeeds. Errors: kAlreadyExists.
  static Result<std::unique_ptr<ForeignDatabase>> Create(const std::string& path);
  ~ForeignDatabase();

  /// Columns of its tables, by table.
  [[nodiscard]] const std::map<std::string, std::set<std::string>>& tables() const { return tables_; }
  Result<Rows> Query(std::string_view sql, const Values& parameters);
  /// All rows, piece by piece in constant memory; `sql` has no parameters.
  Status Stream(const std::string& sql, const std::function<Status(const Rows&)>& take);

  Status RunScript(std::string_view sql);
  Result<std::int64_t> Execute(std::string_view sql, const Values& parameters);
  /// Everything so far is durable, and another transaction begins.
  Status Commit();

  /// `text` as a literal of SQL.
  static std::string Literal(std::string_view text);

 private:
  ForeignDatabase(std::unique_ptr<Connection> connection, bool is_postgres);
  Status LookAtTables();

  std::unique_ptr<Connection> connection_;
  bool is_postgres_;
  std::map<std::string, std::set<std::string>> tables_;
};

}  // namespace mw::db
