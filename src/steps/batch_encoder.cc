// Columns to rows.
#include "steps/batch_encoder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/text.h"

namespace mw::steps {
namespace {

using schema::ColumnType;

/// The same marks as kMissingMarks (table_survey.h), which SQL reads.
constexpr std::array<std::string_view, 11> kMarks = {"",     "na", "n/a", "#n/a", "nan",    "null",
                                                     "none", "?",  "-",   ".",    "missing"};

std::optional<bool> ReadBoolean(std::string_view text) {
  for (const std::string_view yes : {"true", "t", "yes", "y", "1"}) {
    if (EqualsIgnoreCase(text, yes)) return true;
  }
  for (const std::string_view no : {"false", "f", "no", "n", "0"}) {
    if (EqualsIgnoreCase(text, no)) return false;
  }
  return std::nullopt;
}

}  // namespace

bool IsMissingMark(std::string_view text) {
  text = Trim(text);
  if (text.size() > 7) return false;
  return std::any_of(kMarks.begin(), kMarks.end(), [&](std::string_view mark) { return EqualsIgnoreCase(text, mark); });
}

BatchEncoder::BatchEncoder(const schema::Encoder& encoder, const std::vector<data::ResultColumn>& columns)
    : encoder_(encoder) {
  for (std::size_t i = 0; i < encoder.num_features(); ++i) is_text_.push_back(columns[i].type == ColumnType::kText);
}

void BatchEncoder::Encode(const data::Chunk& chunk, std::span<float> out, std::vector<BadRow>& bad) {
  complaints_.resize(std::max(complaints_.size(), chunk.rows()));
  for (std::size_t feature = 0; feature < is_text_.size(); ++feature) {
    const auto column = out.subspan(feature);
    if (is_text_[feature]) {
      EncodeTexts(static_cast<int>(feature), chunk.Texts(feature), column);
    } else {
      EncodeNumbers(static_cast<int>(feature), chunk.Numbers(feature), column);
    }
  }
  if (!any_complaint_) return;
  any_complaint_ = false;
  for (std::size_t row = 0; row < chunk.rows(); ++row) {
    if (complaints_[row].empty()) continue;
    bad.push_back({row, std::move(complaints_[row])});
    complaints_[row].clear();
  }
}

void BatchEncoder::EncodeNumbers(int feature, std::span<const double> values, std::span<float> out) {
  const std::size_t stride = is_text_.size();
  const schema::Column& column = encoder_.column(feature);
  // What needs no look at the single value: a float that fits, and a missing one where that is allowed.
  const bool plain = column.type == ColumnType::kFloat;
  for (std::size_t row = 0; row < values.size(); ++row) {
    const double value = values[row];
    if (plain && std::abs(value) <= std::numeric_limits<float>::max()) [[likely]] {
      out[row * stride] = static_cast<float>(value);
      continue;
    }
    if (std::isnan(value) && !column.required) {
      out[row * stride] = schema::Encoder::kMissing;
      continue;
    }
    const Result<float> encoded = encoder_.EncodeNumber(feature, value);
    out[row * stride] = encoded.ok() ? *encoded : schema::Encoder::kMissing;
    if (!encoded.ok()) Complain(row, encoded.error());
  }
}

void BatchEncoder::EncodeTexts(int feature, std::span<const std::string_view> values, std::span<float> out) {
  const std::size_t stride = is_text_.size();
  for (std::size_t row = 0; row < values.size(); ++row) {
    const std::string_view text = values[row];
    const Result<float> encoded = text.data() == nullptr ? encoder_.EncodeMissing(feature) : ReadText(feature, text);
    out[row * stride] = encoded.ok() ? *encoded : schema::Encoder::kMissing;
    if (!encoded.ok()) Complain(row, encoded.error());
    if (encoded.ok() && schema::Encoder::IsUnknownCategory(*encoded)) ++unknown_categories_;
  }
}

Result<float> BatchEncoder::ReadText(int feature, std::string_view text) const {
  const ColumnType type = encoder_.column(feature).type;
  if (type == ColumnType::kCategory) {
    Result<float> code = encoder_.EncodeText(feature, text);
    const bool known = code.ok() && !schema::Encoder::IsUnknownCategory(*code);
    return known || !IsMissingMark(text) ? code : encoder_.EncodeMissing(feature);
  }
  const std::string_view trimmed = Trim(text);
  if (type == ColumnType::kBoolean) {
    if (const auto value = ReadBoolean(trimmed)) return encoder_.EncodeBool(feature, *value);
  } else if (const auto value = ParseDouble(trimmed); value && !std::isnan(*value)) {
    return encoder_.EncodeNumber(feature, *value);
  }
  if (IsMissingMark(trimmed)) return encoder_.EncodeMissing(feature);
  return encoder_.EncodeText(feature, text);  // an error that says what the column takes
}

void BatchEncoder::Complain(std::size_t row, const Error& error) {
  any_complaint_ = true;
  if (complaints_[row].empty()) complaints_[row] = error.message;
}

}  // namespace mw::steps
