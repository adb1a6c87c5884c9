// What readers of request bodies say of JSON that is none, or not what belongs there. Pure, any thread.
#pragma once

#include <string_view>

#include "api/inference/json_scanner.h"
#include "base/result.h"

namespace mw::api::inference {

/// A failed scan as an error, else success.
inline Status Scanned(const JsonScanner& json) {
  if (!json.failed()) [[likely]]
    return Ok();
  return InvalidArgument("the request is no valid JSON: ", json.error(), " at byte ", json.error_offset());
}

/// "`what` must be `expected`", or what is wrong with the JSON that stands there.
inline Error Unexpected(JsonScanner& json, std::string_view what, std::string_view expected) {
  if (json.Peek() == JsonScanner::Kind::kNone) json.Skip();  // fails: it is no JSON at all
  const Status scanned = Scanned(json);
  return scanned.ok() ? InvalidArgument(what, " must be ", expected) : scanned.error();
}

}  // namespace mw::api::inference
