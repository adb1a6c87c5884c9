// HTTP's nouns, shared by both transports and by the client. No I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/result.h"

namespace mw::net {

enum class Method : std::uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions };
std::string_view MethodName(Method method);
std::optional<Method> ParseMethod(std::string_view text);
/// GET, HEAD and OPTIONS change nothing; all others are unsafe.
bool IsSafe(Method method);

/// "OK", "Not Found"; "Status" for codes without a name.
std::string_view ReasonPhrase(int status);

/// A header field as it stood in the message.
struct HeaderView {
  std::string_view name;
  std::string_view value;
};
using Headers = std::vector<std::pair<std::string, std::string>>;
/// The first value of that name (ASCII case does not matter), or nullptr.
const std::string* FindHeader(const Headers& headers, std::string_view name);

struct Response {
  int status = 200;
  Headers headers;  ///< Content-Length, Date and Connection are the transport's business
  std::string body;
};

/// application/json.
Response JsonResponse(const Json& body, int status = 200);
/// {"error": {"code": "NOT_FOUND", "message": "..."}} with the status that HttpStatus gives; 507 when a disk is full.
Response ErrorResponse(const Error& error);
/// The Error that ErrorResponse was made of; for other servers' bodies, one from the status.
Error ErrorFromResponse(const Response& response);

/// Percent-decoding, once. Errors: kInvalidArgument for a bad escape or a NUL.
Result<std::string> PercentDecode(std::string_view text);
std::string PercentEncode(std::string_view text);
/// The path of a request, decoded once, fit to be resolved beneath a root. Errors: kInvalidArgument for
/// an empty segment, and for what CheckDecodedPath (base/path_text.h) refuses.
Result<std::string> DecodePath(std::string_view raw);
/// "a=1&b=x%20y" -> pairs, decoded ('+' is a space).
Result<std::vector<std::pair<std::string, std::string>>> ParseQuery(std::string_view query);

}  // namespace mw::net
