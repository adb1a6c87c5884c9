// From the nouns of other modules to what lineage is told.
#include "app/lineage_records.h"

#include <utility>
#include <vector>

#include "base/text.h"
#include "lineage/lineage.h"
#include "lineage/recorder.h"

namespace mw::app {
namespace {

constexpr int kOldDeploymentsMax = 1000;  // of one endpoint
constexpr std::size_t kNameBytes = 1000;  // of what lineage finds things by

/// Its beginning, whole characters.
std::string Beginning(const std::string& text) {
  if (text.size() <= kNameBytes) return text;
  std::size_t end = kNameBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end);
}

lineage::ExecutionState StateOf(tracking::RunStatus status) {
  switch (status) {
    case tracking::RunStatus::kRunning: return lineage::ExecutionState::kRunning;
    case tracking::RunStatus::kScheduled: return lineage::ExecutionState::kNew;
    case tracking::RunStatus::kFinished: return lineage::ExecutionState::kComplete;
    case tracking::RunStatus::kFailed: return lineage::ExecutionState::kFailed;
    case tracking::RunStatus::kKilled: break;
  }
  return lineage::ExecutionState::kCancelled;
}

lineage::ToldRun Told(const tracking::Run& run) {
  lineage::ToldRun told;
  told.id = run.id.text();
  told.experiment = run.experiment.text();
  told.name = run.name;
  told.state = StateOf(run.status);
  told.metadata = Json::Make({{"experiment", run.experiment.text()}});
  if (!run.user.empty()) told.metadata["user"] = Beginning(run.user);
  if (!run.source.empty()) told.metadata["source"] = Beginning(run.source);
  told.started = FromMicros(run.started * 1000);
  if (run.ended) told.ended = FromMicros(*run.ended * 1000);
  return told;
}

/// Where the data lies, as its source says it; empty when it does not.
std::string UriOf(const tracking::Dataset& dataset) {
  const Result<Json> source = Json::Parse(dataset.source);
  if (!source.ok() || !source->IsObject()) return "";
  for (const char* name : {"uri", "url", "path"}) {
    if (std::string uri = source->StringOr(name, ""); !uri.empty()) return uri;
  }
  return "";
}

/// A dataset is the same to two runs when they used it for the same: "training: flights".
lineage::ToldArtifact Told(const tracking::DatasetInput& input) {
  const tracking::Dataset& dataset = *input.dataset;
  lineage::ToldArtifact told;
  told.title = Beginning(dataset.name);
  told.digest = dataset.digest;
  told.uri = UriOf(dataset);
  told.port = dataset.name;
  told.metadata = Json::Make({{"source_type", dataset.source_type}});
  for (const auto& [key, value] : input.tags) {
    if (key == tracking::kContextTag) told.port = Cat(value, ": ", dataset.name);
  }
  told.port = Beginning(told.port);
  const Result<Json> profile = Json::Parse(dataset.profile);
  if (!profile.ok() || !profile->IsObject()) return told;
  const Json* rows = profile->Find("num_rows");
  if (rows != nullptr && rows->IsInt()) told.metadata["rows"] = rows->AsInt();
  return told;
}

lineage::ToldArtifact ToldModel(const std::string& id) {
  lineage::ToldArtifact told;
  told.type = lineage::kModel;
  told.title = id;
  told.uri = Cat("models:/", id);
  return told;
}

Status RecordInputs(db::Transaction& transaction, const Clock& clock, const tracking::LoggedInputs& logged) {
  const std::string& run = logged.run.text();
  for (const tracking::DatasetInput& input : logged.datasets) {
    TRY(lineage::RecordRunInput(transaction, clock, run, Told(input)));
  }
  for (const std::string& model : logged.models_read) {
    TRY(lineage::RecordRunInput(transaction, clock, run, ToldModel(model)));
  }
  for (const tracking::ModelOutput& output : logged.models_made) {
    TRY(lineage::RecordRunOutput(transaction, clock, run, ToldModel(output.model)));
  }
  return Ok();
}

lineage::ToldVersion Told(const registry::ModelVersion& version) {
  lineage::ToldVersion told;
  told.project = version.project;
  told.model = version.model;
  told.version = version.version;
  told.digest = version.package;
  told.uri = version.source_uri;
  told.run_id = version.run_id;
  told.logged_model = version.logged_model;
  told.sources = version.sources;
  told.at = version.created;
  return told;
}

/// With its run where lineage was not told of that one: it was imported.
Status RecordVersion(db::Transaction& transaction, const Clock& clock, const registry::ModelVersion& version) {
  if (!version.run_id.empty() &&
      !lineage::Lineage::ExecutionById(transaction, lineage::ExecutionId(version.run_id)).ok()) {
    const auto run = tracking::Tracking::GetRun(transaction, tracking::RunId(version.run_id));
    // One that goes on is a pipeline's, which tells of its steps.
    if (run.ok() && run->run.ended) TRY(lineage::RecordRun(transaction, clock, Told(run->run)));
  }
  return lineage::RecordVersion(transaction, clock, Told(version));
}

lineage::ToldDeployment Told(const endpoints::Deployment& deployment) {
  lineage::ToldDeployment told;
  told.endpoint = deployment.endpoint;
  told.generation = deployment.generation;
  told.model = deployment.model;
  told.versions.push_back(deployment.version);
  for (const wire::WeightedVersion& each : deployment.traffic.versions) told.versions.push_back(each.version);
  if (deployment.traffic.shadow) told.versions.push_back(deployment.traffic.shadow->version);
  told.cause = deployment.cause;
  told.by = deployment.requested_by;
  told.at = deployment.created;
  return told;
}

/// Oldest first, those behind the newest that is known.
template <typename Noun, typename Titled>
Result<std::vector<Noun>> Unknown(db::Snapshot& snapshot, std::vector<Noun> newest_first, std::string_view type,
                                  Titled title) {
  std::vector<Noun> unknown;
  for (Noun& noun : newest_first) {
    if (!TRY(lineage::Lineage::ArtifactsByTitle(snapshot, "default", type, title(noun))).empty()) break;
    unknown.insert(unknown.begin(), std::move(noun));
  }
  return unknown;
}

Status RecordVersions(db::Transaction& transaction, const Clock& clock, std::vector<registry::ModelVersion> versions) {
  const auto title = [](const registry::ModelVersion& version) {
    return lineage::VersionTitle(version.model, version.version);
  };
  for (const auto& version : TRY(Unknown(transaction, std::move(versions), lineage::kVersion, title))) {
    TRY(RecordVersion(transaction, clock, version));
  }
  return Ok();
}

Status RecordDeployments(db::Transaction& transaction, const Clock& clock,
                         std::vector<endpoints::Deployment> deployments) {
  std::erase_if(deployments, [](const endpoints::Deployment& deployment) { return deployment.removed; });
  const auto title = [](const endpoints::Deployment& deployment) {
    return lineage::DeploymentTitle(deployment.endpoint, deployment.generation);
  };
  for (const auto& deployment : TRY(Unknown(transaction, std::move(deployments), lineage::kDeployment, title))) {
    TRY(lineage::RecordDeployment(transaction, clock, Told(deployment)));
  }
  return Ok();
}

}  // namespace

