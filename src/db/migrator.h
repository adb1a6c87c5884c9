// The ledger of schema steps and what is left to do, shared by the drivers. Used on the writer thread.
// The invariant: a step is in the ledger exactly when its SQL was committed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "db/connection.h"

namespace mw::db {

class Migrator {
 public:
  /// `backup(n)` saves the database as it was with n steps; called before a step is applied to a
  /// database that has steps. `where` names the database in messages.
  Migrator(std::string where, std::function<Status(std::int64_t)> backup)
      : where_(std::move(where)), backup_(std::move(backup)) {}

  /// See Database::Migrate.
  Status Run(Connection& connection, const std::vector<Migration>& migrations) const;

 private:
  struct Plan {
    std::vector<const Migration*> pending;
    std::int64_t applied = 0;
  };
  Result<Plan> MakePlan(Connection& connection, const std::vector<Migration>& migrations) const;
  Status Apply(Connection& connection, const Plan& plan) const;

  std::string where_;
  std::function<Status(std::int64_t)> backup_;
};

}  // namespace mw::db
