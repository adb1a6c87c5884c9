// Checks, and what they say.
#include "tracking/checks.h"

#include <optional>
#include <utility>

#include "base/text.h"
#include "tracking/tracking.h"

namespace mw::tracking {

Status CheckKey(std::string_view key, std::string_view kind) {
  if (!key.empty() && key.size() <= Tracking::kKeyBytesMax) return Ok();
  return InvalidArgument("the name ", Quoted(key), " of a ", kind, " must have 1 to ", Tracking::kKeyBytesMax,
                         " bytes");
}

Status CheckText(std::string_view key, std::string_view value, std::string_view kind) {
  TRY(CheckKey(key, kind));
  if (value.size() <= Tracking::kTextBytesMax) return Ok();
  return InvalidArgument(kind, " ", Quoted(key), " has ", value.size(), " bytes; at most ", Tracking::kTextBytesMax);
}

Error NoRun(const RunId& id) { return NotFound("Run with id=", id.text(), " not found"); }

Result<store::StoredRun> MustFindRun(db::Snapshot& snapshot, const RunId& id) {
  std::optional<store::StoredRun> run = TRY(store::FindRun(snapshot, id));
  if (!run) return NoRun(id);
  return *std::move(run);
}

Status MustBeActive(const RunId& id, Stage stage) {
  if (stage == Stage::kActive) return Ok();
  return InvalidArgument("The run ", id.text(), " must be in the 'active' state. Current state is ", StageName(stage),
                         ".");
}

Result<store::StoredRun> MustFindActiveRun(db::Snapshot& snapshot, const RunId& id) {
  store::StoredRun run = TRY(MustFindRun(snapshot, id));
  TRY(MustBeActive(id, run.run.stage));
  return run;
}

Status MustBeActive(const Experiment& experiment) {
  if (experiment.stage == Stage::kActive) return Ok();
  return InvalidArgument("The experiment ", experiment.id.text(), " must be in the 'active' state. Current state is ",
                         StageName(experiment.stage), ".");
}

}  // namespace mw::tracking
