// Retention rules: how long an experiment's runs stay, and how long deleted ones lie in the trash. Plain values and the
// pure decision, no I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "tracking/trash.h"

namespace mw::retention {

/// The rule of all experiments that have none of their own.
inline constexpr std::string_view kEveryExperiment = "*";

/// What is not given limits nothing. A run is deleted when every limit that is given lets it go: with 30 days and 100
/// runs, the runs that are older than 30 days and not among the newest 100.
struct Rule {
  std::string experiment;                  ///< its id, or kEveryExperiment
  std::optional<std::int64_t> keep_days;   ///< after a run's end
  std::optional<std::int64_t> keep_last;   ///< so many of the newest, by start
  std::optional<std::int64_t> trash_days;  ///< deleted runs and experiments are purged after so many days
  bool operator==(const Rule&) const = default;
};

inline constexpr std::int64_t kDaysMax = 36'500;
inline constexpr std::int64_t kRunsMax = 1'000'000;

/// Errors: kInvalidArgument: a limit out of its range, or none at all.
Status CheckRule(const Rule& rule);

/// The runs of one experiment that the rule lets go at `now`; `runs` come the newest first. One that has not ended
/// stays. What is registered is the caller's to leave out.
std::vector<tracking::RunId> RunsToDelete(const Rule& rule, std::span<const tracking::RunAge> runs, Timestamp now);

}  // namespace mw::retention
