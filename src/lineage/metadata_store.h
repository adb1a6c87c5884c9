// The SQL of the metadata API: contexts, and lists by filter and order. Functions run inside closures of db::Database.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "db/database.h"
#include "lineage/graph.h"
#include "lineage/metadata_filter.h"

namespace mw::lineage::store {

/// False when one of that id, or of that type and name, is there.
Result<bool> InsertContext(db::Transaction& transaction, const Context& context);
/// All but its id, project, type and created. False when there is none.
Result<bool> UpdateContext(db::Transaction& transaction, const Context& context);
Result<std::optional<Context>> FindContext(db::Snapshot& snapshot, const ContextId& id);

Status JoinContext(db::Transaction& transaction, const ContextId& context, const ArtifactId& artifact);
Status JoinContext(db::Transaction& transaction, const ContextId& context, const ExecutionId& execution);
Status SetParent(db::Transaction& transaction, const ContextId& child, const ContextId& parent);
Status RemoveParent(db::Transaction& transaction, const ContextId& child, const ContextId& parent);
/// Whether `ancestor` is above the context, at any distance, or is it.
Result<bool> IsAbove(db::Snapshot& snapshot, const ContextId& ancestor, const ContextId& context);

/// In it by themselves, at most `limit` of each.
Result<std::vector<ArtifactId>> ArtifactsIn(db::Snapshot& snapshot, const ContextId& context, std::int64_t limit);
Result<std::vector<ExecutionId>> ExecutionsIn(db::Snapshot& snapshot, const ContextId& context, std::int64_t limit);

/// Which entries, in what order.
struct Selection {
  std::string project;
  FilterNode filter;
  std::vector<OrderKey> order;  ///< and then by id, the way of the last key
  db::Values after;             ///< the last page's last entry: a value for each key, and its id; empty: from the first
  std::int64_t limit = 0;
};
/// With each entry's own values for `after`.
template <typename Noun>
struct Selected {
  std::vector<Noun> entries;
  std::vector<db::Values> places;
};
Result<Selected<Artifact>> SelectArtifacts(db::Snapshot& snapshot, const Selection& selection);
Result<Selected<Execution>> SelectExecutions(db::Snapshot& snapshot, const Selection& selection);
Result<Selected<Context>> SelectContexts(db::Snapshot& snapshot, const Selection& selection);
/// Those of the artifacts that the filter holds for.
Result<std::vector<ArtifactId>> Matching(db::Snapshot& snapshot, const std::vector<ArtifactId>& among,
                                         const FilterNode& filter);

}  // namespace mw::lineage::store
