// What a package says to those who hold its digest: a request that its model surely understands (its first warm-up
// row, or the first request that was recorded with it), and the label that it predicts.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "blob/blob_store.h"

namespace mw::api::native {

/// An Open Inference request: a named tensor per column, or the tensors of a model of tensors. `package`: digest of the
/// package's directory. Errors: kNotFound, kDataLoss.
Result<Json> ExampleRequest(blob::BlobStore& blobs, const blob::Digest& package);
/// The label that the package's model predicts; empty when it does not say. Errors: kNotFound, kDataLoss.
Result<std::string> LabelOf(blob::BlobStore& blobs, const blob::Digest& package);

}  // namespace mw::api::native
