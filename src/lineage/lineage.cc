// Checks what is recorded, resolves inputs, and answers questions about the graph.
#include "lineage/lineage.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "base/text.h"
#include "lineage/lineage_store.h"

namespace mw::lineage {
namespace {

Status CheckJson(const Json& json, std::string_view field) {
  const std::size_t bytes = json.Dump().size();
  if (bytes <= Lineage::kJsonBytesMax) return Ok();
  return InvalidArgument(field, " of an execution is ", bytes, " bytes of JSON; at most ", Lineage::kJsonBytesMax);
}

template <typename Port>
Status CheckPorts(const std::vector<Port>& ports, std::string_view kind) {
  if (ports.size() > Lineage::kPortsMax) {
    return InvalidArgument("an execution has ", ports.size(), " ", kind, "s; at most ", Lineage::kPortsMax);
  }
  std::set<std::string_view> names;
  for (const Port& port : ports) {
    if (port.name.empty()) return InvalidArgument("an ", kind, " of an execution has no name");
    if (!names.insert(port.name).second) return InvalidArgument("two ", kind, "s are named ", Quoted(port.name));
  }
  return Ok();
}

Status CheckTitle(std::string_view title) {
  if (title.size() <= Lineage::kTitleBytesMax) return Ok();
  return InvalidArgument("the title of an artifact is ", title.size(), " bytes; at most ", Lineage::kTitleBytesMax);
}

Status Check(const NewExecution& execution) {
  if (execution.id.empty()) return InvalidArgument("an execution of lineage needs an id");
  if (execution.type.empty()) return InvalidArgument("execution ", execution.id.text(), " needs a type");
  TRY(CheckJson(execution.configuration, "configuration"));
  TRY(CheckJson(execution.environment, "environment"));
  TRY(CheckJson(execution.metadata, "metadata"));
  TRY(CheckPorts(execution.inputs, "input"));
  TRY(CheckPorts(execution.outputs, "output"));
  for (const OutputPort& output : execution.outputs) {
    if (output.digest.empty() && output.artifact.empty() && output.title.empty()) {
      return InvalidArgument("output ", Quoted(output.name), " needs a digest or an artifact id");
    }
    TRY(CheckTitle(output.title));
    TRY(CheckJson(output.metadata, "metadata"));
  }
  for (const InputPort& input : execution.inputs) {
    if (input.digest.empty() && input.artifact.empty() && input.title.empty()) {
      return InvalidArgument("input ", Quoted(input.name), " needs an artifact id or a digest");
    }
    TRY(CheckTitle(input.title));
    TRY(CheckJson(input.metadata, "metadata"));
  }
  return Ok();
}

Result<Recorded> PortsOf(db::Snapshot& snapshot, const ExecutionId& id) {
  Recorded recorded;
  for (const Event& event : TRY(store::EventsOf(snapshot, id))) {
    (event.direction == Direction::kInput ? recorded.inputs : recorded.outputs)[event.port] = event.artifact;
  }
  return recorded;
}

Error NoArtifact(const ArtifactId& id) { return NotFound("lineage has no artifact ", Quoted(id.text())); }

/// The execution as it is kept; it was started and ended when it says so.
Execution Kept(const NewExecution& execution, Timestamp now) {
  Execution kept;
  kept.id = execution.id;
  kept.project = execution.project;
  kept.type = execution.type;
  kept.name = execution.name;
  kept.state = execution.state;
  kept.code_version = execution.code_version;
  kept.configuration = execution.configuration;
  kept.environment = execution.environment;
  kept.metadata = execution.metadata;
  kept.started = execution.started;
  kept.ended = execution.ended;
  kept.created = now;
  kept.updated = now;
  return kept;
}

/// Records one execution; a value of its own so that its steps share what they need.
class Recording {
 public:
  Recording(db::Transaction& transaction, const NewExecution& execution, const Clock& clock)
      : transaction_(transaction), execution_(execution), clock_(clock), now_(clock.Now()) {}

