// MLflow's search language, read into clauses: `metrics.loss < 0.1 AND tags.team = 'vision'`. One function for each
// kind of thing that can be searched; nothing here knows a table or a column. Pure functions, any thread.
//
// A filter is clauses that must all hold; there is no OR. What comes out is normalised: entities and attribute keys by
// their one name ("params" is kParameter, "Created" is start_time), quotes stripped, every comparator fit for its
// entity, every value of the type that its entity compares with. Text keeps what stood between the quotes, byte for
// byte.
//
// Errors are kInvalidArgument in MLflow's words; the part of the filter that they quote is shortened. Refused as well:
// text that is not UTF-8 or holds a NUL, and what passes the limits below.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace mw::search {

inline constexpr std::size_t kMaxFilterBytes = 64 * 1024;
inline constexpr std::size_t kMaxClauses = 100;
inline constexpr std::size_t kMaxListEntries = 1000;

enum class Entity : std::uint8_t { kAttribute, kMetric, kParameter, kTag, kDataset };

enum class Comparator : std::uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kLike,   ///< search/like.h
  kILike,  ///< the same, ASCII letters of either case
  kIn,
  kNotIn,
  kIsNull,     ///< the entity has no such key
  kIsNotNull,  ///< it has one
};

struct Number {
  double value = 0;  ///< the nearest double; infinite beyond the range of doubles
  /// The exact value when it was written without point and exponent and fits.
  std::optional<std::int64_t> integer;
  bool operator==(const Number&) const = default;
};

/// monostate with kIsNull and kIsNotNull; a list of at least one with kIn and kNotIn.
using Value = std::variant<std::monostate, Number, std::string, std::vector<std::string>>;

struct Clause {
  Entity entity = Entity::kAttribute;
  std::string key;  ///< may be empty: no such key exists then
  Comparator comparator = Comparator::kEqual;
  Value value;
  bool operator==(const Clause&) const = default;
};

/// All of them must hold; none: everything matches.
using Filter = std::vector<Clause>;

/// metric, parameter, tag (with kIsNull, kIsNotNull, the latter two); attribute: run_id, run_name, status,
/// artifact_uri, user_id and the numbers start_time, end_time; dataset: name, digest, context. run_id and datasets take
/// lists.
Result<Filter> ParseRunFilter(std::string_view text);
/// attribute: name, experiment_id (equal, not equal, lists; its values are digits as Cat writes them) and the whole
/// numbers creation_time, last_update_time; tag (with kIsNull, kIsNotNull).
Result<Filter> ParseExperimentFilter(std::string_view text);
/// attribute: name (lists too); tag.
Result<Filter> ParseRegisteredModelFilter(std::string_view text);
/// attribute: name, run_id (both with lists), source_path and the whole number version_number; tag.
Result<Filter> ParseModelVersionFilter(std::string_view text);
/// attribute: name, model_id, model_type, status, source_run_id (lists too) and the numbers creation_timestamp,
/// last_updated_timestamp; metric, parameter, tag.
Result<Filter> ParseLoggedModelFilter(std::string_view text);

/// "attribute", "metric", "parameter", "tag", "dataset".
std::string_view EntityName(Entity entity);
/// "=", "NOT IN", "IS NULL" and so on.
std::string_view ComparatorName(Comparator comparator);

}  // namespace mw::search
