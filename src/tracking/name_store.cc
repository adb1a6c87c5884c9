// SQL of names and counters.
#include "tracking/name_store.h"

#include <string>

namespace mw::tracking::store {

Result<std::int64_t> NextNumber(db::Transaction& transaction, std::string_view counter) {
  const db::Rows rows = TRY(transaction.Query(
      "UPDATE tracking_counters SET value = value + 1 WHERE name = ? RETURNING value", {std::string(counter)}));
  return rows.at(0).Int(0);
}

Result<std::int64_t> NeedName(db::Transaction& transaction, std::string_view name) {
  if (const auto known = TRY(FindName(transaction, name))) return *known;
  const std::int64_t id = TRY(NextNumber(transaction, "names"));
  TRY(transaction.Execute("INSERT INTO tracking_names (id, name) VALUES (?, ?)", {id, std::string(name)}));
  return id;
}

Result<std::optional<std::int64_t>> FindName(db::Snapshot& snapshot, std::string_view name) {
  const db::Rows rows = TRY(snapshot.Query("SELECT id FROM tracking_names WHERE name = ?", {std::string(name)}));
  return rows.empty() ? std::optional<std::int64_t>() : std::optional(rows[0].Int(0));
}

}  // namespace mw::tracking::store
