// Options, goal and cores of a step.
#include "steps/step_options.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <thread>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "base/yaml.h"

namespace mw::steps {
namespace {

constexpr std::size_t kGoalBytesMax = std::size_t{1} << 20;

const Json* Present(const StepTask& task, std::string_view key) {
  const Json* value = task.with.Find(key);
  return value == nullptr || value->IsNull() ? nullptr : value;
}

Error Wrong(const StepTask& task, std::string_view key, const Json& value, std::string_view wanted) {
  return InvalidArgument("step ", Quoted(task.step), " (", task.uses, "): with.", key, " is ", value.Dump(), "; write ",
                         wanted);
}

}  // namespace

Result<double> NumberOption(const StepTask& task, std::string_view key, double otherwise, Bounds bounds) {
  const Json* value = Present(task, key);
  if (value == nullptr) return otherwise;
  if (value->IsNumber() && value->AsDouble() >= bounds.from && value->AsDouble() <= bounds.until) {
    return value->AsDouble();
  }
  return Wrong(task, key, *value, Cat("a number from ", bounds.from, " to ", bounds.until));
}

Result<int> WholeOption(const StepTask& task, std::string_view key, int otherwise, Bounds bounds) {
  const double value = TRY(NumberOption(task, key, otherwise, bounds));
  if (value == std::floor(value)) return static_cast<int>(value);
  return Wrong(task, key, *task.with.Find(key), "a whole number");
}

Result<double> ShareOption(const StepTask& task, std::string_view key, double otherwise) {
  const Json* value = Present(task, key);
  if (value == nullptr) return otherwise;
  if (value->IsNumber()) return value->AsDouble();
  if (value->IsString()) {
    const Result<double> share = ParseShare(value->AsString());
    if (share.ok()) return *share;
  }
  return Wrong(task, key, *value, "a share such as 95% or 0.95");
}

Result<Duration> DurationOption(const StepTask& task, std::string_view key, Duration otherwise) {
  const Json* value = Present(task, key);
  if (value == nullptr) return otherwise;
  if (value->IsString()) {
    const Result<Duration> duration = ParseDuration(value->AsString());
    if (duration.ok() && duration->count() > 0) return *duration;
  }
  return Wrong(task, key, *value, "a duration such as 60s");
}

Result<std::vector<std::string>> TextsOption(const StepTask& task, std::string_view key,
                                             std::vector<std::string> otherwise) {
  const Json* value = Present(task, key);
  if (value == nullptr) return otherwise;
  if (value->IsString()) return std::vector<std::string>{value->AsString()};
  if (!value->IsArray()) return Wrong(task, key, *value, "a list of names");
  std::vector<std::string> texts;
  for (const Json& element : value->AsArray()) {
    if (!element.IsString()) return Wrong(task, key, element, "a list of names");
    texts.push_back(element.AsString());
  }
  return texts;
}

Result<std::optional<goals::Goal>> LoadGoal(const StepTask& task) {
  if (task.goal_file.empty()) return std::optional<goals::Goal>();
  const std::string text = TRY(ReadFile(task.goal_file, kGoalBytesMax));
  return std::optional<goals::Goal>(TRY(goals::ParseGoal(text, task.goal_file)));
}

int Cores() {
  const int machine = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  const char* given = std::getenv("MILLWRIGHT_CPU");
  const auto wanted = given == nullptr ? std::nullopt : ParseDouble(given);
  if (!wanted || !(*wanted > 0) || *wanted > 4096) return machine;
  return std::max(1, static_cast<int>(*wanted));
}

}  // namespace mw::steps
