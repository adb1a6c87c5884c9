// What differs between two sides, part by part: differences in what went in beside those in what came out. Pure; any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "compare/facts.h"

namespace mw::compare {

enum class Presence : std::uint8_t { kSame, kChanged, kOnlyA, kOnlyB };
/// "same", "changed", "only_a", "only_b"
std::string_view PresenceName(Presence presence);

struct TextDifference {
  std::string name;
  Presence presence = Presence::kSame;
  std::optional<std::string> a = {}, b = {};
};

/// How far a column's values moved: the greatest distance of the distributions (numbers), the share that changed place
/// (texts), or the change of the missing share, whichever is more; 0 to 1.
struct ColumnDrift {
  std::string column;
  double distance = 0;
  std::string a, b;  ///< "mean 3.1, 2 % missing"
};

struct DataDifference {
  std::string name;
  Presence presence = Presence::kSame;
  std::optional<DataFact> a = {}, b = {};
  std::vector<ColumnDrift> drift = {};  ///< the furthest first, where both have profiles and differ
};

struct MetricDifference {
  std::string metric;
  std::optional<double> a = {}, b = {}, difference = {};  ///< b - a
  std::optional<double> low = {}, high = {};              ///< of the difference, at the reports' confidence
  std::optional<double> a_low = {}, a_high = {}, b_low = {}, b_high = {};
  std::string reason = {};  ///< why the difference has no interval; empty: it has one
};

struct Difference {
  std::vector<MetricDifference> metrics;
  std::vector<DataDifference> data;
  std::vector<TextDifference> code, config, environment, hardware;
  std::vector<std::string> summary;  ///< a sentence each, the most telling first
};

inline constexpr std::size_t kDriftColumnsMax = 20;
inline constexpr double kDriftMin = 0.02;  ///< less is not told

Difference Compare(const Facts& a, const Facts& b);
/// Of two profiles as data::Profile writes them.
std::vector<ColumnDrift> DriftOf(const Json& a, const Json& b);

Json ToJson(const Difference& difference);
/// {"ref", "kind", "run_id", "model", "version", "name", "created"}
Json ToJson(const Facts& facts);

}  // namespace mw::compare
