// The nouns of lineage, after ML Metadata: contexts group, executions run, artifacts are what they read and
// write, events tie the two. Plain values, no I/O.
//
//   context (a pipeline, a run) ── execution (an attempt of a step) ──input──> artifact (a dataset)
//                                        '──output──> artifact (a model) ──input── execution ...
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"

namespace mw::lineage {

using ArtifactId = Id<struct ArtifactTag>;
using ExecutionId = Id<struct ExecutionTag>;

/// How an execution came to its outputs.
enum class ExecutionState : std::uint8_t { kComplete, kCached, kFailed };
/// "complete", "cached", "failed"
std::string_view StateName(ExecutionState state);

/// What groups executions: {"default", "run", "0193..."}, {"default", "pipeline", "late-departures-training"}.
struct ContextName {
  std::string project = "default";
  std::string type;
  std::string name;
  auto operator<=>(const ContextName&) const = default;
};

/// An input of an execution to be recorded. With `artifact` it is that one; else the newest artifact of
/// the digest, or a new one without a producer when the digest is unknown.
struct InputPort {
  std::string name;  ///< "rows"
  ArtifactId artifact{};
  std::string type;  ///< "dataset", "model", "report"; used when a new artifact is made
  std::string digest;
};

/// An output. A cache hit gives the `artifact` that was made before; without it a new one is made.
struct OutputPort {
  std::string name;  ///< "model"
  std::string type;
  std::string digest;
  Json metadata = Json::MakeObject();
  ArtifactId artifact{};
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
  Timestamp ended{};
};

/// The artifacts of an execution by the names of its ports.
struct Recorded {
  std::map<std::string, ArtifactId> inputs;
  std::map<std::string, ArtifactId> outputs;
};

struct Artifact {
  ArtifactId id;
  std::string project;
  std::string type;
  std::string digest;
  Json metadata;
  Timestamp created{};
};

struct Execution {
  ExecutionId id;
  std::string project;
  std::string type;
  std::string name;
  ExecutionState state = ExecutionState::kComplete;
  std::string code_version;
  Json configuration;
  Json environment;
  Timestamp started{};
  Timestamp ended{};
};

enum class Direction : std::uint8_t { kInput, kOutput };

struct Event {
  ExecutionId execution;
  ArtifactId artifact;
  Direction direction = Direction::kInput;
  std::string port;
};

/// A part of the history. Events name only executions and artifacts that are in it.
struct Graph {
  std::vector<Artifact> artifacts;    ///< oldest first
  std::vector<Execution> executions;  ///< oldest first
  std::vector<Event> events;
  bool truncated = false;  ///< there is more than Lineage::kGraphArtifactsMax artifacts
};

}  // namespace mw::lineage
