// One connection for each request: receivers are asked rarely.
#include "webhooks/http_sender.h"

#include <sys/eventfd.h>

#include <cerrno>

#include "net/http_client.h"
#include "webhooks/webhook.h"

namespace mw::webhooks {

Result<std::unique_ptr<HttpSender>> HttpSender::Make(net::Networks allowed) {
  FileDescriptor stopped(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stopped.valid()) return ErrnoError(errno, "making an event for webhooks");
  return std::unique_ptr<HttpSender>(new HttpSender(std::move(allowed), std::move(stopped)));
}

Result<net::Response> HttpSender::Post(const Outgoing& request) {
  const net::Url url = TRY(net::Url::ParseWeb(request.url));
  net::ClientOptions options;
  options.connect_timeout = kPatience / 4;
  options.timeout = kPatience;
  options.exchange_timeout = kPatience;
  options.body_limit = kAnswerBytesMax;
  options.cancel_descriptor = stopped_.get();
  options.check_address = [&](const std::string& address) { return CheckReach(request.url, address, allowed_); };
  const std::string server = Cat(url.scheme, "://", net::HostPort(url.host, url.port));
  net::HttpClient client = TRY(net::HttpClient::Make(server, options));
  return client.Send(net::Method::kPost, url.target, request.body, request.headers);
}

void HttpSender::Stop() {
  eventfd_write(stopped_.get(), 1);  // cannot fail before it was called 2^64 times
}

}  // namespace mw::webhooks
