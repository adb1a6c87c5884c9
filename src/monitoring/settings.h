// How an endpoint is monitored: what people may choose, with what holds when they choose nothing. Plain values and
// their JSON, the same in the database, over the API and on the command line. Pure, any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "monitoring/detectors.h"

namespace mw::monitoring {

/// Whole days of event time, UTC: [from, until).
struct Span {
  Timestamp from{};
  Timestamp until{};
  bool operator==(const Span&) const = default;
};
/// "2013-05-01/2013-06-01".
std::string Name(const Span& span);

struct Settings {
  static constexpr int kWindowsInARowMax = 30;
  static constexpr std::size_t kSliceColumnsMax = 8;
  static constexpr std::size_t kThresholdsMax = 1000;
  static constexpr Duration kSpanMax = std::chrono::hours(24 * 366);

  Sensitivity sensitivity = Sensitivity::kSensitive;
  /// Of a feature or of `prediction`, 0 to 1. 0: whatever exceeds the noise floor counts.
  std::map<std::string, double, std::less<>> thresholds = {};
  int windows_in_a_row = 2;
  std::optional<std::vector<std::string>> slices = {};  ///< nothing: those of the goals whose model it is
  std::optional<Span> baseline = {};                    ///< nothing: what the version was trained on
  bool operator==(const Settings&) const = default;

  [[nodiscard]] DetectOptions Options() const;
  [[nodiscard]] DetectOptions SliceOptions() const;
};

/// {"sensitivity":"sensitive","thresholds":{"temp":0},"windows_in_a_row":2,"slices":["origin"]|null,
///  "baseline":"training"|"2013-05-01/2013-06-01"}
Json ToJson(const Settings& settings);
/// What is absent or null is the default. Errors: kInvalidArgument naming key, value and what to write.
Result<Settings> SettingsFromJson(const Json& json);

}  // namespace mw::monitoring
