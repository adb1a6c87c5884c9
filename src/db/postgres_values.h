// How values travel to PostgreSQL and back: parameters in text format (bytes in binary), results in text
// format, told apart by the types' object ids. Pure functions; internal to db.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "db/database.h"
#include "db/scan.h"

struct pg_result;

namespace mw::db {

/// The arrays that libpq wants. Valid as long as this and the values it was made from.
class PostgresParameters {
 public:
  explicit PostgresParameters(const Values& values);
  PostgresParameters(const PostgresParameters&) = delete;
  PostgresParameters& operator=(const PostgresParameters&) = delete;

  [[nodiscard]] int count() const { return static_cast<int>(pointers_.size()); }
  [[nodiscard]] const char* const* pointers() const { return pointers_.data(); }
  [[nodiscard]] const int* lengths() const { return lengths_.data(); }
  [[nodiscard]] const int* formats() const { return formats_.data(); }

 private:
  std::vector<std::string> texts_;
  std::vector<const char*> pointers_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
};

/// The object id of the type that a value is sent as; 0 lets the server infer it (NULL).
unsigned PostgresType(const Value& value);

/// Errors: kInternal for a column of a type outside the shared subset.
Result<Rows> ReadRows(const pg_result* result);
/// The same, one at a time.
Status ScanRows(const pg_result* result, const TakeView& take);

}  // namespace mw::db
