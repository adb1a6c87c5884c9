// A stream server with routes of every kind, for the tests of this module.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"
#include "base/text.h"
#include "net/http_client.h"
#include "net/stream_server.h"
#include "net/test_client.h"

namespace mw::net {

inline constexpr std::size_t kBodyLimit = 1000;

inline Task<Result<Response>> Echo(Request& request) {
  const std::string body = CO_TRY(co_await request.ReadAll());
  std::string text = Cat(MethodName(request.method), ' ', request.path, ' ', request.principal.name);
  for (const auto& [name, value] : request.params) CatTo(text, ' ', name, '=', value);
  for (const auto& [name, value] : request.query) CatTo(text, ' ', name, ':', value);
  co_return Response{200, {{"Content-Type", "text/plain"}}, Cat(text, '|', body)};
}

inline Task<void> CountBytes(Request& request, Responder& responder) {
  std::vector<char> buffer(5000);
  std::uint64_t total = 0;
  for (;;) {
    const auto count = co_await request.Read(buffer);
    if (!count.ok()) {
      (void)co_await responder.Send(ErrorResponse(count.error()));
      co_return;
    }
    if (*count == 0) break;
    total += *count;
  }
  const Json count = Json::Make({{"bytes", total}});
  (void)co_await responder.Send(JsonResponse(count));
}

/// Reads by the buffer that the request names.
inline Task<Result<Response>> DigestOf(Request& request) {
  std::vector<char> buffer(static_cast<std::size_t>(ParseInt(request.params.at("buffer")).value_or(1)));
  Sha256 digest;
  for (;;) {
    const std::size_t count = CO_TRY(co_await request.Read(buffer));
    if (count == 0) break;
    digest.Update({buffer.data(), count});
  }
  co_return Response{200, {}, digest.Finish()};
}

inline Task<void> Numbers(Request& request, Responder& responder) {
  const bool known_length = request.Query("length") != nullptr;
  const std::optional<std::uint64_t> length = known_length ? std::optional<std::uint64_t>(30) : std::nullopt;
  (void)co_await responder.Begin(200, Headers(), length);
  for (int i = 0; i < 10; ++i) (void)co_await responder.Write(Cat(i, i, ' '));
  (void)co_await responder.End();
}

inline Task<void> HalfAnAnswer(Request&, Responder& responder) {
  (void)co_await responder.Begin(200, Headers(), std::nullopt);
  (void)co_await responder.Write("half");
}

inline Task<void> NoAnswer(Request&, Responder&) { co_return; }

class StreamServerTest : public testing::Test {
 protected:
  StreamServerTest() : tokens_(clock_, Principal{"local", {Permission::kAdmin}}) {
    tokens_.Add("reader", {"token:reader", {Permission::kRead}});
    tokens_.Add("writer", {"token:writer", {Permission::kRead, Permission::kWrite}});
  }

  RouteTable Routes() {
    RouteTable routes;
    routes.Add(Route(Method::kGet, "/health", Permission::kPublic, 0, Simple(Echo)));
    routes.Add(Route(Method::kGet, "/echo/{name}", Permission::kRead, 0, Simple(Echo)));
    routes.Add(Route(Method::kPost, "/echo/{name}", Permission::kWrite, kBodyLimit, Simple(Echo)));
    routes.Add(Route(Method::kPut, "/files/{path...}", Permission::kWrite, std::size_t{1} << 30, CountBytes));
    routes.Add(Route(Method::kPut, "/digest/{buffer}", Permission::kWrite, std::size_t{1} << 30, Simple(DigestOf)));
    routes.Add(Route(Method::kGet, "/numbers", Permission::kRead, 0, Numbers));
    routes.Add(Route(Method::kGet, "/half", Permission::kRead, 0, HalfAnAnswer));
    routes.Add(Route(Method::kGet, "/none", Permission::kRead, 0, NoAnswer));
    routes.Add(Route(Method::kPost, "/ignore", Permission::kWrite, std::size_t{1} << 30,
                     Simple([](Request&) -> Task<Result<Response>> { co_return JsonResponse(Json(1)); })));
    routes.Add(Route(Method::kGet, "/flood", Permission::kRead, 0,
                     [this](Request&, Responder& responder) { return Flood(responder); }));
    routes.Add(Route(Method::kGet, "/events", Permission::kRead, 0,
                     [this](Request&, Responder& responder) { return Events(responder); }));
    return routes;
  }

  // An event stream: one line whenever it is woken.
  Task<void> Events(Responder& responder) {
    const Headers headers = {{"Content-Type", "text/event-stream"}};
    (void)co_await responder.Begin(200, headers, std::nullopt);
    {
      const Lock lock(mutex_);
      waker_ = responder.Waker();
    }
    for (int i = 0;; ++i) {
      if (!(co_await responder.Write(Cat("data: ", i, "\n\n"))).ok()) break;
      if (!(co_await responder.Sleep(std::chrono::hours(1))).ok()) break;
    }
    (void)co_await responder.Write("data: bye\n\n");
    (void)co_await responder.End();
    ++events_ended_;
  }

  // Writes until the client is given up.
  Task<void> Flood(Responder& responder) {
    (void)co_await responder.Begin(200, Headers(), std::nullopt);
    const std::string piece(std::size_t{1} << 20, 'x');
    Status status = Ok();
    while (status.ok()) status = co_await responder.Write(piece);
    flood_ended_.Set(status);
  }
  Task<Status> AwaitFlood() { co_return co_await flood_ended_; }

  void Wake() {
    const Lock lock(mutex_);
    waker_();
  }

  void Start(StreamServerOptions options = {}) {
    auto started = StreamServer::Start(options, Routes(), tokens_, metrics_);
    ASSERT_TRUE(started.ok()) << started.error().ToString();
    server_ = std::move(*started);
  }
  TestClient Client() { return TestClient(server_->port()); }
  HttpClient Caller(std::string token = {}) {
    ClientOptions options;
    options.timeout = std::chrono::milliseconds(10'000);
    options.bearer_token = std::move(token);
    return *HttpClient::Make(Cat("http://127.0.0.1:", server_->port()), options);
  }
  int StatusOf(std::string_view request) {
    TestClient client = Client();
    return client.Ask(request).status;
  }
  static std::string Get(std::string_view target, std::string_view fields = "") {
    return Cat("GET ", target, " HTTP/1.1\r\nHost: localhost\r\n", fields, "\r\n");
  }

  RealClock clock_;
  MetricsRegistry metrics_;
  TokenAuthenticator tokens_;
  Mutex mutex_;
  std::function<void()> waker_;
  std::atomic<int> events_ended_ = 0;
  Completion<Status> flood_ended_;
  std::unique_ptr<StreamServer> server_;
};

}  // namespace mw::net
