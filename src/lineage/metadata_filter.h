// The filter language of the metadata API, after Vertex ML Metadata (google.aip.dev/160), read into a tree:
//
//   schema_title = "system.Model" AND create_time > "2026-01-02T03:04:05Z" AND metadata.auc.number_value > 0.7
//   (state = LIVE OR NOT uri = "") AND in_context("projects/default/.../contexts/c1")
//
// OR binds closer than AND, as there: a AND b OR c is a AND (b OR c). Words AND, OR, NOT are in capitals; - before a
// restriction is NOT. Nothing here knows a table. Pure functions, any thread. Errors are kInvalidArgument and say
// where.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "lineage/schema_title.h"

namespace mw::lineage {

inline constexpr std::size_t kFilterBytesMax = 16 * 1024;
inline constexpr std::size_t kFilterTermsMax = 100;
inline constexpr std::size_t kFilterDepthMax = 5;  ///< of parentheses

enum class Compare : std::uint8_t { kEqual, kNotEqual, kLess, kLessOrEqual, kGreater, kGreaterOrEqual };
/// "=", "!=", "<" ...
std::string_view CompareSign(Compare compare);

enum class Subject : std::uint8_t {
  kName,         ///< the id: the last part of a resource's name
  kDisplayName,  ///< of contexts and executions their name, of artifacts their title
  kUri,          ///< of artifacts
  kState,        ///< of artifacts and executions; `text` is ours: "live"
  kSchemaTitle,  ///< `text` is the type, not the title
  kCreateTime,
  kUpdateTime,
  kMetadataNumber,
  kMetadataText,
  kMetadataTruth,
  kInContext,       ///< of artifacts and executions; `text` is the context's id, `compare` kEqual
  kParentContexts,  ///< of contexts: has this parent; likewise
  kChildContexts,
};

inline bool IsTime(Subject subject) { return subject == Subject::kCreateTime || subject == Subject::kUpdateTime; }

struct FilterTerm {
  Subject subject = Subject::kName;
  std::string key = {};  ///< of metadata: "auc", "outer.inner"
  Compare compare = Compare::kEqual;
  std::string text = {};
  double number = 0;
  bool truth = false;
  Timestamp time{};
  bool operator==(const FilterTerm&) const = default;
};

/// A term, or what joins others.
struct FilterNode {
  enum class Kind : std::uint8_t { kTerm, kAll, kAny, kNot };
  Kind kind = Kind::kAll;
  FilterTerm term = {};
  std::vector<FilterNode> parts = {};  ///< kNot has one; a kAll of none holds for everything
  bool operator==(const FilterNode&) const = default;
};

/// What is asked of such nouns. An empty text holds for everything. Errors: kInvalidArgument.
Result<FilterNode> ParseMetadataFilter(Noun noun, std::string_view text);

/// A filter that reads as the same tree; for tests.
std::string FilterText(Noun noun, const FilterNode& node);

/// "create_time desc, display_name"
struct OrderKey {
  Subject subject = Subject::kCreateTime;  ///< one of those that every noun has, not metadata
  bool descending = false;
  bool operator==(const OrderKey&) const = default;
};
inline constexpr std::size_t kOrderKeysMax = 4;
/// Errors: kInvalidArgument.
Result<std::vector<OrderKey>> ParseMetadataOrder(Noun noun, std::string_view text);

}  // namespace mw::lineage
