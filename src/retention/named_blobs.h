// The mark of mark and sweep: which blobs are named. A blob is kept when its digest stands anywhere in the database, in
// whatever table and text, or in a directory's manifest that is kept itself. That keeps too much rather than too
// little, and holds for modules that do not exist yet. Any thread.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "base/task.h"
#include "blob/blob_store.h"
#include "db/database.h"
#include "retention/digest_set.h"

namespace mw::retention {

/// Lineage tells what was, also of artifacts that were purged since: it keeps what nobody purged.
enum class Keep : std::uint8_t { kAllNamed, kNamedOutsideLineage };

/// Sealed. Errors: the database's; the store's, but for manifests that are not there.
Task<Result<DigestSet>> NamedBlobs(db::Database& database, blob::BlobStore& blobs, Executor& workers, Keep keep);

}  // namespace mw::retention
