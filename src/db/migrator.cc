// Compares the ledger with what the program knows; applies the rest in one transaction.
#include "db/migrator.h"

#include <functional>
#include <map>
#include <set>
#include <utility>

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"

namespace mw::db {
namespace {

constexpr std::string_view kMakeLedger = R"sql(
CREATE TABLE IF NOT EXISTS schema_steps (
  module TEXT COLLATE "C" NOT NULL,
  number BIGINT NOT NULL,
  applied_at BIGINT NOT NULL,
  PRIMARY KEY (module, number)
);
)sql";

using Step = std::pair<std::string, std::int64_t>;

/// The newest step of each module; steps of a module must be numbered 1, 2, ... in order.
std::map<std::string, std::int64_t> NewestKnown(const std::vector<Migration>& migrations) {
  std::map<std::string, std::int64_t> newest;
  for (const Migration& migration : migrations) {
    MW_ASSERT(migration.number == newest[migration.module] + 1);
    newest[migration.module] = migration.number;
  }
  return newest;
}

/// Runs `work` in a transaction of its own on the bare connection.
Status InTransaction(Connection& connection, const std::function<Status()>& work) {
  TRY(connection.Begin());
  Status outcome = work();
  if (outcome.ok()) return connection.Commit();
  connection.Rollback();
  return outcome;
}

}  // namespace

Result<Migrator::Plan> Migrator::MakePlan(Connection& connection, const std::vector<Migration>& migrations) const {
  const auto newest = NewestKnown(migrations);
  const Rows ledger = TRY(connection.Query("SELECT module, number FROM schema_steps ORDER BY module, number", {}));
  std::set<Step> applied;
  for (const Row& row : ledger) {
    const auto known = newest.find(row.Text(0));
    if (known == newest.end() || row.Int(1) > known->second) {
      return FailedPrecondition(where_, " was written by a newer Millwright (it has schema step ", row.Text(0), " ",
                                row.Int(1), "; this program knows ",
                                known == newest.end() ? Cat("no ", row.Text(0)) : Cat("up to ", known->second),
                                "); run that version, or restore a backup made by this one");
    }
    applied.emplace(row.Text(0), row.Int(1));
  }
  Plan plan;
  plan.applied = static_cast<std::int64_t>(applied.size());
  for (const Migration& migration : migrations) {
    if (!applied.contains({migration.module, migration.number})) plan.pending.push_back(&migration);
  }
  return plan;
}

Status Migrator::Apply(Connection& connection, const Plan& plan) const {
  const std::int64_t now = ToMicros(RealClock().Now());
  for (const Migration* step : plan.pending) {
    const std::string name = Cat("schema step ", step->module, " ", step->number, " of ", where_);
    TRY(connection.RunScript(step->sql).In(name));
    TRY(connection
            .Execute("INSERT INTO schema_steps (module, number, applied_at) VALUES (?, ?, ?)",
                     {step->module, std::int64_t{step->number}, now})
            .In(name));
  }
  return Ok();
}

Status Migrator::Run(Connection& connection, const std::vector<Migration>& migrations) const {
  TRY(InTransaction(connection, [&] { return connection.RunScript(kMakeLedger); }));
  Result<Plan> plan = Plan{};
  TRY(InTransaction(connection, [&]() -> Status {
    plan = MakePlan(connection, migrations);
    if (!plan.ok()) return plan.error();
    return Ok();
  }));
  if (plan->pending.empty()) return Ok();
  if (plan->applied > 0) TRY(backup_(plan->applied));
  TRY(InTransaction(connection, [&] { return Apply(connection, *plan); }));
  LogInfo("schema brought up to date",
          {{"database", where_}, {"steps", static_cast<std::int64_t>(plan->pending.size())}});
  return Ok();
}

}  // namespace mw::db
