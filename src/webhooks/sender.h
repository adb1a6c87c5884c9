// How a request gets to a receiver: the port, so that tests need no network.
#pragma once

#include <string>

#include "base/result.h"
#include "net/http.h"

namespace mw::webhooks {

struct Outgoing {
  std::string url;
  net::Headers headers;
  std::string body;
};

/// Any thread.
class Sender {
 public:
  static constexpr std::size_t kAnswerBytesMax = std::size_t{64} << 10;

  virtual ~Sender() = default;
  /// Posts it and blocks until it is answered: any status, a redirect too, is an answer. Errors: kPermissionDenied the
  /// address may not be reached; kUnavailable; kDeadlineExceeded; kResourceExhausted an answer beyond kAnswerBytesMax;
  /// kInvalidArgument an answer that is no HTTP; kCancelled this program is stopping.
  virtual Result<net::Response> Post(const Outgoing& request) = 0;
};

}  // namespace mw::webhooks
