// The one range of bytes that a Range header asks for (RFC 9110, section 14). Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace mw::api {

struct ByteRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;  ///< behind the last byte
};

/// Nothing for a header that is none of this kind ("bytes=2-4", "7-", "-3"), or asks for several ranges: the whole is
/// answered then. Errors: kOutOfRange for one that begins behind the end.
Result<std::optional<ByteRange>> ParseRange(std::string_view header, std::uint64_t size);

}  // namespace mw::api
