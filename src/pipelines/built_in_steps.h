// What the built-in steps take and give, in one place: the compiler checks files against it, the cache asks it
// which options name files, and whether a step may be reused at all. The steps themselves are programs in src/steps.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipelines/graph.h"

namespace mw::pipelines {

enum class OptionKind : std::uint8_t {
  kText,
  kNumber,
  kWhole,  ///< a whole number
  kBool,
  kDuration,  ///< "14d"
  kShare,     ///< "95%" or 0.95
  kTime,      ///< "2013-04-01" or a time with its zone
  kTimes,     ///< [from, until)
  kDurationOrTimes,
  kTexts,          ///< one or a list
  kNumbersByName,  ///< {roc_auc: 0.005}
  kFile,           ///< a path from the pipeline file's folder; its content is part of the cache key
};

struct Option {
  std::string_view name;
  OptionKind kind = OptionKind::kText;
  bool required = false;
};

struct NamedInput {
  std::string_view name;
  bool required = true;
};

struct NamedOutput {
  std::string_view name;
  OutputKind kind = OutputKind::kDirectory;
};

struct BuiltInStep {
  std::string_view name;
  std::vector<NamedInput> inputs;
  std::vector<NamedOutput> outputs;
  std::vector<Option> options;
  bool any_inputs = false;        ///< sql: tables of any name, at least one
  bool files_as_outputs = false;  ///< import: with is {name: file}; each name is an output
  bool takes_file = false;        ///< sql: the key `file:` beside `uses:`
  bool reads_goal = false;        ///< the goal file decides what it does
  bool cacheable = true;          ///< false: it acts on, or asks about, the world outside the run
};

std::span<const BuiltInStep> BuiltInSteps();
/// nullptr when there is none of that name.
const BuiltInStep* FindBuiltInStep(std::string_view name);

}  // namespace mw::pipelines
