// The steps of "Signature Calculations for the Authorization Header" in Amazon's S3 reference.
#include "blob/s3_signature.h"

#include <algorithm>
#include <map>

#include "base/file.h"
#include "base/signing.h"
#include "base/text.h"

namespace mw::blob {
namespace {

std::string EncodedPath(std::string_view path) {
  std::string out;
  for (const std::string_view segment : Split(path, '/')) {
    if (segment.data() != path.data()) out += '/';
    out += net::PercentEncode(segment);
  }
  return out;
}

std::string CanonicalQuery(const S3Request& request) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& [name, value] : request.query) {
    pairs.emplace_back(net::PercentEncode(name), net::PercentEncode(value));
  }
  std::sort(pairs.begin(), pairs.end());
  std::string out;
  for (const auto& [name, value] : pairs) CatTo(out, out.empty() ? "" : "&", name, "=", value);
  return out;
}

/// "20130524T000000Z"
std::string AmzTime(Timestamp now) {
  std::string out;
  for (const char c : FormatTime(now).substr(0, 19)) {
    if (c != '-' && c != ':') out += c;
  }
  return out += 'Z';
}

}  // namespace

std::string S3Target(const S3Request& request) {
  const std::string query = CanonicalQuery(request);
  return Cat(EncodedPath(request.path), query.empty() ? "" : "?", query);
}

net::Headers S3SignedHeaders(const S3Request& request, const S3Credentials& credentials, std::string_view region,
                             Timestamp now) {
  const std::string time = AmzTime(now);
  net::Headers headers = request.headers;
  headers.emplace_back("x-amz-content-sha256", request.body_sha256);
  headers.emplace_back("x-amz-date", time);
  if (!credentials.session_token.empty()) headers.emplace_back("x-amz-security-token", credentials.session_token);

  std::map<std::string, std::string> signed_fields = {{"host", request.host}};
  for (const auto& [name, value] : headers) signed_fields[ToLower(name)] = Trim(value);
  std::string fields, names;
  for (const auto& [name, value] : signed_fields) {
    CatTo(fields, name, ":", value, "\n");
    CatTo(names, names.empty() ? "" : ";", name);
  }
  const std::string canonical = Cat(net::MethodName(request.method), "\n", EncodedPath(request.path), "\n",
                                    CanonicalQuery(request), "\n", fields, "\n", names, "\n", request.body_sha256);
  const std::string day = time.substr(0, 8);
  const std::string scope = Cat(day, "/", region, "/s3/aws4_request");
  const std::string text = Cat("AWS4-HMAC-SHA256\n", time, "\n", scope, "\n", Sha256Hex(canonical));
  std::string key = Cat("AWS4", credentials.secret_key);
  for (const std::string& part : {day, std::string(region), std::string("s3"), std::string("aws4_request")}) {
    key = HmacSha256(key, part);
  }
  headers.emplace_back("Authorization", Cat("AWS4-HMAC-SHA256 Credential=", credentials.access_key, "/", scope,
                                            ",SignedHeaders=", names, ",Signature=", Hex(HmacSha256(key, text))));
  return headers;
}

}  // namespace mw::blob
