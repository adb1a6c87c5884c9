// Checks, before the store is asked.
#include "lineage/made.h"

#include "base/text.h"
#include "lineage/made_store.h"

namespace mw::lineage {

Result<std::vector<Made>> ListMade(db::Snapshot& snapshot, const MadeQuery& query) {
  if (query.limit < 1 || query.limit > MadeQuery::kMost) {
    return InvalidArgument("limit is 1 to ", MadeQuery::kMost, ", not ", query.limit);
  }
  if (query.before.empty()) return store::FindMade(snapshot, query, std::nullopt);
  const std::optional<Artifact> last = TRY(store::FindArtifact(snapshot, query.before));
  if (!last) return NotFound("lineage has no artifact ", Quoted(query.before.text()), " to go on behind");
  return store::FindMade(snapshot, query, last->created);
}

}  // namespace mw::lineage
