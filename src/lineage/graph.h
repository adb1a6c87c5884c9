// The nouns of lineage, after ML Metadata: contexts group, executions run, artifacts are what they read and
// write, events tie the two. Plain values, no I/O.
//
//   context (a pipeline, a run) ── execution (an attempt of a step) ──input──> artifact (a dataset)
//                                        '──output──> artifact (a model) ──input── execution ...
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"

namespace mw::lineage {

using ArtifactId = Id<struct ArtifactTag>;
using ExecutionId = Id<struct ExecutionTag>;
using ContextId = Id<struct ContextTag>;

/// Where an execution is, or how it came to its outputs.
enum class ExecutionState : std::uint8_t { kComplete, kCached, kFailed, kNew, kRunning, kCancelled };
/// "complete", "cached", "failed", "new", "running", "cancelled"
std::string_view StateName(ExecutionState state);
std::optional<ExecutionState> ExecutionStateFromName(std::string_view name);

/// kPending: it is announced, its content is not there yet.
enum class ArtifactState : std::uint8_t { kLive, kPending };
/// "live", "pending"
std::string_view StateName(ArtifactState state);
std::optional<ArtifactState> ArtifactStateFromName(std::string_view name);

/// What groups executions: {"default", "run", "0193..."}, {"default", "pipeline", "late-departures-training"}.
struct ContextName {
  std::string project = "default";
  std::string type;
  std::string name;
  auto operator<=>(const ContextName&) const = default;
};

/// An input of an execution to be recorded. With `artifact` it is that one; with `title` the one of that type, title
/// and digest; else the newest artifact of the digest. What is unknown becomes a new one without a producer.
struct InputPort {
  std::string name;  ///< "rows"
  ArtifactId artifact{};
  std::string type;  ///< "dataset", "model", "report"; used when a new artifact is made
  std::string digest;
  std::string title = {};  ///< what people call it: "late-departures@3"
  std::string uri = {};    ///< where it lies, when that is known
  Json metadata = Json::MakeObject();
};

/// An output. A cache hit gives the `artifact` that was made before; one with a `title` is the artifact of that type
/// and title when there is one; else a new one is made.
struct OutputPort {
  std::string name;  ///< "model"
  std::string type;
  std::string digest;
  Json metadata = Json::MakeObject();
  ArtifactId artifact{};
  std::string title = {};
  std::string uri = {};
};

struct NewExecution {
  ExecutionId id;  ///< the caller's: the attempt's id
  std::string project = "default";
  std::string type;  ///< the step: "train"
  std::string name;  ///< for people: "late-departures-training/train"
  ExecutionState state = ExecutionState::kComplete;
  std::vector<InputPort> inputs;
  std::vector<OutputPort> outputs;
  std::string code_version;                 ///< digest of the program, or a revision of its source
  Json configuration = Json::MakeObject();  ///< what was asked of it
  Json environment = Json::MakeObject();    ///< where it ran: machine, library versions, variables
  std::vector<ContextName> contexts;        ///< made when absent; of the execution's project
  Timestamp started{};
  Timestamp ended{};                   ///< 1970: it has not
  Json metadata = Json::MakeObject();  ///< what it can be found by
};

/// The artifacts of an execution by the names of its ports.
struct Recorded {
  std::map<std::string, ArtifactId> inputs;
  std::map<std::string, ArtifactId> outputs;
};

/// What people say of anything recorded.
struct Notes {
  std::string schema_version = {};
  std::string description = {};
  Json labels = Json::MakeObject();  ///< text by text
  bool operator==(const Notes&) const = default;
};

struct Artifact {
  ArtifactId id;
  std::string project;
  std::string type;
  std::string title;   ///< what people call it; may be empty
  std::string digest;  ///< of its content; may be empty
  std::string uri;
  ArtifactState state = ArtifactState::kLive;
  Json metadata = Json::MakeObject();
  Notes notes = {};
  Timestamp created{};
  Timestamp updated{};
};

struct Execution {
  ExecutionId id;
  std::string project;
  std::string type;
  std::string name;
  ExecutionState state = ExecutionState::kComplete;
  std::string code_version;
  Json configuration = Json::MakeObject();
  Json environment = Json::MakeObject();
  Json metadata = Json::MakeObject();
  Notes notes = {};
  Timestamp started{};
  Timestamp ended{};  ///< 1970: it has not
  Timestamp created{};
  Timestamp updated{};
};

struct Context {
  ContextId id;
  ContextName name;
  Json metadata = Json::MakeObject();
  Notes notes = {};
  std::vector<ContextId> parents = {};
  Timestamp created{};
  Timestamp updated{};
};

enum class Direction : std::uint8_t { kInput, kOutput };

struct Event {
  ExecutionId execution;
  ArtifactId artifact;
  Direction direction = Direction::kInput;
  std::string port;
  Timestamp at{};
};

/// A part of the history. Events name only executions and artifacts that are in it.
struct Graph {
  std::vector<Artifact> artifacts;    ///< oldest first
  std::vector<Execution> executions;  ///< oldest first
  std::vector<Event> events;
  bool truncated = false;  ///< there is more than the walk was allowed to take
};

}  // namespace mw::lineage
