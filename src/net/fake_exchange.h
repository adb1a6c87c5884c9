// For tests of handlers: one request to a table of routes, without a server or a socket, and its whole answer. Who may
// ask is not looked at: that is the server's work, and the principal is given.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "net/route.h"

namespace mw::net {

class FakeRequest final : public Request {
 public:
  FakeRequest(Method method_in, std::string_view target, std::string body) : body_(std::move(body)) {
    const std::size_t question = std::min(target.find('?'), target.size());
    method = method_in;
    path = DecodePath(target.substr(0, question)).value_or("");
    if (question < target.size()) query = *ParseQuery(target.substr(question + 1));
    principal = {"tester", {Permission::kAdmin}};
    from_loopback = true;
  }
  Task<Result<std::size_t>> Read(std::span<char> buffer) override {
    const std::size_t count = std::min(buffer.size(), body_.size() - read_);
    std::copy_n(body_.data() + read_, count, buffer.data());
    read_ += count;
    co_return count;
  }

 private:
  std::string body_;
  std::size_t read_ = 0;
};

/// Gathers what is sent. A Sleep ends at once, as if the peer had gone.
class FakeResponder final : public Responder {
 public:
  Task<Status> Send(Response whole) override {
    response = std::move(whole);
    co_return Ok();
  }
  Task<Status> Begin(int status, Headers headers, std::optional<std::uint64_t> /*length*/) override {
    response.status = status;
    response.headers = std::move(headers);
    co_return Ok();
  }
  Task<Status> Write(std::string_view bytes) override {
    response.body.append(bytes);
    co_return Ok();
  }
  Task<Status> End() override { co_return Ok(); }
  Task<Status> Sleep(std::chrono::milliseconds /*duration*/) override { co_return Cancelled("the peer has gone"); }
  std::function<void()> Waker() override {
    return [] {};
  }

  Response response;
};

/// The answer of the route that `target` ("/api/v1/runs?limit=2") leads to; 404 where there is none.
inline Response Ask(const RouteTable& routes, FakeRequest& request) {
  RouteTable::Match match = routes.Find(request.method, request.path);
  if (match.route == nullptr) return ErrorResponse(NotFound("no route leads to ", request.path));
  request.params = std::move(match.params);
  FakeResponder responder;
  SyncWait(match.route->handler(request, responder));
  return std::move(responder.response);
}

inline Response Ask(const RouteTable& routes, Method method, std::string_view target, std::string body = "") {
  FakeRequest request(method, target, std::move(body));
  return Ask(routes, request);
}

}  // namespace mw::net
