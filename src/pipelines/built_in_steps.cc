// The table of the built-in steps.
#include "pipelines/built_in_steps.h"

#include <algorithm>

namespace mw::pipelines {
namespace {

std::vector<BuiltInStep> MakeTable() {
  using enum OptionKind;
  constexpr OutputKind kFileOutput = OutputKind::kFile;
  std::vector<BuiltInStep> table;
  table.push_back({.name = "import", .inputs = {}, .outputs = {}, .options = {}, .files_as_outputs = true});
  table.push_back({.name = "sql",
                   .inputs = {},
                   .outputs = {{"rows"}},
                   .options = {{"event_time"}, {"known_at"}, {"key"}, {"label"}},
                   .any_inputs = true,
                   .takes_file = true,
                   .reads_goal = true});
  table.push_back({.name = "split",
                   .inputs = {{"rows"}},
                   .outputs = {{"train"}, {"stop_early"}, {"evaluate"}},
                   .options = {{"train", kTimes},
                               {"stop_early_on", kDurationOrTimes},
                               {"evaluate_until", kTime},
                               {"timezone"},
                               {"by"},
                               {"evaluate", kShare},
                               {"stop_early", kShare},
                               {"seed", kWhole}},
                   .reads_goal = true});
  table.push_back({.name = "validate",
                   .inputs = {{"rows"}},
                   .outputs = {{"rows"}, {"report", kFileOutput}},
                   .options = {{"schema", kFile, true}, {"on_anomaly"}, {"max_missing", kNumbersByName}}});
  table.push_back({.name = "profile",
                   .inputs = {{"rows"}},
                   .outputs = {{"profile", kFileOutput}},
                   .options = {{"columns", kTexts}}});
  table.push_back({.name = "train",
                   .inputs = {{"rows"}, {"stop_early", false}},
                   .outputs = {{"model"}},
                   .options = {{"algorithm"},
                               {"label"},
                               {"label_values", kTexts},
                               {"features", kTexts},
                               {"max_depth", kWhole},
                               {"learning_rate", kNumber},
                               {"max_rounds", kWhole},
                               {"early_stopping_rounds", kWhole},
                               {"min_child_weight", kNumber},
                               {"subsample", kNumber},
                               {"colsample_bytree", kNumber},
                               {"reg_lambda", kNumber},
                               {"seed", kWhole},
                               {"slices", kTexts}},
                   .reads_goal = true});
  table.push_back({.name = "evaluate",
                   .inputs = {{"model"}, {"rows"}},
                   .outputs = {{"report", kFileOutput}},
                   .options = {{"slices", kTexts}, {"blocks", kTexts}, {"confidence", kShare}, {"seed", kWhole}},
                   .reads_goal = true});
  table.push_back({.name = "gate",
                   .inputs = {{"report"}, {"model", false}, {"rows", false}},
                   .outputs = {{"verdict", kFileOutput}},
                   .options = {{"targets"}, {"against"}, {"margin", kNumbersByName}, {"model"}, {"rows_min", kWhole}},
                   .reads_goal = true,
                   .cacheable = false});
  table.push_back({.name = "register",
                   .inputs = {{"model"}, {"report", false}},
                   .outputs = {{"version", kFileOutput}},
                   .options = {{"model", kText, true}, {"alias"}},
                   .cacheable = false});
  table.push_back({.name = "deploy",
                   .inputs = {{"version"}},
                   .outputs = {{"deployment", kFileOutput}},
                   .options = {{"endpoint"}, {"timeout", kDuration}},
                   .cacheable = false});
  return table;
}

}  // namespace

std::span<const BuiltInStep> BuiltInSteps() {
  static const std::vector<BuiltInStep> table = MakeTable();
  return table;
}

const BuiltInStep* FindBuiltInStep(std::string_view name) {
  const auto steps = BuiltInSteps();
  const auto found = std::find_if(steps.begin(), steps.end(), [&](const BuiltInStep& s) { return s.name == name; });
  return found == steps.end() ? nullptr : &*found;
}

}  // namespace mw::pipelines
