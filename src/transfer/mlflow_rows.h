// Values of rows of a database that is not ours, whose columns may be empty or missing. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "db/database.h"
#include "tracking/points.h"

namespace mw::transfer {

std::string TextOr(const db::Row& row, std::size_t column, std::string_view otherwise = "");
std::int64_t IntOr(const db::Row& row, std::size_t column, std::int64_t otherwise = 0);
/// Sets the member when the column has a value.
void SetFrom(Json& json, std::string_view key, const db::Row& row, std::size_t column);
/// From these columns.
tracking::Point PointOf(const db::Row& row, std::size_t value, std::size_t time, std::size_t step, std::size_t is_nan);

}  // namespace mw::transfer
