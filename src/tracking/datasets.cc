// Checks, and one snapshot for all that an answer says.
#include "tracking/datasets.h"

#include <utility>

#include "base/text.h"
#include "tracking/dataset_store.h"

namespace mw::tracking {

Task<Result<std::vector<DatasetLine>>> Datasets::List(DatasetQuery query) {
  if (query.limit < 1 || query.limit > kLinesMax) {
    co_return InvalidArgument("limit is 1 to ", kLinesMax, ", not ", query.limit);
  }
  co_return co_await database_.Read([&](db::Snapshot& s) { return store::ListDatasets(s, query); });
}

Task<Result<DatasetDetails>> Datasets::Get(std::string name, std::string digest) {
  auto found = co_await database_.Read([&](db::Snapshot& s) { return store::FindDataset(s, name, digest, kUsesMax); });
  std::optional<DatasetDetails> details = CO_TRY(std::move(found));
  if (!details) co_return NotFound("no run has logged a dataset ", Quoted(name), " of digest ", Quoted(digest));
  co_return *std::move(details);
}

}  // namespace mw::tracking
