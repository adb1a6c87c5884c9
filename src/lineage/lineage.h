// The door of lineage: who made what from what. Other modules record an execution in the transaction that
// makes it true, and ask what an artifact came from or reached. Any thread; the functions on Transaction
// and Snapshot run inside closures of db::Database.
//
// An artifact is one output of one execution: two executions that write equal bytes make two artifacts of
// one digest, so that the history of one never leaks into the other. What nobody here made (a file that
// was imported) is an artifact without a producing execution.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "db/database.h"
#include "lineage/graph.h"

namespace mw::lineage {

std::vector<db::Migration> Migrations();

class Lineage {
 public:
  static constexpr std::size_t kJsonBytesMax = 1 << 20;  ///< of each of configuration, environment, metadata
  static constexpr std::size_t kPortsMax = 1000;         ///< inputs and outputs of one execution
  static constexpr std::int64_t kGraphArtifactsMax = 10'000;

  /// `clock` outlives this.
  explicit Lineage(const Clock& clock) : clock_(clock) {}

  /// Records an execution that ended, with its inputs, outputs and contexts. Idempotent by the execution's
  /// id: the second time nothing changes and the first record's artifacts are returned.
  /// Errors: kInvalidArgument names the field; kNotFound an artifact id of a port that was never recorded.
  Result<Recorded> RecordExecution(db::Transaction& transaction, const NewExecution& execution) const;

  /// Errors: kNotFound.
  static Result<Artifact> ArtifactById(db::Snapshot& snapshot, const ArtifactId& id);
  /// All artifacts of that content, the newest first. Empty when there are none.
  static Result<std::vector<Artifact>> ArtifactsByDigest(db::Snapshot& snapshot, std::string_view project,
                                                         std::string_view digest);
  /// The newest of them. Errors: kNotFound.
  static Result<Artifact> ArtifactByDigest(db::Snapshot& snapshot, std::string_view project, std::string_view digest);
  /// Errors: kNotFound.
  static Result<Execution> ExecutionById(db::Snapshot& snapshot, const ExecutionId& id);
  /// Oldest first. Empty when there is no such context.
  static Result<std::vector<Execution>> ExecutionsOfContext(db::Snapshot& snapshot, const ContextName& context);

  /// Everything the artifact came from, at any depth: what produced it, from what, and so on; itself
  /// included. Errors: kNotFound.
  static Result<Graph> Upstream(db::Snapshot& snapshot, const ArtifactId& id);
  /// Everything that was made from the artifact, at any depth; itself included. Errors: kNotFound.
  static Result<Graph> Downstream(db::Snapshot& snapshot, const ArtifactId& id);

 private:
  const Clock& clock_;
};

}  // namespace mw::lineage
