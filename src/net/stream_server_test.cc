// The stream server and the client over real sockets: who may what, streaming, timeouts, stopping.
#include "net/stream_server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/mutex.h"
#include "base/random.h"
#include "net/http_client.h"
#include "net/test_client.h"

namespace mw::net {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kBodyLimit = 1000;

Task<Result<Response>> Echo(Request& request) {
  const std::string body = CO_TRY(co_await request.ReadAll());
  std::string text = Cat(MethodName(request.method), ' ', request.path, ' ', request.principal.name);
  for (const auto& [name, value] : request.params) CatTo(text, ' ', name, '=', value);
  for (const auto& [name, value] : request.query) CatTo(text, ' ', name, ':', value);
  co_return Response{200, {{"Content-Type", "text/plain"}}, Cat(text, '|', body)};
}

Task<void> CountBytes(Request& request, Responder& responder) {
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

Task<void> Numbers(Request& request, Responder& responder) {
  const bool known_length = request.Query("length") != nullptr;
  const std::optional<std::uint64_t> length = known_length ? std::optional<std::uint64_t>(30) : std::nullopt;
  (void)co_await responder.Begin(200, Headers(), length);
  for (int i = 0; i < 10; ++i) (void)co_await responder.Write(Cat(i, i, ' '));
  (void)co_await responder.End();
}

Task<void> HalfAnAnswer(Request&, Responder& responder) {
  (void)co_await responder.Begin(200, Headers(), std::nullopt);
  (void)co_await responder.Write("half");
}

Task<void> NoAnswer(Request&, Responder&) { co_return; }

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
    options.timeout = milliseconds(10'000);
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

TEST_F(StreamServerTest, AnswersWithWhatTheRouteSays) {
  Start();
  HttpClient caller = Caller();
  auto response = *caller.Send(Method::kPost, "/echo/a%20b?x=1&y=%2F", "body");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "POST /echo/a b local name=a b x:1 y:/|body");
  EXPECT_EQ(*FindHeader(response.headers, "x-content-type-options"), "nosniff");
  EXPECT_TRUE(FindHeader(response.headers, "content-security-policy")->starts_with("default-src 'self'"));
  response = *caller.Send(Method::kHead, "/echo/a");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "");
  EXPECT_EQ(*FindHeader(response.headers, "content-length"), "26");
  EXPECT_EQ(caller.Send(Method::kOptions, "/echo/a")->status, 204);
}

TEST_F(StreamServerTest, ChecksRouteThenCallerThenPermission) {
  Start();
  EXPECT_EQ(StatusOf(Get("/nowhere")), 404);
  TestClient client = Client();
  const auto wrong_method = client.Ask("DELETE /echo/a HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(wrong_method.status, 405);
  EXPECT_EQ(*FindHeader(wrong_method.headers, "allow"), "GET, HEAD, POST");
  EXPECT_EQ(client.Ask(Get("/health")).status, 200);  // the connection goes on after a denial

  EXPECT_EQ(StatusOf(Get("/echo/a", "Authorization: Bearer wrong\r\n")), 401);
  EXPECT_EQ(StatusOf(Get("/echo/a", "Authorization: Digest reader\r\n")), 401);
  EXPECT_EQ(StatusOf(Get("/health", "Authorization: Bearer wrong\r\n")), 200);
  EXPECT_EQ(Caller("reader").Send(Method::kGet, "/echo/a")->body, "GET /echo/a token:reader name=a|");
  EXPECT_EQ(Caller("reader").Send(Method::kPost, "/echo/a", "x")->status, 403);
  EXPECT_EQ(Caller("writer").Send(Method::kPost, "/echo/a", "x")->status, 200);
  // "any:writer" as Basic, which is what MLflow's and curl's user and password become.
  EXPECT_EQ(StatusOf(Get("/echo/a", "Authorization: Basic YW55OndyaXRlcg==\r\n")), 200);
  EXPECT_EQ(StatusOf(Get("/echo/a", "Authorization: Basic YW55OnNvbWVvbmU=\r\n")), 401);
  TestClient stranger = Client();
  const auto denial = stranger.Ask(Get("/echo/a", "Authorization: Bearer wrong\r\n"));
  EXPECT_NE(FindHeader(denial.headers, "www-authenticate"), nullptr);
}

TEST_F(StreamServerTest, RefusesInTheWordsOfThePath) {
  StreamServerOptions options;
  options.refusal = [](std::string_view path, const Error& error) {
    return Response{HttpStatus(error.code), {}, Cat("at ", path, ": ", CodeName(error.code))};
  };
  Start(options);
  const auto ask = [this](const std::string& request) {
    TestClient client = Client();
    return client.Ask(request);
  };
  const auto unknown = ask(Get("/echo/a%20b", "Authorization: Bearer wrong\r\n"));
  EXPECT_EQ(unknown.status, 401);
  EXPECT_EQ(unknown.body, "at /echo/a b: UNAUTHENTICATED");
  EXPECT_NE(FindHeader(unknown.headers, "www-authenticate"), nullptr);
  EXPECT_EQ(Caller("reader").Send(Method::kPost, "/echo/a", "x")->body, "at /echo/a: PERMISSION_DENIED");
  const auto large = Caller("writer").Send(Method::kPost, "/echo/a", std::string(kBodyLimit + 1, 'x'));
  EXPECT_EQ(large->status, 413);
  EXPECT_EQ(large->body, "at /echo/a: RESOURCE_EXHAUSTED");
  EXPECT_EQ(ask("DELETE /echo/a HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 405);
}

TEST_F(StreamServerTest, TokensComeAndGo) {
  Start();
  EXPECT_EQ(Caller("step").Send(Method::kGet, "/echo/a")->status, 401);
  tokens_.Add("step", {"step:1", {Permission::kRead}});
  EXPECT_EQ(Caller("step").Send(Method::kGet, "/echo/a")->status, 200);
  tokens_.Remove("step:1");
  EXPECT_EQ(Caller("step").Send(Method::kGet, "/echo/a")->status, 401);
  tokens_.AddDigest(TokenDigest("late"), {"step:2", {Permission::kRead}}, clock_.Now() - milliseconds(1));
  EXPECT_EQ(Caller("late").Send(Method::kGet, "/echo/a")->status, 401);
}

TEST_F(StreamServerTest, RefusesForeignHostsOriginsAndPaths) {
  Start();
  EXPECT_EQ(StatusOf("GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 403);
  const std::string post = "POST /echo/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nOrigin: http://";
  EXPECT_EQ(StatusOf(post + "evil.example\r\n\r\n"), 403);
  EXPECT_EQ(StatusOf(post + "localhost\r\n\r\n"), 200);
  for (const char* path : {"/files/../x", "/files/%2e%2e/x", "/files/%252e", "/files//etc", "/files/a%5cb", "/%00"}) {
    EXPECT_EQ(StatusOf(Get(path)), 400) << path;
  }
}

TEST_F(StreamServerTest, BoundsBodiesByRoute) {
  Start();
  HttpClient caller = Caller();
  EXPECT_EQ(caller.Send(Method::kPost, "/echo/a", std::string(kBodyLimit, 'x'))->status, 200);
  EXPECT_EQ(caller.Send(Method::kPost, "/echo/a", std::string(kBodyLimit + 1, 'x'))->status, 413);
  // A large one, refused while the client is still sending: the answer arrives all the same.
  const auto response = caller.Send(Method::kPost, "/echo/a", std::string(std::size_t{8} << 20, 'x'));
  ASSERT_TRUE(response.ok()) << response.error().ToString();
  EXPECT_EQ(response->status, 413);
  std::string chunked = "POST /echo/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
  AppendChunk(chunked, std::string(600, 'x'));
  AppendChunk(chunked, std::string(600, 'x'));
  EXPECT_EQ(StatusOf(chunked), 413);
  EXPECT_EQ(StatusOf("POST /echo/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), 400);
}

TEST_F(StreamServerTest, StreamsBodiesBothWays) {
  Start();
  HttpClient caller = Caller();
  const std::string body(std::size_t{8} << 20, 'x');
  EXPECT_EQ(caller.Send(Method::kPut, "/files/a/b", body)->body, Cat("{\"bytes\":", body.size(), "}"));
  std::vector<std::string> pieces;
  const auto collect = [&pieces](std::string_view piece) {
    pieces.emplace_back(piece);
    return Ok();
  };
  EXPECT_EQ(caller.Stream(Method::kGet, "/numbers", "", {}, collect)->status, 200);
  EXPECT_EQ(Join(pieces, ""), "00 11 22 33 44 55 66 77 88 99 ");
  EXPECT_EQ(caller.Send(Method::kGet, "/numbers?length")->body, "00 11 22 33 44 55 66 77 88 99 ");
  EXPECT_EQ(caller.Send(Method::kHead, "/numbers?length")->body, "");
  // HTTP/1.0 gets no chunks: the connection's end ends the body.
  TestClient old = Client();
  ASSERT_TRUE(old.Send("GET /numbers HTTP/1.0\r\n\r\n"));
  const std::string text = old.ReadAll();
  EXPECT_EQ(text.find("chunked"), std::string::npos);
  EXPECT_TRUE(text.ends_with("\r\n\r\n00 11 22 33 44 55 66 77 88 99 ")) << text;
}

TEST_F(StreamServerTest, AnswersPipelinedRequestsInOrder) {
  Start();
  TestClient client = Client();
  Random random(5);
  std::string sent;
  std::vector<std::string> expected;
  for (int i = 0; i < 2000; ++i) {
    const std::string body(static_cast<std::size_t>(random.Below(100)), 'b');
    if (random.Below(2) == 0) {
      sent += Get(Cat("/echo/", i));
      expected.push_back(Cat("GET /echo/", i, " local name=", i, "|"));
    } else if (random.Below(2) == 0) {
      CatTo(sent, "POST /echo/", i, " HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
      expected.push_back(Cat("POST /echo/", i, " local name=", i, "|", body));
    } else {
      CatTo(sent, "POST /ignore HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
      expected.emplace_back("1");
    }
  }
  std::thread writer([&] {
    for (std::size_t at = 0; at < sent.size();) {
      const std::size_t size = std::min<std::size_t>(sent.size() - at, 1 + random.Below(3000));
      ASSERT_TRUE(client.Send(std::string_view(sent).substr(at, size)));
      at += size;
    }
  });
  for (const std::string& body : expected) ASSERT_EQ(client.Read().body, body);
  writer.join();
}

TEST_F(StreamServerTest, AcceptsARequestCutAtEveryByte) {
  Start();
  const std::string request =
      "POST /echo/x?y=z HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
  TestClient client = Client();
  for (std::size_t cut = 1; cut < request.size(); ++cut) {
    ASSERT_TRUE(client.Send(std::string_view(request).substr(0, cut)));
    ASSERT_TRUE(client.Send(std::string_view(request).substr(cut)));
    ASSERT_EQ(client.Read().body, "POST /echo/x local name=x y:z|abcde") << "cut at " << cut;
  }
}

TEST_F(StreamServerTest, AnUnreadBodyDoesNotBecomeTheNextRequest) {
  Start();
  TestClient client = Client();
  const std::string hidden = Get("/echo/hidden");
  ASSERT_TRUE(client.Send(Cat("POST /ignore HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", hidden.size(), "\r\n\r\n",
                              hidden, Get("/echo/after"))));
  EXPECT_EQ(client.Read().body, "1");
  EXPECT_EQ(client.Read().body, "GET /echo/after local name=after|");
  // What is too large to be thrown away ends the connection instead.
  TestClient large = Client();
  const auto answer = large.Ask("POST /ignore HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\n");
  EXPECT_EQ(answer.body, "1");
  EXPECT_FALSE(answer.keep_alive);
}

TEST_F(StreamServerTest, SaysContinueWhenTheBodyIsWanted) {
  Start();
  TestClient client = Client();
  const std::string expect = " HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
  EXPECT_EQ(client.Ask("POST /echo/a" + expect).status, 100);
  EXPECT_EQ(client.Ask("ok").body, "POST /echo/a local name=a|ok");
  const auto denied = client.Ask("POST /nowhere" + expect);
  EXPECT_EQ(denied.status, 404);
  EXPECT_FALSE(denied.keep_alive);
}

TEST_F(StreamServerTest, AnAnswerThatWasNotFinishedIsNotTakenForWhole) {
  Start();
  HttpClient caller = Caller();
  const auto response = caller.Send(Method::kGet, "/half");
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.error().code, Code::kUnavailable);
  EXPECT_EQ(caller.Send(Method::kGet, "/none")->status, 500);
  EXPECT_EQ(caller.Send(Method::kGet, "/health")->status, 200);
}

TEST_F(StreamServerTest, CutsOffSlowClients) {
  StreamServerOptions options;
  options.header_timeout = options.idle_timeout = options.transfer_timeout = milliseconds(50);
  Start(options);
  TestClient head = Client();
  ASSERT_TRUE(head.Send("GET / HTTP/1.1\r\n"));
  std::atomic<bool> over = false;
  std::thread dribble([&] {
    // Few enough that the head's own limit is not what cuts it off.
    for (int sent = 0; sent < 1000 && !over && head.Send("X"); ++sent) std::this_thread::yield();
  });
  EXPECT_EQ(head.Read().status, 408);
  over = true;
  dribble.join();
  EXPECT_EQ(StatusOf("POST /echo/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf"), 504);
  TestClient idle = Client();
  EXPECT_TRUE(idle.Closed());
}

TEST_F(StreamServerTest, AClientThatDoesNotReadIsDropped) {
  StreamServerOptions options;
  options.transfer_timeout = milliseconds(50);
  Start(options);
  TestClient client = Client();
  ASSERT_TRUE(client.Send(Get("/flood")));
  const Status ended = SyncWait(AwaitFlood());
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ended.error().code, Code::kDeadlineExceeded);
}

TEST_F(StreamServerTest, RefusesMoreConnectionsThanAllowed) {
  StreamServerOptions options;
  options.connections_max = 1;
  Start(options);
  TestClient one = Client();
  EXPECT_EQ(one.Ask(Get("/health")).status, 200);
  TestClient two = Client();
  EXPECT_EQ(two.Read().status, 503);
  EXPECT_EQ(one.Ask(Get("/health")).status, 200);
}

TEST_F(StreamServerTest, WakersEndSleepsAndMayComeLate) {
  Start();
  std::function<void()> late;
  {
    TestClient client = Client();
    ASSERT_TRUE(client.Send(Get("/events")));
    ASSERT_TRUE(client.ReadUntil("data: 0\n"));
    Wake();
    ASSERT_TRUE(client.ReadUntil("data: 1\n"));
    Wake();
    ASSERT_TRUE(client.ReadUntil("data: 2\n"));
    std::thread stopper([this] { server_->Stop(); });
    EXPECT_TRUE(client.ReadUntil("data: bye\n\n\r\n0\r\n\r\n"));
    client.Close();
    stopper.join();
  }
  EXPECT_EQ(events_ended_, 1);
  Wake();
  server_.reset();
  Wake();
}

TEST_F(StreamServerTest, StopLetsHandlersFinishAndCutsWhatTakesTooLong) {
  StreamServerOptions options;
  options.stop_grace = milliseconds(100);
  Start(options);
  TestClient idle = Client();
  EXPECT_EQ(idle.Ask(Get("/health")).status, 200);
  TestClient stuck = Client();
  ASSERT_EQ(
      stuck.Ask("POST /echo/a HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n").status,
      100);
  TestClient finishing = Client();
  ASSERT_EQ(
      finishing.Ask("POST /echo/a HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
          .status,
      100);
  std::thread stopper([this] { server_->Stop(); });
  EXPECT_TRUE(idle.Closed());
  const auto answer = finishing.Ask("done");
  EXPECT_EQ(answer.body, "POST /echo/a local name=a|done");
  EXPECT_FALSE(answer.keep_alive);
  stopper.join();
  EXPECT_EQ(stuck.Read().status, 0);
}

TEST_F(StreamServerTest, AnswersManyClientsAtOnceEachItsOwn) {
  Start();
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int id = 0; id < 8; ++id) {
    threads.emplace_back([this, id, &right] {
      HttpClient caller = Caller();
      for (int i = 0; i < 100; ++i) {
        const std::string name = Cat(id, "-", i);
        const auto response = caller.Send(Method::kPost, Cat("/echo/", name), name);
        if (response.ok() && response->body == Cat("POST /echo/", name, " local name=", name, "|", name)) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 800);
}

TEST_F(StreamServerTest, CallTurnsAnswersIntoJsonAndErrors) {
  Start();
  HttpClient caller = Caller();
  EXPECT_EQ(caller.Call(Method::kPut, "/files/x", Json::Make({{"a", 1}}))->IntOr("bytes", 0), 7);
  const auto missing = caller.Call(Method::kGet, "/nowhere");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_EQ(missing.error().message, "there is nothing at \"/nowhere\"");
  EXPECT_FALSE(caller.Call(Method::kGet, "/echo/a").ok());
}

TEST_F(StreamServerTest, TheClientReconnectsAndSaysWhatFailed) {
  Start();
  HttpClient caller = Caller();
  ASSERT_EQ(caller.Send(Method::kGet, "/health")->status, 200);
  const int port = server_->port();
  server_->Stop();
  const auto gone = caller.Send(Method::kGet, "/health");
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error().message, Cat("cannot connect to http://127.0.0.1:", port, ": connection refused"));
  EXPECT_EQ(gone.error().code, Code::kUnavailable);
  StreamServerOptions options;
  options.port = port;
  Start(options);
  EXPECT_EQ(caller.Send(Method::kPost, "/echo/a", "x")->status, 200);
  EXPECT_FALSE(caller.Send(Method::kGet, "/bad target").ok());
  EXPECT_FALSE(caller.Send(Method::kGet, "/x\r\nHost: y").ok());
}

TEST_F(StreamServerTest, WhatTheServerClosedMeanwhileIsNotUsedForAPost) {
  Start();
  HttpClient caller = Caller();
  ASSERT_EQ(caller.Send(Method::kGet, "/health")->status, 200);
  StreamServerOptions options;
  options.port = server_->port();
  server_->Stop();
  Start(options);
  const auto response = caller.Send(Method::kPost, "/echo/a", "x");
  ASSERT_TRUE(response.ok()) << response.error().ToString();
  EXPECT_EQ(response->status, 200);
}

// A server that says exactly these bytes to each client in turn, then closes.
class Script {
 public:
  explicit Script(std::vector<std::string> answers) : listener_(*ListenTcp("127.0.0.1", 0)) {
    thread_ = std::thread([this, answers = std::move(answers)] {
      for (const std::string& answer : answers) {
        pollfd waiting{listener_.get(), POLLIN, 0};
        if (poll(&waiting, 1, 10'000) != 1) return;
        const FileDescriptor peer(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        char request[4096];
        if (recv(peer.get(), request, sizeof request, 0) <= 0) return;
        ++served_;
        send(peer.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
      }
    });
  }
  ~Script() { thread_.join(); }
  [[nodiscard]] HttpClient Caller(std::size_t body_limit = 1000) const {
    ClientOptions options;
    options.timeout = milliseconds(5000);
    options.body_limit = body_limit;
    return *HttpClient::Make(Cat("http://127.0.0.1:", LocalPort(listener_.get())), options);
  }
  [[nodiscard]] int served() const { return served_; }

 private:
  FileDescriptor listener_;
  std::atomic<int> served_ = 0;
  std::thread thread_;
};

TEST(HttpClient, SendsSafeRequestsOnceMoreOnAKeptConnection) {
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  Script script({answer, answer, answer});
  HttpClient caller = script.Caller();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(caller.Send(Method::kGet, "/")->body, "ok");
  EXPECT_EQ(script.served(), 3);
}

TEST(HttpClient, RefusesAnswersThatAreTooLargeCutOffOrNoHttp) {
  const auto ask = [](std::string answer) {
    const Script script({std::move(answer)});
    const auto response = script.Caller().Send(Method::kGet, "/x");
    return response.ok() ? std::string("ok: ") + response->body
                         : Cat(CodeName(response.error().code), ' ', response.error().message);
  };
  EXPECT_EQ(ask("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n"),
            "RESOURCE_EXHAUSTED the answer to GET /x is larger than 1000 bytes");
  EXPECT_TRUE(ask("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhal").starts_with("UNAVAILABLE "));
  EXPECT_TRUE(ask("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel").starts_with("UNAVAILABLE "));
  EXPECT_TRUE(ask("").starts_with("UNAVAILABLE "));
  EXPECT_TRUE(ask("SSH-2.0-OpenSSH_9.2\r\n\r\n").starts_with("INVALID_ARGUMENT "));
  EXPECT_EQ(ask("HTTP/1.1 200 OK\r\n\r\nuntil close"), "ok: until close");
  EXPECT_EQ(ask("HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ny"), "ok: y");
}

TEST(HttpClient, StopsWhenTheSinkSaysSo) {
  Script script({"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + std::string(500, 'x')});
  const auto stop = [](std::string_view) -> Status { return Cancelled("enough"); };
  const auto response = script.Caller().Stream(Method::kGet, "/", "", {}, stop);
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.error().code, Code::kCancelled);
}

TEST(CheckListen, BeyondLoopbackOnlyWithTokens) {
  EXPECT_TRUE(CheckListen("127.0.0.1", false).ok());
  EXPECT_TRUE(CheckListen("localhost", false).ok());
  EXPECT_TRUE(CheckListen("0.0.0.0", true).ok());
  const Status refused = CheckListen("0.0.0.0", false);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message,
            "listening on 0.0.0.0 without tokens would let everyone who reaches this machine run programs on it; "
            "listen on 127.0.0.1 or require tokens");
}

TEST(Tokens, AreLongAndDiffer) {
  const std::string token = NewToken("mw_");
  EXPECT_EQ(token.size(), 46U);
  EXPECT_NE(token, NewToken("mw_"));
  EXPECT_EQ(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
            std::string::npos);
}

}  // namespace
}  // namespace mw::net
