// Experiments: checks, and what is remembered of them.
#include "tracking/tracking.h"

#include <utility>

#include "base/text.h"
#include "tracking/checks.h"
#include "tracking/experiment_store.h"

namespace mw::tracking {

Task<Result<ExperimentId>> Tracking::CreateExperiment(NewExperiment experiment) {
  CO_TRY(CheckTexts(experiment.tags, "tag"));
  const std::int64_t now = NowMillis();
  co_return co_await database_.Write([&](db::Transaction& t) -> Result<ExperimentId> {
    const auto known = TRY(store::FindExperimentByName(t, experiment.project, experiment.name));
    if (known) {
      return Error{Code::kAlreadyExists,
                   Cat("Experiment(name=", experiment.name, ") already exists.",
                       known->stage == Stage::kActive ? "" : " It is deleted; restore it, or choose another name."),
                   {}};
    }
    Experiment made;
    made.project = experiment.project;
    made.name = experiment.name;
    made.artifact_location = experiment.artifact_location;
    made.created = made.updated = now;
    made.tags = experiment.tags;
    return store::InsertExperiment(t, made);
  });
}

Result<Experiment> Tracking::GetExperiment(db::Snapshot& snapshot, const ExperimentId& id) {
  if (!ParseInt(id.text())) {
    return InvalidArgument("Invalid experiment ID '", id.text(), "'. Experiment ID must be a valid integer.");
  }
  std::optional<Experiment> experiment = TRY(store::FindExperiment(snapshot, id));
  if (!experiment) return NotFound("No Experiment with id=", id.text(), " exists");
  return *std::move(experiment);
}

Task<Result<Experiment>> Tracking::GetExperiment(ExperimentId id) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return GetExperiment(s, id); });
}

Task<Result<Experiment>> Tracking::GetExperimentByName(std::string project, std::string name) {
  co_return co_await database_.Read([&](db::Snapshot& s) -> Result<Experiment> {
    std::optional<Experiment> experiment = TRY(store::FindExperimentByName(s, project, name));
    if (!experiment) return NotFound("Could not find experiment with name '", name, "'");
    return *std::move(experiment);
  });
}

Result<std::vector<Experiment>> Tracking::ListExperiments(db::Snapshot& snapshot, std::string_view project) {
  return store::FindExperiments(snapshot, project);
}

Task<Result<std::vector<Experiment>>> Tracking::ListExperiments(std::string project) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return ListExperiments(s, project); });
}

Task<Result<ExperimentPage>> Tracking::SearchExperiments(ExperimentQuery query) {
  std::vector<Experiment> all = CO_TRY(co_await ListExperiments(query.project));
  co_return SelectExperiments(std::move(all), query);
}

Task<Status> Tracking::RenameExperiment(ExperimentId id, std::string name) {
  const std::int64_t now = NowMillis();
  co_return co_await database_.Write([&](db::Transaction& t) -> Status {
    const Experiment experiment = TRY(GetExperiment(t, id));
    if (experiment.stage != Stage::kActive) return FailedPrecondition("Cannot rename a non-active experiment.");
    if (experiment.name == name) return Ok();
    if (TRY(store::FindExperimentByName(t, experiment.project, name))) {
      return Error{Code::kAlreadyExists, Cat("Experiment(name=", name, ") already exists."), {}};
    }
    return store::RenameExperiment(t, id, name, now);
  });
}

Task<Status> Tracking::SetExperimentStage(ExperimentId id, Stage stage) {
  const std::int64_t now = NowMillis();
  co_return co_await database_.Write([&](db::Transaction& t) -> Status {
    const Experiment experiment = TRY(GetExperiment(t, id));
    if (experiment.stage == stage) return NotFound("No Experiment with id=", id.text(), " exists");
    return store::SetExperimentStage(t, id, stage, now);
  });
}

Task<Status> Tracking::DeleteExperiment(ExperimentId id) {
  co_return co_await SetExperimentStage(std::move(id), Stage::kDeleted);
}

Task<Status> Tracking::RestoreExperiment(ExperimentId id) {
  co_return co_await SetExperimentStage(std::move(id), Stage::kActive);
}

Task<Status> Tracking::SetExperimentTag(ExperimentId id, std::string key, std::string value) {
  CO_TRY(CheckKey(key, "tag"));
  co_return co_await database_.Write([&](db::Transaction& t) -> Status {
    TRY(MustBeActive(TRY(GetExperiment(t, id))));
    return store::SetExperimentTag(t, id, key, value);
  });
}

Task<Status> Tracking::DeleteExperimentTag(ExperimentId id, std::string key) {
  co_return co_await database_.Write([&](db::Transaction& t) -> Status {
    TRY(MustBeActive(TRY(GetExperiment(t, id))));
    if (TRY(store::DeleteExperimentTag(t, id, key))) return Ok();
    return NotFound("No tag with name: ", key, " in experiment with id ", id.text());
  });
}

}  // namespace mw::tracking
