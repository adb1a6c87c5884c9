// Requests to receivers over HTTP and HTTPS. No redirect is followed, and the address is judged after its name was
// resolved, when it is connected to. Blocks the caller for at most kPatience (and while a name is resolved).
#pragma once

#include <chrono>
#include <memory>

#include "base/file.h"
#include "net/address_rule.h"
#include "webhooks/sender.h"

namespace mw::webhooks {

class HttpSender final : public Sender {
 public:
  static constexpr std::chrono::seconds kPatience{20};

  /// Errors: from errno.
  static Result<std::unique_ptr<HttpSender>> Make(net::Networks allowed);
  Result<net::Response> Post(const Outgoing& request) override;
  /// Ends what is under way with kCancelled, and all that comes. Any thread.
  void Stop();

 private:
  HttpSender(net::Networks allowed, FileDescriptor stopped)
      : allowed_(std::move(allowed)), stopped_(std::move(stopped)) {}

  const net::Networks allowed_;
  const FileDescriptor stopped_;  ///< readable once it is
};

}  // namespace mw::webhooks
