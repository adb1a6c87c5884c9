// Readings of a step's options (`with`) and of its goal, shared by the model steps. Numbers come as JSON
// numbers, shares and durations as they were written. Pure but for LoadGoal, which reads a file.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "goals/goal.h"
#include "steps/task.h"

namespace mw::steps {

struct Bounds {
  double from = 0;
  double until = 0;  ///< included
};

// Each gives `otherwise` for an absent option. Errors: kInvalidArgument naming step, option, value and what
// to write instead.
Result<double> NumberOption(const StepTask& task, std::string_view key, double otherwise, Bounds bounds);
Result<int> WholeOption(const StepTask& task, std::string_view key, int otherwise, Bounds bounds);
/// "95%" or 0.95.
Result<double> ShareOption(const StepTask& task, std::string_view key, double otherwise);
/// "60s".
Result<Duration> DurationOption(const StepTask& task, std::string_view key, Duration otherwise);
/// One text or a list of texts.
Result<std::vector<std::string>> TextsOption(const StepTask& task, std::string_view key,
                                             std::vector<std::string> otherwise);

/// The goal of the pipeline, or nothing when it has none. Errors: those of reading and parsing the file.
Result<std::optional<goals::Goal>> LoadGoal(const StepTask& task);

/// Cores this attempt may use: $MILLWRIGHT_CPU where the pipeline set it, else those of the machine.
int Cores();

}  // namespace mw::steps
