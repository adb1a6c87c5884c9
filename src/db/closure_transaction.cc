// Parameter checks and the memory of the first failure.
#include "db/closure_transaction.h"

#include "base/text.h"

namespace mw::db {

Status ClosureTransaction::Check(const Values& parameters) const {
  if (failure_) return *failure_;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto* text = std::get_if<std::string>(&parameters[i]);
    if (text == nullptr) continue;
    if (text->find('\0') != std::string::npos) {
      return InvalidArgument("text ", Quoted(*text), " (parameter ", i + 1, ") holds a NUL byte; leave it out");
    }
    if (!IsUtf8(*text)) {
      return InvalidArgument("text ", Quoted(*text), " (parameter ", i + 1, ") is not UTF-8; convert it to UTF-8");
    }
  }
  return Ok();
}

Error ClosureTransaction::Remember(Error error) {
  if (!failure_) failure_ = error;
  return error;
}

Result<Rows> ClosureTransaction::Query(std::string_view sql, const Values& parameters) {
  if (Status fine = Check(parameters); !fine.ok()) return Remember(fine.error());
  Result<Rows> rows = connection_.Query(sql, parameters);
  if (!rows.ok()) return Remember(rows.error());
  return rows;
}

Result<std::int64_t> ClosureTransaction::Execute(std::string_view sql, const Values& parameters) {
  if (Status fine = Check(parameters); !fine.ok()) return Remember(fine.error());
  Result<std::int64_t> changed = connection_.Execute(sql, parameters);
  if (!changed.ok()) return Remember(changed.error());
  return changed;
}

Status ClosureTransaction::Scan(std::string_view sql, const Values& parameters, const TakeView& take) {
  if (Status fine = Check(parameters); !fine.ok()) return Remember(fine.error());
  Status scanned = connection_.Scan(sql, parameters, take);
  if (!scanned.ok()) return Remember(scanned.error());
  return scanned;
}

Status ClosureTransaction::Outcome(Status returned) const {
  if (returned.ok() && failure_) return *failure_;
  return returned;
}

}  // namespace mw::db
