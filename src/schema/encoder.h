// The one encoder: a row of named values becomes the row of floats that a model was trained on. The
// train step, the model server and the replay all use this class, so training and serving cannot differ.
//
//   float, integer  the value as float32                  boolean   0 or 1
//   category        its position in the vocabulary        missing   NaN
// A category that the vocabulary lacks is NaN too (the model treats it as missing), with other bits: so it can be
// told apart later. EncodeText returns NaN for no other reason, so the caller counts by looking at the result.
//
// Immutable after Make, pure, any thread. A value of the wrong type is an error that names the column,
// the value and what was expected; ranges (min, max) are not enforced here: they are findings for
// validation and monitoring, not a reason to leave a request unanswered.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "base/result.h"
#include "schema/name_table.h"
#include "schema/schema.h"

namespace mw::schema {

class Encoder {
 public:
  /// `features`: names of columns of `schema` in the model's order.
  /// Errors: kInvalidArgument for a feature that is no column, appears twice, is text or a timestamp,
  /// or is a category without a vocabulary.
  static Result<Encoder> Make(const Schema& schema, const std::vector<std::string>& features);

  [[nodiscard]] std::size_t num_features() const { return slots_.size(); }
  [[nodiscard]] const std::vector<std::string>& feature_names() const { return names_.names(); }
  [[nodiscard]] const Column& column(int feature) const { return slots_[Index(feature)].column; }

  /// Position in the model's order, -1 when the model has no such feature.
  [[nodiscard]] int FeatureIndex(std::string_view name) const { return names_.Find(name); }
  /// kInvalidArgument that names the nearest feature: for a name that FeatureIndex does not know.
  [[nodiscard]] Error UnknownFeature(std::string_view name) const;
  /// kInvalidArgument: a request or a file has no column of this name at all.
  [[nodiscard]] Error AbsentFeature(int feature) const;

  // One value. `feature` is in [0, num_features()). Errors: kInvalidArgument.

  /// float; integer (whole numbers only); boolean (0 and 1 only). NaN is a missing value.
  [[nodiscard]] Result<float> EncodeNumber(int feature, double value) const {
    const Slot& slot = slots_[Index(feature)];
    if (slot.column.type == ColumnType::kFloat && std::abs(value) <= std::numeric_limits<float>::max()) [[likely]] {
      return static_cast<float>(value);
    }
    return EncodeOtherNumber(slot, value);
  }
  /// Only for booleans.
  [[nodiscard]] Result<float> EncodeBool(int feature, bool value) const {
    const Slot& slot = slots_[Index(feature)];
    if (slot.column.type != ColumnType::kBoolean) [[unlikely]]
      return WrongType(slot, value ? "true" : "false");
    return value ? 1.0F : 0.0F;
  }
  /// Only for categories; NaN when the vocabulary lacks the value.
  [[nodiscard]] Result<float> EncodeText(int feature, std::string_view value) const {
    const Slot& slot = slots_[Index(feature)];
    if (slot.column.type != ColumnType::kCategory) [[unlikely]]
      return WrongText(slot, value);
    const int code = slot.vocabulary.Find(value);
    return code < 0 ? kUnknownCategory : static_cast<float>(code);
  }
  /// NaN, or an error when the column is required.
  [[nodiscard]] Result<float> EncodeMissing(int feature) const {
    const Slot& slot = slots_[Index(feature)];
    if (slot.column.required) [[unlikely]]
      return RequiredMissing(slot);
    return kMissing;
  }

  static constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();
  static constexpr float kUnknownCategory = std::bit_cast<float>(0x7FC0'0001U);
  /// Of a value that came from an encoder.
  static bool IsUnknownCategory(float value) { return std::bit_cast<std::uint32_t>(value) == 0x7FC0'0001U; }

 private:
  struct Slot {
    Column column;
    NameTable vocabulary;
  };
  std::size_t Index(int feature) const {
    MW_ASSERT(feature >= 0 && static_cast<std::size_t>(feature) < slots_.size());
    return static_cast<std::size_t>(feature);
  }
  static Result<float> EncodeOtherNumber(const Slot& slot, double value);
  static Error WrongType(const Slot& slot, std::string_view value);
  static Error WrongText(const Slot& slot, std::string_view value);
  static Error RequiredMissing(const Slot& slot);

  std::vector<Slot> slots_;
  NameTable names_;
};

}  // namespace mw::schema
