// Goal files from anywhere: reading, judging and printing never crash, and a goal that was read is valid.
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "goals/goal.h"
#include "goals/verdict.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto goal = mw::goals::ParseGoal(text, "goal.yaml");
  if (!goal.ok()) return 0;
  MW_ASSERT(!goal->targets.empty() && goal->threshold >= 0 && goal->threshold <= 1);
  MW_ASSERT(mw::Json::Parse(mw::goals::ToJson(*goal).Dump()).ok());
  mw::goals::Measurements measured;
  measured.rule_cost = 1;
  for (const auto& target : goal->targets) {
    measured.model.push_back({target.require.metric, target.require.value, std::nullopt, std::nullopt, ""});
  }
  const auto verdicts = mw::goals::Judge(*goal, mw::goals::Stage::kProduction, measured);
  MW_ASSERT(verdicts.size() == goal->targets.size() + (goal->kpi ? 1 : 0));
  (void)mw::goals::Table(verdicts);
  return 0;
}
