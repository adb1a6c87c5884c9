// From what modules tell to executions with ports.
#include "lineage/recorder.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "lineage/lineage.h"
#include "lineage/lineage_store.h"

namespace mw::lineage {
namespace {

std::string PortOf(const ToldArtifact& artifact) {
  if (!artifact.port.empty()) return artifact.port;
  if (artifact.title.empty()) return artifact.digest;
  return artifact.digest.empty() ? artifact.title : Cat(artifact.title, " ", artifact.digest);
}

InputPort InputOf(const ToldArtifact& artifact) {
  return {PortOf(artifact), {}, artifact.type, artifact.digest, artifact.title, artifact.uri, artifact.metadata};
}

InputPort VersionInput(std::string port, std::string_view model, std::int64_t version) {
  Json metadata = Json::Make({{"model", model}, {"version", version}});
  return {std::move(port), {}, std::string(kVersion), "", VersionTitle(model, version), "", std::move(metadata)};
}

/// The run's execution as it is known, or one without a name.
Result<NewExecution> KnownRun(db::Snapshot& snapshot, std::string_view run, Timestamp now) {
  NewExecution told;
  told.id = ExecutionId(std::string(run));
  told.type = kRun;
  told.state = ExecutionState::kRunning;
  told.started = now;
  const std::optional<Execution> known = TRY(store::FindExecution(snapshot, told.id));
  if (!known) return told;
  told.project = known->project;
  told.type = known->type;
  told.name = known->name;
  told.state = known->state;
  told.code_version = known->code_version;
  told.configuration = known->configuration;
  told.environment = known->environment;
  told.metadata = known->metadata;
  told.started = known->started;
  told.ended = known->ended;
  return told;
}

/// The model of the version's place that the run made; all of its models where the version has no place. May be empty.
Result<std::vector<ArtifactId>> ModelsOf(db::Snapshot& snapshot, const ToldVersion& version) {
  std::vector<ArtifactId> made;
  if (version.run_id.empty()) return made;
  for (const Event& event : TRY(store::EventsOf(snapshot, ExecutionId(version.run_id)))) {
    if (event.direction != Direction::kOutput) continue;
    const std::optional<Artifact> artifact = TRY(store::FindArtifact(snapshot, event.artifact));
    if (!artifact || artifact->type != kModel) continue;
    if (version.uri.empty() || artifact->uri == version.uri) made.push_back(artifact->id);
  }
  return made;
}

/// What a model that nobody told of is called: its place, and the run that left it there.
std::string PlaceTitle(const ToldVersion& version) {
  if (version.uri.empty() || version.run_id.empty()) return "";
  const bool names_run = version.uri.find(version.run_id) != std::string::npos;
  std::string title = names_run ? version.uri : Cat(version.uri, " of run ", version.run_id);
  if (title.size() <= Lineage::kTitleBytesMax) return title;
  title.erase(0, title.size() - Lineage::kTitleBytesMax);
  while ((static_cast<unsigned char>(title.front()) & 0xC0) == 0x80) title.erase(0, 1);  // the rest of a character
  return title;
}

/// "late@3" of "models:/late/3": the version that this one is a copy of. Empty for other places.
std::string CopiedTitle(std::string_view uri) {
  constexpr std::string_view kModels = "models:/";
  if (!uri.starts_with(kModels)) return "";
  uri.remove_prefix(kModels.size());
  const std::size_t slash = uri.find('/');
  const auto number = slash == std::string_view::npos ? std::nullopt : ParseInt(uri.substr(slash + 1));
  return number ? VersionTitle(uri.substr(0, slash), *number) : "";
}

/// The newest of that title, or nothing.
Result<std::vector<ArtifactId>> TitledIds(db::Snapshot& snapshot, std::string_view project, std::string_view type,
                                          std::string_view title) {
  std::vector<ArtifactId> ids;
  for (const Artifact& known : TRY(store::FindTitled(snapshot, project, type, title, "", 1))) ids.push_back(known.id);
  return ids;
}

/// The logged model, or what lies at the version's place: told as made by the run where lineage knows that one, and
/// nobody who made the model.
Result<std::vector<ArtifactId>> RegisteredModel(db::Transaction& transaction, const Clock& clock,
                                                const ToldVersion& version) {
  ToldArtifact model;
  model.type = kModel;
  model.title = version.logged_model.empty() ? PlaceTitle(version) : version.logged_model;
  model.uri = version.logged_model.empty() ? version.uri : Cat("models:/", version.logged_model);
  if (model.title.empty()) return std::vector<ArtifactId>();
  std::vector<ArtifactId> known = TRY(TitledIds(transaction, version.project, kModel, model.title));
  if (version.run_id.empty()) return known;
  if (!known.empty()) {
    const std::vector<Event> making = TRY(store::EventsAt(transaction, known, Direction::kOutput, 1));
    if (!making.empty()) return known;
  }
  if (!TRY(store::FindExecution(transaction, ExecutionId(version.run_id)))) return known;
  TRY(RecordRunOutput(transaction, clock, version.run_id, model));
  return TitledIds(transaction, version.project, kModel, model.title);
}

Result<std::vector<ArtifactId>> SourcesOf(db::Transaction& transaction, const Clock& clock,
                                          const ToldVersion& version) {
  std::vector<ArtifactId> sources;
  for (const std::string& id : version.sources) {
    if (TRY(store::FindArtifact(transaction, ArtifactId(id)))) sources.emplace_back(id);
  }
  if (!sources.empty()) return sources;
  if (!version.digest.empty()) {
    for (const Artifact& artifact : TRY(store::FindArtifacts(transaction, version.project, version.digest, 8))) {
      if (artifact.type != kVersion) return std::vector{artifact.id};
    }
  }
  if (const std::string copied = CopiedTitle(version.uri); !copied.empty()) {
    sources = TRY(TitledIds(transaction, version.project, kVersion, copied));
  }
  if (sources.empty() && version.logged_model.empty()) sources = TRY(ModelsOf(transaction, version));
  if (sources.empty()) sources = TRY(RegisteredModel(transaction, clock, version));
  return sources;
}

}  // namespace

std::string VersionTitle(std::string_view model, std::int64_t version) { return Cat(model, "@", version); }

std::string DeploymentTitle(std::string_view endpoint, std::int64_t generation) {
  return Cat(endpoint, "#", generation);
}

Status RecordRun(db::Transaction& transaction, const Clock& clock, const ToldRun& run) {
  NewExecution told;
  told.id = ExecutionId(run.id);
  told.project = run.project;
  told.type = kRun;
  told.name = run.name;
  told.state = run.state;
  told.code_version = run.code_version;
  told.configuration = run.configuration;
  told.metadata = run.metadata;
  told.started = run.started;
  told.ended = run.ended;
  if (!run.experiment.empty()) told.contexts = {{run.project, "experiment", run.experiment}};
  TRY(Lineage(clock).Tell(transaction, told));
  return Ok();
}

Status RecordRunInput(db::Transaction& transaction, const Clock& clock, std::string_view run,
                      const ToldArtifact& artifact) {
  NewExecution told = TRY(KnownRun(transaction, run, clock.Now()));
  told.inputs = {InputOf(artifact)};
  // Another thing under the same name keeps a name of its own.
  for (const Event& event : TRY(store::EventsOf(transaction, told.id))) {
    if (event.direction != Direction::kInput || event.port != told.inputs[0].name) continue;
    const std::optional<Artifact> known = TRY(store::FindArtifact(transaction, event.artifact));
    if (known && known->title == artifact.title && known->digest == artifact.digest) return Ok();
    told.inputs[0].name += Cat(" ", artifact.digest.empty() ? artifact.title : artifact.digest);
    break;
  }
  TRY(Lineage(clock).Tell(transaction, told));
  return Ok();
}

Status RecordRunOutput(db::Transaction& transaction, const Clock& clock, std::string_view run,
                       const ToldArtifact& artifact) {
  NewExecution told = TRY(KnownRun(transaction, run, clock.Now()));
  told.outputs = {
      {PortOf(artifact), artifact.type, artifact.digest, artifact.metadata, {}, artifact.title, artifact.uri}};
  // The same again is no second artifact, though it has no title.
  for (const Event& event : TRY(store::EventsOf(transaction, told.id))) {
    if (event.direction == Direction::kOutput && event.port == told.outputs[0].name) return Ok();
  }
  TRY(Lineage(clock).Tell(transaction, told));
  return Ok();
}

Status RecordVersion(db::Transaction& transaction, const Clock& clock, const ToldVersion& version) {
  const std::string title = VersionTitle(version.model, version.version);
  NewExecution told;
  told.id = ExecutionId(Cat("registration-", Hex(title)));
  told.project = version.project;
  told.type = "registration";
  told.name = title;
  told.metadata = Json::Make({{"model", version.model}, {"version", version.version}});
  if (!version.run_id.empty()) told.metadata["run"] = version.run_id;
  if (!version.by.empty()) told.metadata["by"] = version.by;
  for (const ArtifactId& source : TRY(SourcesOf(transaction, clock, version))) {
    InputPort port;
    port.name = told.inputs.empty() ? "model" : Cat("model ", told.inputs.size() + 1);
    port.artifact = source;
    told.inputs.push_back(std::move(port));
  }
  told.outputs = {{"version",
                   std::string(kVersion),
                   version.digest,
                   Json::Make({{"model", version.model}, {"version", version.version}}),
                   {},
                   title,
                   version.uri}};
  if (!version.run_id.empty()) told.contexts = {{version.project, "run", version.run_id}};
  told.started = told.ended = version.at;
  TRY(Lineage(clock).RecordExecution(transaction, told));
  return Ok();
}

Status RecordDeployment(db::Transaction& transaction, const Clock& clock, const ToldDeployment& deployment) {
  const std::string title = DeploymentTitle(deployment.endpoint, deployment.generation);
  NewExecution told;
  told.id = ExecutionId(Cat("release-", Hex(title)));
  told.project = deployment.project;
  told.type = "release";
  told.name = title;
  told.metadata = Json::Make({{"endpoint", deployment.endpoint},
                              {"generation", deployment.generation},
                              {"model", deployment.model},
                              {"cause", deployment.cause},
                              {"by", deployment.by}});
  for (const std::int64_t version : deployment.versions) {
    std::string port = VersionTitle(deployment.model, version);
    const bool named =
        std::any_of(told.inputs.begin(), told.inputs.end(), [&](const InputPort& input) { return input.name == port; });
    if (!named) told.inputs.push_back(VersionInput(std::move(port), deployment.model, version));
  }
  Json metadata = Json::Make({{"endpoint", deployment.endpoint},
                              {"generation", deployment.generation},
                              {"model", deployment.model},
                              {"version", deployment.versions.empty() ? Json() : Json(deployment.versions.front())}});
  told.outputs = {{"deployment", std::string(kDeployment), "", std::move(metadata), {}, title, ""}};
  told.contexts = {{deployment.project, "endpoint", deployment.endpoint}};
  told.started = told.ended = deployment.at;
  TRY(Lineage(clock).RecordExecution(transaction, told));
  return Ok();
}

Status RecordPredictions(db::Transaction& transaction, const Clock& clock, const ToldPredictions& predictions) {
  NewExecution told;
  told.id = ExecutionId(predictions.id);
  told.project = predictions.project;
  told.type = "prediction";
  told.name = predictions.title;
  told.metadata = predictions.metadata;
  told.inputs.push_back(VersionInput("version", predictions.model, predictions.version));
  for (const ToldArtifact& input : predictions.inputs) told.inputs.push_back(InputOf(input));
  told.outputs = {{"predictions",
                   std::string(kPredictions),
                   predictions.digest,
                   predictions.metadata,
                   {},
                   predictions.title,
                   predictions.uri}};
  told.started = predictions.started;
  told.ended = predictions.ended;
  TRY(Lineage(clock).Tell(transaction, told));
  return Ok();
}

Result<ExecutionId> RecordByHand(db::Transaction& transaction, const Clock& clock, const ToldRecord& record) {
  if (!IsName(record.type)) {
    return InvalidArgument(Quoted(record.type), " is no name of a kind of record; use letters, digits, '.', '_', '-'");
  }
  if (record.on.empty()) return InvalidArgument("a record needs something that it is about");
  NewExecution told;
  told.id = NewId<ExecutionId>(clock);
  told.project = record.project;
  told.type = record.type;
  told.name = record.by.empty() ? record.type : Cat(record.type, " by ", record.by);
  told.metadata = record.metadata;
  if (!record.by.empty()) told.metadata["by"] = record.by;
  if (!record.note.empty()) told.metadata["note"] = record.note;
  for (const ArtifactId& artifact : record.on) {
    InputPort port;
    port.name = told.inputs.empty() ? "on" : Cat("on ", told.inputs.size() + 1);
    port.artifact = artifact;
    told.inputs.push_back(std::move(port));
  }
  told.started = told.ended = clock.Now();
  TRY(Lineage(clock).RecordExecution(transaction, told));
  return told.id;
}

}  // namespace mw::lineage
