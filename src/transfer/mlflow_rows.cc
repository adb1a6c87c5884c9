// What a value is decides how it is read.
#include "transfer/mlflow_rows.h"

#include <limits>

#include "tracking/kept_value.h"
#include "transfer/mlflow_run.h"

namespace mw::transfer {

using db::Row;

namespace {

double DoubleOr(const Row& row, std::size_t column) {
  if (const auto* number = std::get_if<double>(&row.At(column))) return *number;
  return static_cast<double>(IntOr(row, column));
}

}  // namespace

std::string TextOr(const Row& row, std::size_t column, std::string_view otherwise) {
  const auto* text = std::get_if<std::string>(&row.At(column));
  return text == nullptr ? std::string(otherwise) : *text;
}

std::int64_t IntOr(const Row& row, std::size_t column, std::int64_t otherwise) {
  const auto* number = std::get_if<std::int64_t>(&row.At(column));
  return number == nullptr ? otherwise : *number;
}

void SetFrom(Json& json, std::string_view key, const Row& row, std::size_t column) {
  if (const auto* number = std::get_if<std::int64_t>(&row.At(column))) json[key] = *number;
  if (const auto* text = std::get_if<std::string>(&row.At(column))) json[key] = *text;
}

tracking::Point PointOf(const Row& row, std::size_t value, std::size_t time, std::size_t step, std::size_t is_nan) {
  const double number = IntOr(row, is_nan) != 0 ? std::numeric_limits<double>::quiet_NaN() : DoubleOr(row, value);
  return {IntOr(row, time), IntOr(row, step), tracking::KeptValue(number)};
}

}  // namespace mw::transfer
