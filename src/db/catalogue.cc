// In the words of the one database or of the other.
#include "db/catalogue.h"

#include <string_view>

#include "base/text.h"

namespace mw::db {
namespace {

constexpr std::string_view kSqlite =
    "SELECT m.name, p.name, LOWER(p.type) FROM sqlite_master m JOIN pragma_table_info(m.name) p"
    " WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY 1, 2";
constexpr std::string_view kPostgres =
    "SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns"
    " WHERE table_schema = current_schema() ORDER BY 1, 2";

Task<Result<std::vector<Column>>> Ask(Database& database, std::string_view sql) {
  co_return co_await database.Read([&](Snapshot& snapshot) -> Result<std::vector<Column>> {
    std::vector<Column> columns;
    for (const Row& row : TRY(snapshot.Query(sql))) {
      columns.push_back({row.Text(0), row.Text(1), row.Text(2).starts_with("text")});
    }
    return columns;
  });
}

}  // namespace

Task<Result<std::vector<Column>>> Columns(Database& database) {
  auto columns = co_await Ask(database, kSqlite);
  // The other database has no such table, and says so.
  if (!columns.ok() && columns.error().code == Code::kInternal) columns = co_await Ask(database, kPostgres);
  co_return columns;
}

}  // namespace mw::db