  Result<Recorded> Once() {
    if (!TRY(store::InsertExecution(transaction_, Kept(execution_, now_)))) {
      return PortsOf(transaction_, execution_.id);
    }
    return Ports();
  }

  Result<Recorded> Again() {
    Execution kept = Kept(execution_, now_);
    if (!TRY(store::InsertExecution(transaction_, kept))) {
      const std::optional<Execution> known = TRY(store::FindExecution(transaction_, execution_.id));
      kept.notes = known->notes;
      if (kept.code_version.empty()) kept.code_version = known->code_version;
      TRY(store::UpdateExecution(transaction_, kept));
    }
    TRY(Ports());
    return PortsOf(transaction_, execution_.id);
  }

 private:
  Result<Recorded> Ports() {
    Recorded recorded;
    for (const InputPort& input : execution_.inputs) {
      const ArtifactId artifact = TRY(Resolve(input));
      TRY(Tie(artifact, Direction::kInput, input.name));
      recorded.inputs[input.name] = artifact;
    }
    for (const OutputPort& output : execution_.outputs) {
      const ArtifactId artifact = TRY(Resolve(output));
      TRY(Tie(artifact, Direction::kOutput, output.name));
      recorded.outputs[output.name] = artifact;
    }
    for (const ContextName& context : execution_.contexts) {
      TRY(store::JoinContext(transaction_, context, NewIdText(clock_), execution_.id, now_));
    }
    return recorded;
  }

  Result<ArtifactId> Resolve(const InputPort& input) {
    if (!input.artifact.empty()) return Known(input.artifact);
    const std::vector<Artifact> known =
        input.title.empty() ? TRY(store::FindArtifacts(transaction_, execution_.project, input.digest, 1))
            : TRY(store::FindTitled(transaction_, execution_.project, input.type, input.title, input.digest, 1));
            if (!known.empty()) return known[0].id;
            return Make(input.type, input.title, input.digest, input.uri, input.metadata);
  }

  Result<ArtifactId> Resolve(const OutputPort& output) {
            if (!output.artifact.empty()) return Known(output.artifact);
            if (!output.title.empty()) {
              const std::vector<Artifact> known =
                  TRY(store::FindTitled(transaction_, execution_.project, output.type, output.title, "", 1));
              if (!known.empty()) return known[0].id;
            }
            return Make(output.type, output.title, output.digest, output.uri, output.metadata);
  }

  Result<ArtifactId> Known(const ArtifactId& id) {
            if (TRY(store::FindArtifact(transaction_, id))) return id;
            return NoArtifact(id);
  }

  Result<ArtifactId> Make(const std::string& type, const std::string& title, const std::string& digest,
                          const std::string& uri, const Json& metadata) {
            Artifact made;
            made.id = NewId<ArtifactId>(clock_);
            made.project = execution_.project;
            made.type = type;
            made.title = title;
            made.digest = digest;
            made.uri = uri;
            made.metadata = metadata;
            made.created = made.updated = now_;
            TRY(store::InsertArtifact(transaction_, made));
            return made.id;
  }

  Status Tie(const ArtifactId& artifact, Direction direction, const std::string& port) {
            return store::InsertEvent(transaction_, {execution_.id, artifact, direction, port, now_});
  }

