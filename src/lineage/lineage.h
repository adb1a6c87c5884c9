// The door of lineage: who made what from what. Other modules record an execution in the transaction that
// makes it true, and ask what an artifact came from or reached. Any thread; the functions on Transaction
// and Snapshot run inside closures of db::Database.
//
// An artifact is one output of one execution: two executions that write equal bytes make two artifacts of
// one digest, so that the history of one never leaks into the other. What nobody here made (a file that
// was imported) is an artifact without a producing execution. What has a title (a version, a deployment) is one
// artifact, whoever tells of it.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/task.h"
#include "db/database.h"
#include "lineage/graph.h"

namespace mw::lineage {

std::vector<db::Migration> Migrations();

/// Where a walk goes. kBoth: up and down from where it begins, never up again from below.
enum class Way : std::uint8_t { kUpstream, kDownstream, kBoth };

/// How far a walk goes. A hop is from an artifact to an execution, or from an execution to an artifact.
struct Reach {
  std::int64_t hops_max = std::numeric_limits<std::int64_t>::max();
  std::size_t artifacts_max = 10'000;
};

class Lineage {
 public:
  static constexpr std::size_t kJsonBytesMax = 1 << 20;  ///< of each of configuration, environment, metadata
  static constexpr std::size_t kPortsMax = 1000;         ///< inputs and outputs of one execution
  static constexpr std::size_t kGraphArtifactsMax = 10'000;
  static constexpr std::size_t kTitleBytesMax = 1000;

  /// `clock` outlives this.
  explicit Lineage(const Clock& clock) : clock_(clock) {}

  /// Once, at start: makes metadata that an older program kept searchable, some artifacts at a time.
  static Task<Status> MakeSearchable(db::Database& database);

  /// Records an execution that ended, with its inputs, outputs and contexts. Idempotent by the execution's
  /// id: the second time nothing changes and the first record's artifacts are returned.
  /// Errors: kInvalidArgument names the field; kNotFound an artifact id of a port that was never recorded.
  Result<Recorded> RecordExecution(db::Transaction& transaction, const NewExecution& execution) const;
  /// Makes the execution when it is new, else sets its state, end, name and metadata anew; its ports and contexts are
  /// added to those it has. For what is told of while it runs. Errors: as RecordExecution's.
  Result<Recorded> Tell(db::Transaction& transaction, const NewExecution& execution) const;

  /// Errors: kNotFound.
  static Result<Artifact> ArtifactById(db::Snapshot& snapshot, const ArtifactId& id);
  /// All artifacts of that content, the newest first. Empty when there are none.
  static Result<std::vector<Artifact>> ArtifactsByDigest(db::Snapshot& snapshot, std::string_view project,
                                                         std::string_view digest);
  /// The newest of them. Errors: kNotFound.
  static Result<Artifact> ArtifactByDigest(db::Snapshot& snapshot, std::string_view project, std::string_view digest);
  /// Of that type and title, and of that digest unless it is empty; the newest first, at most `limit`.
  static Result<std::vector<Artifact>> ArtifactsByTitle(db::Snapshot& snapshot, std::string_view project,
                                                        std::string_view type, std::string_view title,
                                                        std::string_view digest = "",
                                                        std::int64_t limit = kGraphArtifactsMax);
  /// Errors: kNotFound.
  static Result<Execution> ExecutionById(db::Snapshot& snapshot, const ExecutionId& id);
  /// Oldest first. Empty when there is no such context.
  static Result<std::vector<Execution>> ExecutionsOfContext(db::Snapshot& snapshot, const ContextName& context);
  static Result<std::vector<Event>> EventsOf(db::Snapshot& snapshot, const ExecutionId& id);

  /// Everything the artifact came from, at any depth: what produced it, from what, and so on; itself
  /// included. At most kGraphArtifactsMax artifacts, the nearest. Errors: kNotFound.
  static Result<Graph> Upstream(db::Snapshot& snapshot, const ArtifactId& id);
  /// Everything that was made from the artifact, at any depth. Errors: kNotFound.
  static Result<Graph> Downstream(db::Snapshot& snapshot, const ArtifactId& id);
  /// From all of these at once; the nearest first are taken. Errors: kNotFound.
  static Result<Graph> Walk(db::Snapshot& snapshot, const std::vector<ArtifactId>& from, Way way, const Reach& reach);
  /// The ids alone, nearest first, those of `from` included: a fraction of Walk's time. `truncated` when there are
  /// more.
  struct Ids {
    std::vector<ArtifactId> artifacts;
    std::vector<ExecutionId> executions;
    bool truncated = false;
  };
  static Result<Ids> WalkIds(db::Snapshot& snapshot, const std::vector<ArtifactId>& from, Way way, const Reach& reach);
  /// Which of `targets` were made from any of `from`, in their order; exact where a walk down is cut: then each target
  /// is asked what it came from, up to kGraphArtifactsMax artifacts.
  static Result<std::vector<ArtifactId>> Reached(db::Snapshot& snapshot, const std::vector<ArtifactId>& from,
                                                 const std::vector<ArtifactId>& targets);

  /// Runs that those belong to: names of their contexts of type "run", and themselves where they are runs; sorted.
  static Result<std::vector<std::string>> RunsOf(db::Snapshot& snapshot, const std::vector<ExecutionId>& executions);
  /// Runs that read or made the artifact, the greatest ids first, which are the newest; at most `limit`.
  static Result<std::vector<std::string>> RunsAt(db::Snapshot& snapshot, const ArtifactId& id, std::int64_t limit);
  /// All that have that type and a title, the newest first, at most kTitlesMax.
  static Result<std::vector<std::pair<ArtifactId, std::string>>> TitlesOf(db::Snapshot& snapshot,
                                                                          std::string_view project,
                                                                          std::string_view type);
  static constexpr std::int64_t kTitlesMax = 100'000;

 private:
  const Clock& clock_;
};

}  // namespace mw::lineage
