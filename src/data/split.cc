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

Status Check(const HashSplit& split) {
  const bool shares = split.evaluate >= 0 && split.stop_early >= 0 && split.evaluate + split.stop_early < 1;
  if (shares && !split.by.empty()) return Ok();
  return InvalidArgument("evaluate: ", Fixed(100 * split.evaluate, 1),
                         " % and stop_early: ", Fixed(100 * split.stop_early, 1),
                         " % leave nothing to train on; write shares that are less than 100% together");
}

std::string HashCondition(const HashSplit& split, const std::string& label, double from, double until) {
  constexpr double kHashes = 4294967296.0;  // eight hexadecimal digits
  std::string name = Cat("'", split.seed, "'");
  // No two different rows read alike: values are set apart, and none at all is not an empty text.
  for (const std::string& column : split.by) {
    CatTo(name, " || chr(31) || coalesce('=' || CAST(", SqlName(column), " AS VARCHAR), '')");
  }
  const std::string hash = Cat("CAST('0x' || substr(md5(", name, "), 1, 8) AS BIGINT)");
  const auto bound = [](double share) { return static_cast<std::int64_t>(share * kHashes); };
  std::string condition = Cat(hash, " >= ", bound(from), " AND ", hash, " < ", bound(until));
  if (!label.empty()) CatTo(condition, " AND ", SqlName(label), " IS NOT NULL");
  return condition;
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
