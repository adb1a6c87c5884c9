// What the values of one column look like, in bounded memory and mergeable: the same thing for a data set, for a
// training period and for an hour of predictions, so that any two can be compared.
//
// Every row is counted once: rows() = missing() + wrong_type() + infinite() + values(). Numbers and times have
// moments, quantiles and distinct values; categories and texts have exact counts until 4,096 distinct ones, then
// approximate(). One thread.
// Invariants: the same calls give the same bytes; counters, exact counts and distinct values do not depend
// on order or on how rows were split; quantiles do not while there are fewer than Kll::kDefaultK.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "sketch/frequent_items.h"
#include "sketch/hyper_log_log.h"
#include "sketch/kll.h"
#include "sketch/moments.h"

namespace mw::sketch {

enum class ValueKind : std::uint8_t {
  kNumber = 0,
  kCategory = 1,
  kText = 2,
  kTimestamp = 3,  ///< a number: microseconds UTC since 1970
};

/// "number", "category", "text", "timestamp".
std::string_view ValueKindName(ValueKind kind);

inline constexpr std::size_t kColumnNameBytesMax = 1024;

struct ColumnSpec {
  std::string name;
  ValueKind kind = ValueKind::kNumber;
  bool operator==(const ColumnSpec&) const = default;
};

class ColumnProfile {
 public:
  /// Coins are seeded by the name, which is cut at kColumnNameBytesMax.
  explicit ColumnProfile(ColumnSpec spec);

  /// Numbers and times: NaN is missing, infinities are counted apart. In a category's or text's column every
  /// number but NaN is of the wrong type.
  void AddNumbers(std::span<const float> values);
  void AddNumbers(std::span<const double> values);
  void AddNumber(double value) { AddNumbers(std::span(&value, 1)); }
  /// A category or text that occurs `count` times. In a column of numbers it is of the wrong type.
  void AddValue(std::string_view value, std::uint64_t count = 1);
  void AddMissing(std::uint64_t rows = 1);
  void AddWrongType(std::uint64_t rows = 1);
  /// Rows of a column of another kind (numbers and times are one, categories and texts are one) are of the
  /// wrong type, save those that are missing.
  void Merge(const ColumnProfile& other);

  [[nodiscard]] const ColumnSpec& spec() const { return spec_; }
  [[nodiscard]] const std::string& name() const { return spec_.name; }
  [[nodiscard]] ValueKind kind() const { return spec_.kind; }
  /// Whether the column has moments and quantiles: numbers and times.
  [[nodiscard]] bool numeric() const;

  [[nodiscard]] std::uint64_t rows() const { return rows_; }
  [[nodiscard]] std::uint64_t missing() const { return missing_; }
  [[nodiscard]] std::uint64_t wrong_type() const { return wrong_type_; }
  [[nodiscard]] std::uint64_t positive_infinite() const { return positive_infinite_; }
  [[nodiscard]] std::uint64_t negative_infinite() const { return negative_infinite_; }
  [[nodiscard]] std::uint64_t infinite() const { return positive_infinite_ + negative_infinite_; }
  /// Rows with a finite number, a category or a text.
  [[nodiscard]] std::uint64_t values() const { return rows_ - missing_ - wrong_type_ - infinite(); }
  /// Texts that are not UTF-8; they are among the values.
  [[nodiscard]] std::uint64_t invalid_text() const { return invalid_text_; }

  /// Finite numbers only; both empty for categories and texts.
  [[nodiscard]] const Moments& moments() const { return moments_; }
  [[nodiscard]] const Kll& quantiles() const { return kll_; }
  /// Distinct values, rounded; exact for categories while not approximate().
  [[nodiscard]] std::uint64_t distinct() const;
  /// Whether counts() has let go of rare values.
  [[nodiscard]] bool approximate() const { return !counts_.exact(); }
  /// Empty for numbers.
  [[nodiscard]] const FrequentItems& counts() const { return counts_; }

  /// For people: what has no value is left out.
  [[nodiscard]] Json ToJson() const;
  void Write(ByteWriter& out) const;
  /// Errors: kDataLoss for bytes that no Write has made.
  static Result<ColumnProfile> Read(ByteReader& in);

 private:
  template <typename Number>
  void AddAll(std::span<const Number> values);
  void AddFinite(std::span<const double> values);
  void AddCount(std::string_view text, std::uint64_t count);
  void MergeCounts(const ColumnProfile& other);
  Status ReadSketches(ByteReader& in);

  ColumnSpec spec_;
  std::uint64_t rows_ = 0;
  std::uint64_t missing_ = 0;
  std::uint64_t wrong_type_ = 0;
  std::uint64_t positive_infinite_ = 0;
  std::uint64_t negative_infinite_ = 0;
  std::uint64_t invalid_text_ = 0;
  Moments moments_;
  Kll kll_;
  HyperLogLog distinct_;  ///< of categories and texts only once approximate
  FrequentItems counts_;
};

}  // namespace mw::sketch
