// Content-Encoding of HTTP bodies (RFC 9110 section 8.4): gzip, deflate (in zlib's form) and zstd (RFC 8878).
// Pure functions, any thread. Invariant: what is decoded never grows beyond the bound that the caller gives, whatever
// the bytes say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace mw::net {

enum class ContentCoding : std::uint8_t { kIdentity, kDeflate, kGzip, kZstd };  // worst first

/// The value of Content-Encoding; nothing for one that is not known (also for several after one another).
std::optional<ContentCoding> ParseContentCoding(std::string_view header);
std::string_view ContentCodingName(ContentCoding coding);
/// The coding that an Accept-Encoding prefers among those we have; of equal ones zstd before gzip before deflate.
/// kIdentity when there is none.
ContentCoding ChooseContentCoding(std::string_view accept_encoding);

/// Replaces `out`. Errors: kInvalidArgument for bytes that are no such coding, or that end early or late;
/// kResourceExhausted beyond `bytes_max`.
Status DecodeContent(ContentCoding coding, std::string_view bytes, std::size_t bytes_max, std::string& out);
/// Appends to `out`, at the quickest level. Errors: kResourceExhausted memory.
Status EncodeContent(ContentCoding coding, std::string_view bytes, std::string& out);

}  // namespace mw::net
