// Plans of splits and their conditions.
#include "data/split.h"

#include "base/text.h"

namespace mw::data {

Result<SplitPlan> PlanSplit(TimeRange learn, Timestamp stop_early_from, Timestamp evaluate_until) {
  if (learn.empty()) {
    return InvalidArgument("train: ", FormatTime(learn.from), " is not before ", FormatTime(learn.until));
  }
  if (stop_early_from <= learn.from) {
    return InvalidArgument("stop_early_on: it would begin at ", FormatTime(stop_early_from),
                           " and leave nothing to train on from ", FormatTime(learn.from), "; make it shorter");
  }
  if (stop_early_from > learn.until) {
    return InvalidArgument("stop_early_on: ", FormatTime(stop_early_from), " is after the end of training, ",
                           FormatTime(learn.until));
  }
  if (evaluate_until < learn.until) {
    return InvalidArgument("evaluate_until: ", FormatTime(evaluate_until), " is before the end of training, ",
                           FormatTime(learn.until));
  }
  return SplitPlan{
      {learn.from, stop_early_from}, {stop_early_from, learn.until}, {learn.until, evaluate_until}, learn.until};
}

std::string PartCondition(const Roles& roles, TimeRange part, Timestamp labels_known_by) {
  const std::string time = SqlName(roles.event_time);
  std::string condition = Cat(time, " >= ", SqlTime(part.from), " AND ", time, " < ", SqlTime(part.until));
  if (!roles.label.empty()) CatTo(condition, " AND ", SqlName(roles.label), " IS NOT NULL");
  if (!roles.known_at.empty() && labels_known_by != kNever) {
    CatTo(condition, " AND ", SqlName(roles.known_at), " <= ", SqlTime(labels_known_by));
  }
  return condition;
}

}  // namespace mw::data
