// What the columns of a dataset or of a model's input are: names, types, units, ranges, vocabularies.
//
// One schema travels with the data: a person writes schema.yaml, a dataset's dataset.json and a model
// package's schema.json carry the JSON form, and the encoder (encoder.h) turns rows into floats by it,
// at training and at serving alike. Plain values, pure functions, any thread.
//
// Invariant: a Schema that came from FromJson or ParseYaml has unique column names, min <= max,
// vocabularies without doubles and only on categories, and roles (label, event_time, key) that are columns.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/yaml.h"

namespace mw::schema {

inline constexpr int kFormatVersion = 1;
inline constexpr std::size_t kColumnsMax = 16'384;
/// Categories of one column, and bytes of one name or category.
inline constexpr std::size_t kVocabularyMax = 65'536;
inline constexpr std::size_t kNameBytesMax = 1'024;

enum class ColumnType : std::uint8_t { kFloat, kInteger, kBoolean, kCategory, kText, kTimestamp };

/// "float", "integer", "boolean", "category", "text", "timestamp".
std::string_view TypeName(ColumnType type);
std::optional<ColumnType> TypeFromName(std::string_view name);
/// Whether a column of this type can be an input of a model.
constexpr bool IsFeatureType(ColumnType type) { return type != ColumnType::kText && type != ColumnType::kTimestamp; }

struct Column {
  std::string name;
  ColumnType type = ColumnType::kFloat;
  std::string unit;           ///< "degF", "mi", empty when it has none
  bool required = false;      ///< a row without a value is an error, at training and at serving
  std::optional<double> min;  ///< smallest plausible value, in `unit`; only float and integer
  std::optional<double> max;
  std::vector<std::string> vocabulary;  ///< a category's values; the position is the code
  std::string description;

  bool operator==(const Column&) const = default;
};

struct Schema {
  std::string name;
  std::vector<Column> columns;
  // Names of columns, empty when there is none.
  std::string label;
  std::string event_time;
  std::string key;

  /// nullptr when there is no such column.
  [[nodiscard]] const Column* Find(std::string_view column) const;
  [[nodiscard]] Column* Find(std::string_view column);
  bool operator==(const Schema&) const = default;
};

/// {"format_version":1,"name":..,"label":..,"event_time":..,"key":..,"columns":[..]}; empty members are left out.
Json ToJson(const Schema& schema);
/// Errors: kInvalidArgument naming column, member and value; kFailedPrecondition for a newer format.
Result<Schema> FromJson(const Json& json);

/// The array of columns alone, as dataset.json carries it.
Json ColumnsToJson(const std::vector<Column>& columns);
Result<std::vector<Column>> ColumnsFromJson(const Json& array);

/// Reads schema.yaml:
///   schema: late-departures
///   label: departed_late
///   columns:
///     temp:    {type: float, unit: degF, min: -40, max: 130}
///     carrier: {type: category, vocabulary: [AA, UA]}   # without one it is learned from the training rows
///     hour:    integer                                   # short for {type: integer}
/// Errors: kInvalidArgument with every fault of the file at once, each "FILE:LINE: ...".
Result<Schema> ParseYaml(std::string_view text, std::string_view file_name);

/// The schema's invariant, for one that was put together in memory.
Status Check(const Schema& schema);

/// One way in which `after` is not `before`. `before` and `after` hold the two values, for people.
struct Difference {
  enum class Kind : std::uint8_t { kAdded, kDropped, kRetyped, kUnit, kRequired, kRange, kVocabulary, kRole };
  Kind kind = Kind::kAdded;
  std::string column;  ///< for kRole "label", "event_time" or "key"
  std::string before;
  std::string after;

  /// "column "temp": type float became text".
  [[nodiscard]] std::string ToString() const;
  bool operator==(const Difference&) const = default;
};

/// In the order of `before`'s columns, then the added ones, then roles. Order of columns, names of the
/// schemas and descriptions are no difference.
std::vector<Difference> Compare(const Schema& before, const Schema& after);

}  // namespace mw::schema
