// A blocking HTTP/1.1 client over one kept-alive connection, plain or in TLS: for the command line, steps, the follower
// of a model server, webhooks, and tests. It follows no redirect. One thread at a time.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http.h"
#include "net/socket.h"
#include "net/url.h"

namespace mw::net {

struct ClientOptions {
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds timeout{60000};  ///< for each read and write
  /// From connecting to the last byte of an answer, for peers that are not trusted to be quick.
  std::chrono::milliseconds exchange_timeout = std::chrono::hours(24);
  std::size_t body_limit = std::size_t{1} << 30;
  std::string bearer_token;    ///< sent as Authorization when not empty
  std::string basic;           ///< "USER:PASSWORD", sent as Authorization instead when not empty
  std::string roots;           ///< of https: a file or directory of the only roots that are trusted, in PEM
  AddressCheck check_address;  ///< null: every address may be connected to
  int cancel_descriptor = -1;  ///< once readable, waiting for the peer ends with kCancelled; -1: never
};

class HttpClient {
 public:
  /// `base` is "http://host:port" or "https://..." with an optional path prefix. Does not connect yet.
  static Result<HttpClient> Make(std::string_view base, ClientOptions options);
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;
  ~HttpClient();

  /// Any status is a Response; an Error means that no answer came. A request that failed on a
  /// kept-alive connection before any byte of answer is sent once more on a new one if it is safe.
  /// Errors: kUnavailable cannot connect, certificate not trusted or connection lost; kDeadlineExceeded;
  /// kInvalidArgument for an answer that is no HTTP; kResourceExhausted for one that is too large; `check_address`'s.
  Result<Response> Send(Method method, std::string_view target, std::string_view body = {},
                        const Headers& headers = {});

  /// The answer's body in pieces as they come; `sink` returning an error stops and closes. The
  /// returned Response has an empty body.
  Result<Response> Stream(Method method, std::string_view target, std::string_view body, const Headers& headers,
                          const std::function<Status(std::string_view)>& sink);

  /// JSON in, JSON out: answers of 400 and above become the Error they carry, and those that send elsewhere one too.
  Result<Json> Call(Method method, std::string_view target, const Json& body = Json());

 private:
  struct Connection;
  explicit HttpClient(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

}  // namespace mw::net
