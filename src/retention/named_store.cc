// The names of tables and columns come from the catalogue.
#include "retention/named_store.h"

#include "base/text.h"

namespace mw::retention::store {

Result<std::vector<std::string>> TextsWithDigests(db::Snapshot& snapshot, const db::Column& column,
                                                  const std::string& after, std::int64_t limit) {
  const std::string name = Cat("\"", column.name, "\"");
  const std::string sql = Cat("SELECT DISTINCT ", name, " FROM \"", column.table, "\" WHERE ", name, " > ? AND ", name,
                              " LIKE '%sha256:%' ORDER BY ", name, " LIMIT ?");
  const db::Rows rows = TRY(snapshot.Query(sql, {after, limit}));
  std::vector<std::string> texts;
  for (const db::Row& row : rows) texts.push_back(row.Text(0));
  return texts;
}

}  // namespace mw::retention::store
