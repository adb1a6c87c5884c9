// Which columns rows may be sliced by, and how a slice's value is written: the train step keeps baselines of slices
// under these texts, monitoring finds the rows that belong to them. Pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "schema/schema.h"

namespace mw::schema {

/// Categories, truth values and whole numbers: few values that many rows share.
constexpr bool CanSlice(ColumnType type) {
  return type == ColumnType::kCategory || type == ColumnType::kBoolean || type == ColumnType::kInteger;
}

/// An encoded value (encoder.h) in words: "LGA", "true", "14"; nothing for a missing or unknown one, or one that the
/// column cannot hold.
std::optional<std::string> SliceText(const Column& column, float value);

/// The encoded value with that text; nothing when the column has none.
std::optional<float> SliceValue(const Column& column, std::string_view text);

}  // namespace mw::schema
