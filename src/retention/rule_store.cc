// SQL of retention rules.
#include "retention/rule_store.h"

#include "retention/retention.h"

namespace mw::retention {

std::vector<db::Migration> Migrations() {
  return {{"retention", 1, R"sql(
-- What is NULL limits nothing.
CREATE TABLE retention_rules (
  experiment TEXT COLLATE "C" PRIMARY KEY,
  keep_days BIGINT,
  keep_last BIGINT,
  trash_days BIGINT,
  updated_at BIGINT NOT NULL
);
)sql"}};
}

namespace store {
namespace {

std::optional<std::int64_t> Limit(const db::Row& row, std::size_t column) {
  return row.IsNull(column) ? std::nullopt : std::optional(row.Int(column));
}
db::Value Limit(const std::optional<std::int64_t>& limit) { return limit ? db::Value(*limit) : db::Value(nullptr); }

}  // namespace

Result<std::vector<Rule>> FindRules(db::Snapshot& snapshot) {
  const db::Rows rows = TRY(
      snapshot.Query("SELECT experiment, keep_days, keep_last, trash_days FROM retention_rules ORDER BY experiment"));
  std::vector<Rule> rules;
  for (const db::Row& row : rows) rules.push_back({row.Text(0), Limit(row, 1), Limit(row, 2), Limit(row, 3)});
  return rules;
}

Status PutRule(db::Transaction& transaction, const Rule& rule, std::int64_t now) {
  TRY(transaction.Execute(
      "INSERT INTO retention_rules (experiment, keep_days, keep_last, trash_days, updated_at) VALUES (?, ?, ?, ?, ?)"
      " ON CONFLICT (experiment) DO UPDATE SET keep_days = excluded.keep_days, keep_last = excluded.keep_last,"
      " trash_days = excluded.trash_days, updated_at = excluded.updated_at",
      {rule.experiment, Limit(rule.keep_days), Limit(rule.keep_last), Limit(rule.trash_days), now}));
  return Ok();
}

Result<bool> DeleteRule(db::Transaction& transaction, std::string_view experiment) {
  return TRY(transaction.Execute("DELETE FROM retention_rules WHERE experiment = ?", {std::string(experiment)}))
  > 0;
}

}  // namespace store
}  // namespace mw::retention
