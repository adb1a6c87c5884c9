// The door of the metadata API: contexts, executions and artifacts by id, listed by a filter, tied together by whoever
// calls. What lineage recorded by itself is among them. Any thread; inside closures of db::Database.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "db/database.h"
#include "lineage/graph.h"
#include "lineage/metadata_filter.h"

namespace mw::lineage {

struct ListQuery {
  std::string project = "default";
  std::string filter = {};
  std::string order_by = {};
  std::string page_token = {};   ///< empty: the first page
  std::int64_t page_size = 100;  ///< 1 to kPageMax
};

template <typename Noun>
struct Page {
  std::vector<Noun> entries;
  std::string next_page_token;  ///< empty: there are no more
};

class Metadata {
 public:
  static constexpr std::int64_t kPageMax = 1000;
  static constexpr std::size_t kSubgraphMax = 1000;  ///< artifacts, and executions, of one subgraph

  /// The clock outlives this.
  explicit Metadata(const Clock& clock) : clock_(clock) {}

  /// Without an id one is made. Errors: kInvalidArgument an id that is none, metadata that is no object or too large;
  /// kAlreadyExists.
  Result<Artifact> Create(db::Transaction& transaction, Artifact artifact) const;
  Result<Execution> Create(db::Transaction& transaction, Execution execution) const;
  /// Also kAlreadyExists: another context has its type and name.
  Result<Context> Create(db::Transaction& transaction, Context context) const;
  /// All but what identifies it: id, project, type, digest, created. Errors: kNotFound; kInvalidArgument as above.
  Result<Artifact> Update(db::Transaction& transaction, Artifact artifact) const;
  Result<Execution> Update(db::Transaction& transaction, Execution execution) const;
  Result<Context> Update(db::Transaction& transaction, Context context) const;

  /// Errors: kNotFound.
  static Result<Context> ContextById(db::Snapshot& snapshot, const ContextId& id);

  /// A page, newest first unless ordered. A page that follows begins behind the last entry by that entry's own place:
  /// what is added meanwhile moves nothing. Errors: kInvalidArgument filter, order, page size, a token of another
  /// query.
  static Result<Page<Artifact>> ListArtifacts(db::Snapshot& snapshot, const ListQuery& query);
  static Result<Page<Execution>> ListExecutions(db::Snapshot& snapshot, const ListQuery& query);
  static Result<Page<Context>> ListContexts(db::Snapshot& snapshot, const ListQuery& query);

  /// Puts these into the context; those that are in it stay. Errors: kNotFound.
  static Status AddToContext(db::Transaction& transaction, const ContextId& context,
                             const std::vector<ArtifactId>& artifacts, const std::vector<ExecutionId>& executions);
  /// Errors: kNotFound; kInvalidArgument a context would be its own ancestor.
  static Status AddChildren(db::Transaction& transaction, const ContextId& parent,
                            const std::vector<ContextId>& children);
  static Status RemoveChildren(db::Transaction& transaction, const ContextId& parent,
                               const std::vector<ContextId>& children);
  /// An artifact that is tied so already stays; without a port it is tied under its own id. Errors: kNotFound.
  Status AddEvents(db::Transaction& transaction, const ExecutionId& execution, std::vector<Event> events) const;

  /// What is in a context. Errors: kNotFound; kFailedPrecondition more than kSubgraphMax.
  static Result<Graph> ContextSubgraph(db::Snapshot& snapshot, const ContextId& context);
  /// An execution with what it read and made. Errors: kNotFound.
  static Result<Graph> InputsAndOutputs(db::Snapshot& snapshot, const ExecutionId& execution);
  /// Around an artifact, both ways, so many hops; of artifacts that `filter` holds for. The first itself is always
  /// there; what lies behind one that is left out is walked to all the same. Errors: kNotFound; kInvalidArgument.
  static Result<Graph> ArtifactSubgraph(db::Snapshot& snapshot, const ArtifactId& artifact, std::int64_t hops_max,
                                        std::string_view filter);

 private:
  const Clock& clock_;
};

}  // namespace mw::lineage
