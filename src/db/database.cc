// Accessors of result rows.
#include "db/database.h"

#include "base/assert.h"
#include "db/scan.h"

namespace mw::db {

bool Row::IsNull(std::size_t column) const { return std::holds_alternative<std::nullptr_t>(At(column)); }

std::int64_t Row::Int(std::size_t column) const {
  const auto* value = std::get_if<std::int64_t>(&At(column));
  MW_ASSERT(value != nullptr);
  return *value;
}

double Row::Double(std::size_t column) const {
  if (const auto* integer = std::get_if<std::int64_t>(&At(column))) return static_cast<double>(*integer);
  const auto* value = std::get_if<double>(&At(column));
  MW_ASSERT(value != nullptr);
  return *value;
}

const std::string& Row::Text(std::size_t column) const {
  const auto* value = std::get_if<std::string>(&At(column));
  MW_ASSERT(value != nullptr);
  return *value;
}

const std::string& Row::Blob(std::size_t column) const {
  const auto* value = std::get_if<Bytes>(&At(column));
  MW_ASSERT(value != nullptr);
  return value->data;
}

Status Scan(Snapshot& snapshot, std::string_view sql, const Values& parameters, const TakeView& take) {
  auto* scanner = dynamic_cast<Scanner*>(&snapshot);
  MW_ASSERT(scanner != nullptr);
  return scanner->Scan(sql, parameters, take);
}

}  // namespace mw::db
