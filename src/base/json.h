// JSON values for control-plane work: requests, records, files. Parsing is simdjson's; objects keep
// the order in which keys were written. The inference path has its own scanner and does not use this.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace mw {

class Json {
 public:
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;

  Json() = default;  ///< null
  Json(std::nullptr_t) {}
  Json(bool value) : value_(value) {}
  Json(std::int64_t value) : value_(value) {}
  Json(int value) : value_(std::int64_t{value}) {}
  Json(std::uint64_t value);  ///< above INT64_MAX it becomes a double
  Json(double value) : value_(value) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(Array value) : value_(std::move(value)) {}
  Json(Object value) : value_(std::move(value)) {}
  /// An object: Json::Make({{"name", name}, {"rows", 3}}).
  static Json Make(std::initializer_list<Member> members) { return Json(Object(members)); }
  static Json MakeArray() { return Json(Array{}); }
  static Json MakeObject() { return Json(Object{}); }

  /// Errors: kInvalidArgument with the byte offset for text that is no JSON, deeper than 64 levels
  /// or not UTF-8. A key that appears twice is an error too: readers would disagree about it.
  static Result<Json> Parse(std::string_view text);

  /// Compact, keys in their order, doubles in the shortest form that reads back equal. NaN and
  /// infinities, which JSON lacks, are written as null.
  [[nodiscard]] std::string Dump() const;
  /// With two spaces of indentation, for people and for files under version control.
  [[nodiscard]] std::string DumpPretty() const;
  void DumpTo(std::string& out) const;

  [[nodiscard]] bool IsNull() const { return std::holds_alternative<std::nullptr_t>(value_); }
  [[nodiscard]] bool IsBool() const { return std::holds_alternative<bool>(value_); }
  [[nodiscard]] bool IsInt() const { return std::holds_alternative<std::int64_t>(value_); }
  [[nodiscard]] bool IsNumber() const { return IsInt() || std::holds_alternative<double>(value_); }
  [[nodiscard]] bool IsString() const { return std::holds_alternative<std::string>(value_); }
  [[nodiscard]] bool IsArray() const { return std::holds_alternative<Array>(value_); }
  [[nodiscard]] bool IsObject() const { return std::holds_alternative<Object>(value_); }

  // The value where the kind is known; asserts when it is another kind.
  [[nodiscard]] bool AsBool() const;
  [[nodiscard]] std::int64_t AsInt() const;
  [[nodiscard]] double AsDouble() const;  ///< of either kind of number
  [[nodiscard]] const std::string& AsString() const;
  [[nodiscard]] const Array& AsArray() const;
  [[nodiscard]] Array& AsArray();
  [[nodiscard]] const Object& AsObject() const;
  [[nodiscard]] Object& AsObject();

  /// The member, or nullptr when this is no object or has no such key.
  [[nodiscard]] const Json* Find(std::string_view key) const;
  /// The same, and nullptr when the member is no array.
  [[nodiscard]] const Json* FindArray(std::string_view key) const;
  /// The member for writing; made (null) when absent. This must be an object or null.
  Json& operator[](std::string_view key);
  void Append(Json element);

  // Members of outside JSON. Errors: kInvalidArgument naming the key and what was found instead.
  [[nodiscard]] Result<std::string> GetString(std::string_view key) const;
  [[nodiscard]] Result<std::int64_t> GetInt(std::string_view key) const;
  [[nodiscard]] Result<double> GetDouble(std::string_view key) const;
  [[nodiscard]] Result<bool> GetBool(std::string_view key) const;
  // The same with a default for an absent or null member; a member of another kind is the default too.
  [[nodiscard]] std::string StringOr(std::string_view key, std::string_view otherwise) const;
  [[nodiscard]] std::int64_t IntOr(std::string_view key, std::int64_t otherwise) const;
  [[nodiscard]] double DoubleOr(std::string_view key, double otherwise) const;
  [[nodiscard]] bool BoolOr(std::string_view key, bool otherwise) const;
  [[nodiscard]] const Array& ListOrEmpty(std::string_view key) const;

  bool operator==(const Json&) const = default;

 private:
  std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Object> value_ = nullptr;
};

/// Appends `text` as a JSON string with its quotes; invalid UTF-8 becomes U+FFFD.
void AppendJsonString(std::string& out, std::string_view text);
/// Appends the shortest number that reads back equal; null for NaN and infinities.
void AppendJsonNumber(std::string& out, double value);

}  // namespace mw
