// What each kind of search calls its entities and keys, which comparators go with them, and what it says to the rest:
// tables for the one clause reader (clause_reader.h) and the one order parser (order_by.cc). Constants, any thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "search/filter.h"

namespace mw::search {

class Comparators {
 public:
  constexpr Comparators() = default;
  constexpr Comparators(std::initializer_list<Comparator> of) {
    for (const Comparator each : of) bits_ |= Bit(each);
  }
  [[nodiscard]] constexpr bool Has(Comparator comparator) const { return (bits_ & Bit(comparator)) != 0; }
  [[nodiscard]] constexpr Comparators With(Comparators more) const {
    more.bits_ |= bits_;
    return more;
  }
  /// {'=', '!='}, as Python writes a set.
  [[nodiscard]] std::string ToText() const;

 private:
  static constexpr std::uint32_t Bit(Comparator comparator) { return 1U << static_cast<unsigned>(comparator); }
  std::uint32_t bits_ = 0;
};

inline constexpr Comparators kNumericComparators = {Comparator::kEqual,   Comparator::kNotEqual,
                                                    Comparator::kLess,    Comparator::kLessOrEqual,
                                                    Comparator::kGreater, Comparator::kGreaterOrEqual};
inline constexpr Comparators kTextComparators = {Comparator::kEqual, Comparator::kNotEqual, Comparator::kLike,
                                                 Comparator::kILike};
inline constexpr Comparators kListComparators = {Comparator::kIn, Comparator::kNotIn};
inline constexpr Comparators kNullComparators = {Comparator::kIsNull, Comparator::kIsNotNull};

struct EntityAlias {
  std::string_view alias;
  Entity entity;
};

struct AttributeKey {
  std::string_view alias;
  std::string_view key;  ///< its one name
  bool numeric = false;
};

/// Entities and attribute keys that may be named; what a message says is valid.
struct Names {
  std::span<const EntityAlias> entities;
  std::string_view valid_entities;
  std::span<const AttributeKey> attributes;
};

/// A name found in such a table; views into the text that was read, or into the table.
struct Name {
  Entity entity = Entity::kAttribute;
  std::string_view written;  ///< the key, unquoted
  std::string_view key;      ///< its one name
  bool numeric = false;
};

/// Splits at the first dot; no dot: an attribute. Quotes around the key are stripped, then backticks.
Result<Name> FindName(std::string_view text, const Names& names);
/// Without the quotes of either kind around it; nothing when there are none.
std::optional<std::string_view> Unquoted(std::string_view text);
/// {'name', 'run_id'}.
std::string KeysText(std::span<const AttributeKey> attributes);

enum class NullTests : std::uint8_t { kOfTagsAndParameters, kOfTags, kNone };
/// kWhole: without a fraction. kWholeOrQuoted: such a number may stand in quotes.
enum class Numbers : std::uint8_t { kAny, kWhole, kWholeOrQuoted };

struct Dialect {
  Names names;
  Comparators text = {};  ///< of attributes that are texts
  Comparators list = kListComparators;
  Comparators tags = {};
  Comparators parameters = {};
  /// Attributes that are compared with lists, sorted; none: every one that is a text.
  std::span<const std::string_view> list_keys = {};
  NullTests null_tests = NullTests::kNone;
  /// Where nothing can be tested for being there: "registered model".
  std::string_view null_tests_refused_for = {};
  Numbers numbers = Numbers::kAny;  ///< of attributes
  /// An attribute that is a whole number, written as a text; nothing is greater or less than it, or like it.
  std::string_view id_key = {};
  /// Invalid clauses stand in quotes in the message about them.
  bool quotes_clauses = false;
  /// "Invalid comparator for attribute: X", not "Invalid comparator 'X' not one of ...".
  bool names_attribute_comparators = false;
  bool names_tag_comparators = false;
  /// Attributes that are texts could be lists, says the message about other values.
  bool mentions_lists = false;
  /// A number where a text is expected is told which keys are numbers.
  bool names_numeric_keys = false;
};

extern const Dialect kRuns;
extern const Dialect kExperiments;
extern const Dialect kRegisteredModels;
extern const Dialect kModelVersions;
extern const Dialect kLoggedModels;

extern const Names kRunOrder;
extern const Names kExperimentOrder;
extern const Names kRegisteredModelOrder;
extern const Names kModelVersionOrder;

}  // namespace mw::search
