// Long results: each row is taken where it lies, and no Row is made of it. For what is read whole and needs two or
// three columns; all else is Snapshot::Query.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "db/database.h"

namespace mw::db {

/// The row that a statement has come to, until it goes on. Accessors as Row's.
class RowView {
 public:
  virtual ~RowView() = default;
  [[nodiscard]] virtual std::int64_t Int(std::size_t column) const = 0;
  [[nodiscard]] virtual double Double(std::size_t column) const = 0;
  [[nodiscard]] virtual std::string_view Text(std::size_t column) const = 0;
};

using TakeView = std::function<void(const RowView&)>;

/// What every Snapshot is besides.
class Scanner {
 public:
  virtual ~Scanner() = default;
  /// See db::Scan.
  virtual Status Scan(std::string_view sql, const Values& parameters, const TakeView& take) = 0;
};

/// Runs a query and hands over its rows in their order. `take` asks nothing of the snapshot. Errors: Query's; the rows
/// before were taken.
Status Scan(Snapshot& snapshot, std::string_view sql, const Values& parameters, const TakeView& take);

}  // namespace mw::db