void RecordLineageOf(tracking::Tracking& tracking, tracking::Heartbeats& heartbeats, tracking::Inputs& inputs,
                     tracking::Imports& imports, registry::Registry& registry, endpoints::Endpoints& endpoints,
                     const Clock& clock) {
  const auto tell_run = [&clock](db::Transaction& transaction, const tracking::Run& run) {
    return lineage::RecordRun(transaction, clock, Told(run));
  };
  tracking.OnRun(tell_run);
  heartbeats.OnRun(tell_run);
  imports.OnRun(tell_run);
  const auto tell_inputs = [&clock](db::Transaction& transaction, const tracking::LoggedInputs& logged) {
    return RecordInputs(transaction, clock, logged);
  };
  inputs.OnLogged(tell_inputs);
  imports.OnLogged(tell_inputs);
  registry.OnVersion([&clock](db::Transaction& transaction, const registry::ModelVersion& version) {
    return RecordVersion(transaction, clock, version);
  });
  endpoints.OnDeployment([&clock](db::Transaction& transaction, const endpoints::Deployment& deployment) {
    return lineage::RecordDeployment(transaction, clock, Told(deployment));
  });
}

Task<Status> RecordOldLineage(db::Database& database, registry::Registry& registry, endpoints::Endpoints& endpoints,
                              const Clock& clock) {
  const std::vector<registry::Model> models = CO_TRY(co_await registry.ListModels("default"));
  for (const registry::Model& model : models) {
    registry::ModelName name{"default", model.name};
    const auto versions = CO_TRY(co_await registry.ListVersions(std::move(name)));
    CO_TRY(co_await database.Write(
        [&](db::Transaction& transaction) { return RecordVersions(transaction, clock, versions); }));
  }
  const std::vector<endpoints::EndpointView> views = CO_TRY(co_await endpoints.List());
  for (const endpoints::EndpointView& view : views) {
    const auto history = CO_TRY(co_await endpoints.History(view.current.endpoint, kOldDeploymentsMax));
    CO_TRY(co_await database.Write(
        [&](db::Transaction& transaction) { return RecordDeployments(transaction, clock, history); }));
  }
  co_return Ok();
}

}  // namespace mw::app
