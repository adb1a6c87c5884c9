// A request that the model of a package surely understands: its first warm-up row.
#pragma once

#include "base/json.h"
#include "base/result.h"
#include "blob/blob_store.h"

namespace mw::api::native {

/// An Open Inference request with a named tensor per column. `package`: digest of the package's directory.
/// Errors: kNotFound, kDataLoss.
Result<Json> ExampleRequest(blob::BlobStore& blobs, const blob::Digest& package);

}  // namespace mw::api::native
