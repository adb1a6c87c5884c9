// What a closure gets to see of a connection: the same behaviour on every driver. It checks parameters,
// and remembers the first statement that failed: from then on every statement returns that error,
// because PostgreSQL could not go on and SQLite must not differ. Lives for one closure on one thread.
#pragma once

#include <optional>

#include "db/connection.h"

namespace mw::db {

class ClosureTransaction final : public Transaction, public Scanner {
 public:
  /// `connection` outlives this.
  explicit ClosureTransaction(Connection& connection) : connection_(connection) {}

  Result<Rows> Query(std::string_view sql, const Values& parameters) override;
  Result<std::int64_t> Execute(std::string_view sql, const Values& parameters) override;
  Status Scan(std::string_view sql, const Values& parameters, const TakeView& take) override;

  /// What the closure came to, given what it returned: its own error first, else that of a failed statement.
  [[nodiscard]] Status Outcome(Status returned) const;
  /// The first statement that failed asked for the whole transaction to be repeated.
  [[nodiscard]] bool MustRepeat() const { return failure_ && failure_->code == Code::kAborted; }

 private:
  Status Check(const Values& parameters) const;
  Error Remember(Error error);

  Connection& connection_;
  std::optional<Error> failure_;
};

}  // namespace mw::db
