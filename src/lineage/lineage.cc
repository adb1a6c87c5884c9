// Checks what is recorded, resolves inputs, and answers questions about the graph.
#include "lineage/lineage.h"

#include <algorithm>
#include <set>
#include <utility>

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

Status Check(const NewExecution& execution) {
  if (execution.id.empty()) return InvalidArgument("an execution of lineage needs an id");
  if (execution.type.empty()) return InvalidArgument("execution ", execution.id.text(), " needs a type");
  TRY(CheckJson(execution.configuration, "configuration"));
  TRY(CheckJson(execution.environment, "environment"));
  TRY(CheckPorts(execution.inputs, "input"));
  TRY(CheckPorts(execution.outputs, "output"));
  for (const OutputPort& output : execution.outputs) {
    if (output.digest.empty() && output.artifact.empty()) {
      return InvalidArgument("output ", Quoted(output.name), " needs a digest or an artifact id");
    }
    TRY(CheckJson(output.metadata, "metadata"));
  }
  for (const InputPort& input : execution.inputs) {
    if (input.digest.empty() && input.artifact.empty()) {
      return InvalidArgument("input ", Quoted(input.name), " needs an artifact id or a digest");
    }
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

Result<Graph> Walk(db::Snapshot& snapshot, const ArtifactId& id, Direction through) {
  Graph graph = TRY(store::Reach(snapshot, id, through, Lineage::kGraphArtifactsMax));
  if (graph.artifacts.empty()) return NoArtifact(id);
  if (!graph.truncated) return graph;
  std::set<ArtifactId> kept;
  for (const Artifact& artifact : graph.artifacts) kept.insert(artifact.id);
  std::erase_if(graph.events, [&](const Event& event) { return !kept.contains(event.artifact); });
  return graph;
}

/// Records one execution; a value of its own so that its steps share what they need.
class Recording {
 public:
  Recording(db::Transaction& transaction, const NewExecution& execution, const Clock& clock)
      : transaction_(transaction), execution_(execution), clock_(clock) {}

  Result<Recorded> Run() {
    if (!TRY(store::InsertExecution(transaction_, execution_))) return PortsOf(transaction_, execution_.id);
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
      TRY(store::JoinContext(transaction_, context, NewIdText(clock_), execution_.id));
    }
    return recorded;
  }

 private:
  Result<ArtifactId> Resolve(const InputPort& input) {
    if (!input.artifact.empty()) return Known(input.artifact);
    const auto known = TRY(store::FindArtifacts(transaction_, execution_.project, input.digest, 1));
    if (!known.empty()) return known[0].id;
    return Make(input.type, input.digest, Json::MakeObject());
  }

  Result<ArtifactId> Resolve(const OutputPort& output) {
    if (!output.artifact.empty()) return Known(output.artifact);
    return Make(output.type, output.digest, output.metadata);
  }

  Result<ArtifactId> Known(const ArtifactId& id) {
    if (TRY(store::FindArtifact(transaction_, id))) return id;
    return NoArtifact(id);
  }

  Result<ArtifactId> Make(const std::string& type, const std::string& digest, const Json& metadata) {
    const auto id = NewId<ArtifactId>(clock_);
    TRY(store::InsertArtifact(transaction_, {id, execution_.project, type, digest, metadata, clock_.Now()}));
    return id;
  }

  Status Tie(const ArtifactId& artifact, Direction direction, const std::string& port) {
    return store::InsertEvent(transaction_, {execution_.id, artifact, direction, port});
  }

  db::Transaction& transaction_;
  const NewExecution& execution_;
  const Clock& clock_;
};

}  // namespace

std::string_view StateName(ExecutionState state) {
  switch (state) {
    case ExecutionState::kComplete: return "complete";
    case ExecutionState::kCached: return "cached";
    case ExecutionState::kFailed: break;
  }
  return "failed";
}

Result<Recorded> Lineage::RecordExecution(db::Transaction& transaction, const NewExecution& execution) const {
  TRY(Check(execution));
  return Recording(transaction, execution, clock_).Run();
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

Result<Execution> Lineage::ExecutionById(db::Snapshot& snapshot, const ExecutionId& id) {
  std::optional<Execution> execution = TRY(store::FindExecution(snapshot, id));
  if (!execution) return NotFound("lineage has no execution ", Quoted(id.text()));
  return *std::move(execution);
}

Result<std::vector<Execution>> Lineage::ExecutionsOfContext(db::Snapshot& snapshot, const ContextName& context) {
  return store::FindExecutions(snapshot, context);
}

Result<Graph> Lineage::Upstream(db::Snapshot& snapshot, const ArtifactId& id) {
  return Walk(snapshot, id, Direction::kOutput);
}

Result<Graph> Lineage::Downstream(db::Snapshot& snapshot, const ArtifactId& id) {
  return Walk(snapshot, id, Direction::kInput);
}

}  // namespace mw::lineage
