// What the doors of tracking ask before anything changes: names and texts within their bounds, runs and experiments
// that are there and active. In MLflow's words where it has any.
#pragma once

#include <string_view>

#include "base/result.h"
#include "db/database.h"
#include "tracking/run.h"
#include "tracking/run_store.h"

namespace mw::tracking {

/// Errors of these: kInvalidArgument with `kind` ("tag"), the name and the bound.
Status CheckKey(std::string_view key, std::string_view kind);
Status CheckText(std::string_view key, std::string_view value, std::string_view kind);
template <typename Texts>
Status CheckTexts(const Texts& texts, std::string_view kind) {
  for (const auto& [key, value] : texts) TRY(CheckText(key, value, kind));
  return Ok();
}

/// kNotFound.
Error NoRun(const RunId& id);
/// Also one that is deleted. Errors: NoRun.
Result<store::StoredRun> MustFindRun(db::Snapshot& snapshot, const RunId& id);
/// Errors: NoRun; kInvalidArgument when it is deleted.
Result<store::StoredRun> MustFindActiveRun(db::Snapshot& snapshot, const RunId& id);
/// Errors: kInvalidArgument.
Status MustBeActive(const RunId& id, Stage stage);
Status MustBeActive(const Experiment& experiment);

}  // namespace mw::tracking
