// HTTP's nouns.
#include "net/http.h"

#include <array>

#include "base/disk_full.h"
#include "base/hex.h"
#include "base/path_text.h"

namespace mw::net {
namespace {

constexpr std::array<std::pair<std::string_view, Method>, 7> kMethods = {{{"GET", Method::kGet},
                                                                          {"HEAD", Method::kHead},
                                                                          {"POST", Method::kPost},
                                                                          {"PUT", Method::kPut},
                                                                          {"PATCH", Method::kPatch},
                                                                          {"DELETE", Method::kDelete},
                                                                          {"OPTIONS", Method::kOptions}}};

Result<std::string> Decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? HexValue(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexValue(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return InvalidArgument(Quoted(text), " has a '%' without two hexadecimal digits; write it as %25");
      }
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (c == '\0') return InvalidArgument(Quoted(text), " has a NUL character");
    out.push_back(c);
  }
  return out;
}

bool IsUnreserved(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

}  // namespace

std::string_view MethodName(Method method) {
  for (const auto& [name, value] : kMethods) {
    if (value == method) return name;
  }
  return "GET";
}

std::optional<Method> ParseMethod(std::string_view text) {
  for (const auto& [name, value] : kMethods) {
    if (name == text) return value;
  }
  return std::nullopt;
}

bool IsSafe(Method method) { return method == Method::kGet || method == Method::kHead || method == Method::kOptions; }

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 499: return "Client Closed Request";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Status";
  }
}

const std::string* FindHeader(const Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (EqualsIgnoreCase(key, name)) return &value;
  }
  return nullptr;
}

Response JsonResponse(const Json& body, int status) {
  return Response{status, {{"Content-Type", "application/json"}}, body.Dump()};
}

Response ErrorResponse(const Error& error) {
  Response response =
      JsonResponse(Json::Make({{"error", Json::Make({{"code", CodeName(error.code)}, {"message", error.ToString()}})}}),
                   IsDiskFull(error) ? 507 : HttpStatus(error.code));
  if (response.status == 429 || response.status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

Error ErrorFromResponse(const Response& response) {
  const Result<Json> body = Json::Parse(response.body);
  const Json* error = body.ok() ? body->Find("error") : nullptr;
  if (error != nullptr && error->IsObject() && error->Find("message") != nullptr) {
    const Code code = CodeFromName(error->StringOr("code", ""));
    return Error{
        code == Code::kUnknown ? CodeFromHttpStatus(response.status) : code, error->StringOr("message", ""), {}};
  }
  std::string message = Cat("the server answered ", response.status, ' ', ReasonPhrase(response.status));
  if (error != nullptr && error->IsString()) {
    CatTo(message, ": ", error->AsString());
  } else if (!response.body.empty()) {
    CatTo(message, ": ", Quoted(response.body, 200));
  }
  return Error{CodeFromHttpStatus(response.status), std::move(message), {}};
}

Result<std::string> PercentDecode(std::string_view text) { return Decode(text, false); }

std::string PercentEncode(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (IsUnreserved(c)) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  return out;
}

Result<std::vector<std::pair<std::string, std::string>>> ParseQuery(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> out;
  if (query.empty()) return out;
  for (const std::string_view pair : Split(query, '&')) {
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const std::string_view value = equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    std::string name = TRY(Decode(pair.substr(0, equals), true));
    out.emplace_back(std::move(name), TRY(Decode(value, true)));
  }
  return out;
}

Result<std::string> DecodePath(std::string_view raw) {
  std::string path = TRY(PercentDecode(raw));
  if (!path.starts_with('/')) return InvalidArgument("path ", Quoted(path), " does not begin with '/'");
  if (path.find("//") != std::string::npos) return InvalidArgument("path ", Quoted(path), " has an empty segment");
  TRY(CheckDecodedPath(path));
  return path;
}

}  // namespace mw::net
