// What a window shows that its baseline did not: a note for whoever looks, or an alert for whoever must act. Plain
// values. A finding is an alert only with impact: the predictions moved, much-used features moved, or the data cannot
// be right (gone, of another type, out of range, stuck, scaled). Everything else is a note, ranked by impact.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "monitoring/noise_floor.h"

namespace mw::monitoring {

enum class FindingKind : std::uint8_t {
  kMissing,           ///< rows without a value
  kWrongType,         ///< values of another type
  kInfinite,          ///< infinities that the baseline lacked
  kOutOfRange,        ///< outside what the schema allows
  kNewCategory,       ///< categories that the baseline lacked
  kConstant,          ///< one value in every row
  kScaled,            ///< the baseline's shape, times a factor
  kStale,             ///< an age column grew: its source is late
  kVolume,            ///< far fewer or far more rows than usual
  kNoData,            ///< none at all
  kDrift,             ///< a feature's distribution
  kPredictionDrift,   ///< the prediction's
  kAttributionDrift,  ///< what the model bases its answers on
};
/// "missing", "wrong_type" and so on.
std::string_view Name(FindingKind kind);

enum class Severity : std::uint8_t { kNote, kAlert };
std::string_view Name(Severity severity);  ///< "note", "alert"

/// How a window or a cell is. no_data is an outage, never ok.
enum class State : std::uint8_t { kOk, kWarning, kAlert, kInsufficientData, kNoData, kBaselineMissing, kError };
std::string_view Name(State state);
/// Errors: kInvalidArgument.
Result<State> StateFromName(std::string_view name);

/// The rows of a window that have one value in a column.
struct Slice {
  std::string column;
  std::string value;
  bool operator==(const Slice&) const = default;
};
std::string Name(const Slice& slice);  ///< "origin=LGA"

struct Finding {
  FindingKind kind = FindingKind::kDrift;
  std::vector<std::string> columns;  ///< several when one cause took them all; empty: the window as a whole
  double value = 0;
  double threshold = 0;
  double floor = 0;
  FloorMethod floor_method = FloorMethod::kFormula;
  Severity severity = Severity::kNote;
  double impact = 0;  ///< 0 to 1: how much of what the model uses it touches
  std::string sentence;
  std::optional<Slice> slice = {};  ///< where alone it was found; nothing: all over
  Timestamp from{};
  Timestamp until{};
};

/// {"window":{"from","to"},"kind","column","columns","value","threshold","floor","floor_method","severity","impact",
///  "slice":{"column","value"}|null,"sentence"}; "column" is the first.
Json ToJson(const Finding& finding);
/// What ToJson wrote. Errors: kInvalidArgument.
Result<Finding> FindingFromJson(const Json& json);

/// Alerts first, then by impact, then by name: the order in which to read them.
void RankFindings(std::vector<Finding>& findings);

}  // namespace mw::monitoring
