// Tells the control plane's lineage of a batch prediction: the files that were read, the version, the file that was
// written, each by its digest.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "net/http_client.h"
#include "steps/batch_input.h"
#include "steps/batch_marker.h"

namespace mw::steps {

/// So many input files are told of one by one; of more, one digest of them all.
inline constexpr std::size_t kToldInputsMax = 100;

/// The body of PUT /api/v1/lineage/batches/{id}. Reads all files. Errors: from errno.
Result<Json> BatchLineage(const BatchMarker& marker, const std::vector<InputFile>& inputs, const std::string& output,
                          Timestamp ended);
/// May be repeated. Errors: kUnavailable: it was not taken, and why.
Status TellLineage(net::HttpClient& api, const BatchMarker& marker, const std::vector<InputFile>& inputs,
                   const std::string& output, Timestamp ended);

}  // namespace mw::steps
