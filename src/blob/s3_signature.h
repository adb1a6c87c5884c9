// AWS Signature Version 4 for S3: what every S3-speaking store takes as proof of who asks. Pure, any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "net/http.h"

namespace mw::blob {

struct S3Credentials {
  std::string access_key;
  std::string secret_key;
  std::string session_token;  ///< of credentials that expire; else empty
};

struct S3Request {
  net::Method method = net::Method::kGet;
  std::string host;                                        ///< as the Host header says it, with its port
  std::string path;                                        ///< "/bucket/key", not encoded
  std::vector<std::pair<std::string, std::string>> query;  ///< not encoded
  net::Headers headers;                                    ///< to be signed besides those that every request has
  std::string body_sha256;                                 ///< 64 hexadecimal digits
};

/// "/bucket/a%20b?list-type=2&prefix=x", in the one spelling that is signed.
std::string S3Target(const S3Request& request);
/// The request's headers with x-amz-date, x-amz-content-sha256 and Authorization; without Host, which the client sends.
net::Headers S3SignedHeaders(const S3Request& request, const S3Credentials& credentials, std::string_view region,
                             Timestamp now);

}  // namespace mw::blob