  db::Transaction& transaction_;
  const NewExecution& execution_;
  const Clock& clock_;
  const Timestamp now_;
};

template <typename State>
using StateNames = std::vector<std::pair<State, std::string_view>>;

const StateNames<ExecutionState>& ExecutionStates() {
  static const StateNames<ExecutionState> names = {
      {ExecutionState::kComplete, "complete"}, {ExecutionState::kCached, "cached"},
      {ExecutionState::kFailed, "failed"},     {ExecutionState::kNew, "new"},
      {ExecutionState::kRunning, "running"},   {ExecutionState::kCancelled, "cancelled"}};
  return names;
}

}  // namespace

std::string_view StateName(ExecutionState state) {
  for (const auto& [known, name] : ExecutionStates()) {
            if (known == state) return name;
  }
  return "";
}

std::optional<ExecutionState> ExecutionStateFromName(std::string_view name) {
  for (const auto& [state, known] : ExecutionStates()) {
            if (known == name) return state;
  }
  return std::nullopt;
}

std::string_view StateName(ArtifactState state) { return state == ArtifactState::kLive ? "live" : "pending"; }

std::optional<ArtifactState> ArtifactStateFromName(std::string_view name) {
  if (name == "live") return ArtifactState::kLive;
  return name == "pending" ? std::optional(ArtifactState::kPending) : std::nullopt;
}

Result<Recorded> Lineage::RecordExecution(db::Transaction& transaction, const NewExecution& execution) const {
  TRY(Check(execution));
  return Recording(transaction, execution, clock_).Once();
}

Result<Recorded> Lineage::Tell(db::Transaction& transaction, const NewExecution& execution) const {
  TRY(Check(execution));
  return Recording(transaction, execution, clock_).Again();
}

Task<Status> Lineage::MakeSearchable(db::Database& database) {
  while (true) {
            const std::size_t made =
                CO_TRY(co_await database.Write([](db::Transaction& t) { return store::MakeSearchable(t); }));
            if (made == 0) co_return Ok();
  }
}

Result<Artifact> Lineage::ArtifactById(db::Snapshot& snapshot, const ArtifactId& id) {
  std::optional<Artifact> artifact = TRY(store::FindArtifact(snapshot, id));
  if (!artifact) return NoArtifact(id);
  return *std::move(artifact);
}

Result<std::vector<Artifact>> Lineage::ArtifactsByDigest(db::Snapshot& snapshot, std::string_view project,
                                                         std::string_view digest) {
  return store::FindArtifacts(snapshot, project, digest, kGraphArtifactsMax);
}

Result<Artifact> Lineage::ArtifactByDigest(db::Snapshot& snapshot, std::string_view project, std::string_view digest) {
  std::vector<Artifact> artifacts = TRY(store::FindArtifacts(snapshot, project, digest, 1));
  if (artifacts.empty()) return NotFound("lineage has no artifact ", digest, " in project ", Quoted(project));
  return std::move(artifacts[0]);
}

Result<std::vector<Artifact>> Lineage::ArtifactsByTitle(db::Snapshot& snapshot, std::string_view project,
                                                        std::string_view type, std::string_view title,
                                                        std::string_view digest, std::int64_t limit) {
  return store::FindTitled(snapshot, project, type, title, digest, limit);
}

Result<Execution> Lineage::ExecutionById(db::Snapshot& snapshot, const ExecutionId& id) {
  std::optional<Execution> execution = TRY(store::FindExecution(snapshot, id));
  if (!execution) return NotFound("lineage has no execution ", Quoted(id.text()));
  return *std::move(execution);
}

Result<std::vector<Execution>> Lineage::ExecutionsOfContext(db::Snapshot& snapshot, const ContextName& context) {
  return store::FindExecutions(snapshot, context);
}

Result<std::vector<Event>> Lineage::EventsOf(db::Snapshot& snapshot, const ExecutionId& id) {
  return store::EventsOf(snapshot, id);
}

Result<std::vector<std::string>> Lineage::RunsOf(db::Snapshot& snapshot, const std::vector<ExecutionId>& executions) {
  return store::RunsOf(snapshot, executions);
}

Result<std::vector<std::string>> Lineage::RunsAt(db::Snapshot& snapshot, const ArtifactId& id, std::int64_t limit) {
  std::vector<std::string> runs = TRY(store::RunsOf(snapshot, TRY(store::NewestAt(snapshot, id, limit))));
  std::reverse(runs.begin(), runs.end());
  if (static_cast<std::int64_t>(runs.size()) > limit) runs.resize(static_cast<std::size_t>(limit));
  return runs;
}

Result<std::vector<std::pair<ArtifactId, std::string>>> Lineage::TitlesOf(db::Snapshot& snapshot,
                                                                          std::string_view project,
                                                                          std::string_view type) {
  return store::TitlesOf(snapshot, project, type, kTitlesMax);
}

}  // namespace mw::lineage
