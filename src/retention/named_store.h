// SQL that looks through a column of text for digests.
#pragma once

#include <string>
#include <vector>

#include "db/catalogue.h"

namespace mw::retention::store {

/// The next distinct texts behind `after` that name a digest, in order, at most `limit`.
Result<std::vector<std::string>> TextsWithDigests(db::Snapshot& snapshot, const db::Column& column,
                                                  const std::string& after, std::int64_t limit);

}  // namespace mw::retention::store
