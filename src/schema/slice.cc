// Encoded values to texts and back.
#include "schema/slice.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace mw::schema {

std::optional<std::string> SliceText(const Column& column, float value) {
  if (!CanSlice(column.type) || !std::isfinite(value) || value != std::trunc(value)) return std::nullopt;
  if (column.type == ColumnType::kBoolean)
    return value == 1 ? "true" : value == 0 ? "false" : std::optional<std::string>();
  if (column.type == ColumnType::kInteger) return Fixed(static_cast<double>(value), 0);
  if (value < 0 || value >= static_cast<float>(column.vocabulary.size())) return std::nullopt;
  return column.vocabulary[static_cast<std::size_t>(value)];
}

std::optional<float> SliceValue(const Column& column, std::string_view text) {
  if (column.type == ColumnType::kBoolean && (text == "true" || text == "false")) return text == "true" ? 1.0F : 0.0F;
  if (column.type == ColumnType::kInteger) {
    const std::optional<long long> number = ParseInt(text);
    if (number) return static_cast<float>(*number);
  }
  if (column.type != ColumnType::kCategory) return std::nullopt;
  const auto found = std::find(column.vocabulary.begin(), column.vocabulary.end(), text);
  if (found == column.vocabulary.end()) return std::nullopt;
  return static_cast<float>(found - column.vocabulary.begin());
}

}  // namespace mw::schema
