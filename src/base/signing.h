// Signatures with a shared key, and the text form in which they travel. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

namespace mw {

/// HMAC-SHA256 (RFC 2104): 32 bytes.
std::string HmacSha256(std::string_view key, std::string_view text);
/// RFC 4648, with padding.
std::string Base64(std::string_view bytes);

}  // namespace mw
