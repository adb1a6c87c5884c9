// The loop server over real sockets: order, limits, timeouts, refusals, stopping.
#include "net/loop_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "base/file.h"
#include "base/random.h"
#include "net/test_client.h"

namespace mw::net {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kBigBytes = std::size_t{1} << 20;

// Answers what it was asked, so that a test can see who got whose answer.
class Echo final : public LoopHandler {
 public:
  void Handle(const RequestView& request, ResponseWriter& out) override {
    if (request.path == "/big") {
      out.Begin(200, "text/plain").append(kBigBytes, 'x');
      return out.Finish();
    }
    if (request.path == "/status") {
      const HeaderView extra[] = {{"X-Seen", request.Header("x-seen")}};
      return out.Send(418, "text/plain", "tea", extra);
    }
    out.Json(Cat(MethodName(request.method), ' ', request.path, '|', request.query, '|', request.body));
  }
};

class LoopServerTest : public testing::Test {
 protected:
  void Start(LoopServerOptions options = {}) {
    if (options.loops == 0) options.loops = 2;
    options.stop_linger = milliseconds(0);
    auto started = LoopServer::Start(
        options, [](int) { return std::make_unique<Echo>(); }, metrics_);
    ASSERT_TRUE(started.ok()) << started.error().ToString();
    server_ = std::move(*started);
  }
  std::string Get(std::string_view target) { return Cat("GET ", target, " HTTP/1.1\r\nHost: localhost\r\n\r\n"); }
  TestClient Client() { return TestClient(server_->port()); }
  int StatusOf(std::string_view request) {
    TestClient client = Client();
    return client.Ask(request).status;
  }

  // Until the loops have stored that many bytes.
  bool AwaitReceived(std::size_t bytes) {
    const Counter& received =
        metrics_.AddCounter("millwright_http_received_bytes_total", "", {{"server", "inference"}});
    const RealClock clock;
    const Duration deadline = clock.Elapsed() + std::chrono::seconds(10);
    while (received.Value() < bytes && clock.Elapsed() < deadline) std::this_thread::yield();
    return received.Value() >= bytes;
  }

  MetricsRegistry metrics_;
  std::unique_ptr<LoopServer> server_;
};

TEST_F(LoopServerTest, AnswersARequest) {
  Start();
  TestClient client = Client();
  const auto answer = client.Ask("POST /a/b?c=d HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "POST /a/b|c=d|hello");
  EXPECT_EQ(*FindHeader(answer.headers, "content-type"), "application/json");
  ASSERT_NE(FindHeader(answer.headers, "date"), nullptr);
  EXPECT_EQ(FindHeader(answer.headers, "date")->size(), 29U);
  ASSERT_NE(FindHeader(answer.headers, "x-content-type-options"), nullptr);
  EXPECT_EQ(*FindHeader(answer.headers, "x-content-type-options"), "nosniff");
  EXPECT_TRUE(answer.keep_alive);
}

TEST_F(LoopServerTest, KeepsConnectionsAndSendsStatusAndHeaders) {
  Start();
  TestClient client = Client();
  for (int i = 0; i < 3; ++i) {
    const auto answer = client.Ask("GET /status HTTP/1.1\r\nHost: localhost\r\nX-Seen: yes\r\n\r\n");
    EXPECT_EQ(answer.status, 418);
    EXPECT_EQ(answer.body, "tea");
    EXPECT_EQ(*FindHeader(answer.headers, "x-seen"), "yes");
  }
}

TEST_F(LoopServerTest, HeadHasTheLengthButNoBody) {
  Start();
  TestClient client = Client();
  ASSERT_TRUE(client.Send("HEAD /big HTTP/1.1\r\nHost: localhost\r\n\r\n" + Get("/after")));
  const auto head = client.Read(Method::kHead);
  EXPECT_EQ(Trim(*FindHeader(head.headers, "content-length")), Cat(kBigBytes));
  EXPECT_EQ(client.Read().body, "GET /after||");
}

TEST_F(LoopServerTest, ClosesWhenAsked) {
  Start();
  TestClient client = Client();
  const auto answer = client.Ask("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_FALSE(answer.keep_alive);
  EXPECT_TRUE(client.Closed());

  TestClient old = Client();
  EXPECT_EQ(old.Ask("GET / HTTP/1.0\r\n\r\n").status, 200);
  EXPECT_TRUE(old.Closed());
  TestClient kept = Client();
  const std::string request = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  EXPECT_EQ(*FindHeader(kept.Ask(request).headers, "connection"), "keep-alive");
  EXPECT_EQ(kept.Ask(request).status, 200);
}

TEST_F(LoopServerTest, AnswersTenThousandPipelinedRequestsInOrder) {
  Start();
  TestClient client = Client();
  Random random(7);
  std::string sent;
  std::vector<std::string> expected;
  for (int i = 0; i < 10'000; ++i) {
    const std::string body(static_cast<std::size_t>(random.Below(200)), static_cast<char>('a' + i % 26));
    switch (random.Below(3)) {
      case 0:
        sent += Get(Cat("/", i));
        expected.push_back(Cat("GET /", i, "||"));
        break;
      case 1:
        CatTo(sent, "POST /", i, " HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
        expected.push_back(Cat("POST /", i, "||", body));
        break;
      default:
        CatTo(sent, "PUT /", i, " HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
        AppendChunk(sent, body.substr(0, body.size() / 3));
        AppendChunk(sent, body.substr(body.size() / 3));
        sent.append(kLastChunk);
        expected.push_back(Cat("PUT /", i, "||", body));
    }
  }
  // Written from a second thread in pieces of any size, so that requests are cut everywhere.
  std::thread writer([&client, &sent, &random] {
    for (std::size_t at = 0; at < sent.size();) {
      const std::size_t size = std::min<std::size_t>(sent.size() - at, 1 + random.Below(5000));
      ASSERT_TRUE(client.Send(std::string_view(sent).substr(at, size)));
      at += size;
    }
  });
  for (const std::string& body : expected) ASSERT_EQ(client.Read().body, body);
  writer.join();
  server_->Stop();
  EXPECT_NE(metrics_.Expose().find("millwright_http_requests_total{server=\"inference\"} 10000"), std::string::npos);
}

TEST_F(LoopServerTest, AcceptsARequestCutAtEveryByte) {
  Start();
  const std::string request =
      "POST /x?y HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3;e=1\r\nabc\r\n2\r\nde\r\n0\r\nT: "
      "u\r\n\r\n";
  TestClient client = Client();
  for (std::size_t cut = 1; cut < request.size(); ++cut) {
    ASSERT_TRUE(client.Send(std::string_view(request).substr(0, cut)));
    ASSERT_TRUE(client.Send(std::string_view(request).substr(cut)));
    ASSERT_EQ(client.Read().body, "POST /x|y|abcde") << "cut at " << cut;
  }
  for (const char c : request) ASSERT_TRUE(client.Send({&c, 1}));
  EXPECT_EQ(client.Read().body, "POST /x|y|abcde");
}

TEST_F(LoopServerTest, TakesLargeBodiesAndWaitsForSlowReaders) {
  Start();
  TestClient client = Client();
  const std::string body(std::size_t{5} << 20, 'b');
  ASSERT_TRUE(client.Send(Cat("POST /l HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", body.size(), "\r\n\r\n")));
  ASSERT_TRUE(client.Send(body));
  EXPECT_EQ(client.Read().body, "POST /l||" + body);
  // More than the sockets' buffers hold, asked for before the first answer is read.
  std::string many;
  for (int i = 0; i < 20; ++i) many += Get("/big");
  ASSERT_TRUE(client.Send(many + Get("/end")));
  for (int i = 0; i < 20; ++i) ASSERT_EQ(client.Read().body.size(), kBigBytes);
  EXPECT_EQ(client.Read().body, "GET /end||");
}

TEST_F(LoopServerTest, DoesNotAnswerAheadOfAClientThatDoesNotRead) {
  LoopServerOptions options;
  options.loops = 1;
  Start(options);
  TestClient silent = Client();
  std::string many;
  for (int i = 0; i < 200; ++i) many += Get("/big");
  ASSERT_TRUE(silent.Send(many));
  ASSERT_TRUE(AwaitReceived(many.size()));
  // The one loop answers this only when it is done with the other for now.
  TestClient other = Client();
  EXPECT_EQ(other.Ask(Get("/")).status, 200);
  silent.Close();
  server_->Stop();
  const Counter& requests = metrics_.AddCounter("millwright_http_requests_total", "", {{"server", "inference"}});
  EXPECT_LT(requests.Value(), 50U);
}

// As a program that is being started does, until its own code runs.
TEST_F(LoopServerTest, AConnectionIsGoneThoughSomebodyHoldsACopyOfItsDescriptor) {
  LoopServerOptions options;
  options.loops = 1;
  Start(options);
  TestClient client = Client();
  ASSERT_EQ(client.Ask(Get("/")).status, 200);
  FileDescriptor copy;
  for (int descriptor = 3; descriptor < 1024 && !copy.valid(); ++descriptor) {
    sockaddr_in own{};
    sockaddr_in peer{};
    socklen_t size = sizeof own;
    socklen_t peer_size = sizeof peer;
    if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&own), &size) != 0 || own.sin_family != AF_INET ||
        ntohs(own.sin_port) != server_->port() ||
        getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0) {
      continue;
    }
    // Past ThreadSanitizer, which takes dup here and the server's close for a race on what is the server's descriptor.
    copy = FileDescriptor(static_cast<int>(syscall(SYS_dup, descriptor)));
  }
  ASSERT_TRUE(copy.valid());
  client.Close();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(StatusOf(Get("/")), 200);
}

TEST_F(LoopServerTest, SaysContinueOnlyWhenTheBodyIsAwaited) {
  Start();
  TestClient client = Client();
  ASSERT_TRUE(client.Send("POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
  EXPECT_EQ(client.Read().status, 100);
  ASSERT_TRUE(client.Send("ok"));
  EXPECT_EQ(client.Read().body, "POST /||ok");
  ASSERT_TRUE(client.Send("POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok"));
  EXPECT_EQ(client.Read().status, 200);
}

TEST_F(LoopServerTest, RefusesWhatIsTooLargeOrUnknown) {
  LoopServerOptions options;
  options.body_bytes_max = 1000;
  options.head_bytes_max = 4096;
  Start(options);
  const std::string host = "Host: localhost\r\n";
  EXPECT_EQ(StatusOf("POST / HTTP/1.1\r\n" + host + "Content-Length: 1001\r\n\r\n"), 413);
  EXPECT_EQ(StatusOf("POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n3e9\r\n"), 413);
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\n" + host + "X: " + std::string(5000, 'x')), 431);
  EXPECT_EQ(StatusOf("GET /" + std::string(5000, 'x')), 414);
  EXPECT_EQ(StatusOf("BREW / HTTP/1.1\r\n" + host + "\r\n"), 501);
  EXPECT_EQ(StatusOf("GET / HTTP/2.0\r\n" + host + "\r\n"), 505);
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  TestClient client = Client();
  const auto answer = client.Ask("nonsense\r\n\r\n");
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.body.find("INVALID_ARGUMENT"), std::string::npos) << answer.body;
  EXPECT_NE(FindHeader(answer.headers, "x-content-type-options"), nullptr);
  EXPECT_TRUE(client.Closed());
}

TEST_F(LoopServerTest, RefusesChunkSizesThatAreNone) {
  Start();
  const std::string head = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const char* size : {"-1", "-0", "+5", " 5", "5 ", "0x5", "5h", "", ";x", "1 1", "\t1", "5.0"}) {
    EXPECT_EQ(StatusOf(head + size + "\r\nhello\r\n0\r\n\r\n"), 400) << size;
  }
  for (const char* size : {"4000001", "80000000", "ffffffff", "7fffffffffffffff", "ffffffffffffffff",
                           "fffffffffffffffb", "10000000000000000", "100000000000000000000000000000005"}) {
    EXPECT_EQ(StatusOf(head + size + "\r\nhello\r\n0\r\n\r\n"), 413) << size;
  }
  EXPECT_EQ(StatusOf(head + "00000000000000000000005\r\nhello\r\n0\r\n\r\n"), 200);
}

// Six bytes of framing for one of body: neither memory nor time runs away.
TEST_F(LoopServerTest, TakesBodiesInChunksOfOneByte) {
  LoopServerOptions options;
  options.body_bytes_max = std::size_t{1} << 19;
  options.in_flight_bytes_max = std::size_t{8} << 20;
  Start(options);
  std::string many;
  for (int i = 0; i < 4096; ++i) many += "1\r\nx\r\n";
  const std::string head = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
  TestClient client = Client();
  ASSERT_TRUE(client.Send(head));
  for (int i = 0; i < 128; ++i) ASSERT_TRUE(client.Send(many));
  ASSERT_TRUE(client.Send(kLastChunk));
  const auto answer = client.Read();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body.size(), (std::size_t{1} << 19) + std::string_view("POST /||").size());
  // Of a body of 100 MB no more is taken than may be.
  TestClient endless = Client();
  ASSERT_TRUE(endless.Send(head));
  std::thread writer([&endless, &many] {
    for (int i = 0; i < 100 * 256 && endless.Send(many); ++i) {
    }
  });
  EXPECT_EQ(endless.Read().status, 413);
  endless.FinishSending();
  writer.join();
  EXPECT_EQ(StatusOf(Get("/")), 200);
}

TEST_F(LoopServerTest, AnswersEarlierRequestsBeforeARefusal) {
  Start();
  TestClient client = Client();
  ASSERT_TRUE(client.Send(Get("/one") + Get("/two") + "bad\r\n\r\n" + Get("/never")));
  EXPECT_EQ(client.Read().body, "GET /one||");
  EXPECT_EQ(client.Read().body, "GET /two||");
  EXPECT_EQ(client.Read().status, 400);
  EXPECT_TRUE(client.Closed());
}

TEST_F(LoopServerTest, RefusesForeignHostsAndOrigins) {
  Start();
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 403);
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"), 200);
  const std::string post = "POST / HTTP/1.1\r\nHost: localhost:80\r\nContent-Length: 0\r\nOrigin: ";
  EXPECT_EQ(StatusOf(post + "http://evil.example\r\n\r\n"), 403);
  EXPECT_EQ(StatusOf(post + "null\r\n\r\n"), 403);
  EXPECT_EQ(StatusOf(post + "http://localhost\r\n\r\n"), 200);
}

TEST_F(LoopServerTest, CutsOffSlowHeadsAndBodies) {
  LoopServerOptions options;
  options.header_timeout = milliseconds(60);
  options.body_timeout = milliseconds(60);
  options.idle_timeout = milliseconds(60);
  Start(options);
  TestClient head = Client();
  // A byte at a time does not buy more time.
  ASSERT_TRUE(head.Send("GET / HTTP/1.1\r\n"));
  std::atomic<bool> over = false;
  std::thread dribble([&] {
    while (!over && head.Send("X")) std::this_thread::yield();
  });
  EXPECT_EQ(head.Read().status, 408);
  over = true;
  dribble.join();
  EXPECT_EQ(StatusOf("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf"), 408);
  TestClient idle = Client();
  EXPECT_EQ(idle.Ask(Get("/")).status, 200);
  EXPECT_TRUE(idle.Closed());
}

TEST_F(LoopServerTest, RefusesMoreConnectionsThanAllowed) {
  LoopServerOptions options;
  options.connections_max = 2;
  Start(options);
  TestClient one = Client(), two = Client();
  EXPECT_EQ(one.Ask(Get("/")).status, 200);
  EXPECT_EQ(two.Ask(Get("/")).status, 200);
  TestClient three = Client();
  EXPECT_EQ(three.Read().status, 503);
  EXPECT_EQ(one.Ask(Get("/")).status, 200);
}

TEST_F(LoopServerTest, RefusesBytesBeyondTheBudgetAndRecovers) {
  LoopServerOptions options;
  options.in_flight_bytes_max = 256 << 10;
  Start(options);
  const std::string head = Cat("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", 200 << 10, "\r\n\r\n");
  const std::string body(150 << 10, 'x');
  TestClient first = Client();
  ASSERT_TRUE(first.Send(head + body));
  ASSERT_TRUE(AwaitReceived(head.size() + body.size()));
  TestClient second = Client();
  std::thread writer([&] { second.Send(head + body); });
  EXPECT_EQ(second.Read().status, 503);
  writer.join();
  // The first was not harmed, and what it held is free again afterwards.
  ASSERT_TRUE(first.Send(std::string(50 << 10, 'x')));
  EXPECT_EQ(first.Read().status, 200);
  EXPECT_EQ(StatusOf(head + std::string(200 << 10, 'x')), 200);
}

TEST_F(LoopServerTest, StopFinishesWhatIsInFlight) {
  Start();
  TestClient waiting = Client();
  ASSERT_TRUE(waiting.Send("POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"));
  ASSERT_EQ(waiting.Read().status, 100);
  TestClient idle = Client();
  EXPECT_EQ(idle.Ask(Get("/")).status, 200);
  std::thread stopper([this] { server_->Stop(); });
  EXPECT_TRUE(idle.Closed());
  ASSERT_TRUE(waiting.Send("done"));
  const auto answer = waiting.Read();
  EXPECT_EQ(answer.body, "POST /||done");
  EXPECT_FALSE(answer.keep_alive);
  waiting.Close();
  stopper.join();
  EXPECT_FALSE(Client().connected());
}

TEST_F(LoopServerTest, AnswersManyClientsAtOnceEachItsOwn) {
  Start();
  std::vector<std::thread> clients;
  std::atomic<int> right = 0;
  for (int id = 0; id < 8; ++id) {
    clients.emplace_back([this, id, &right] {
      TestClient client = Client();
      for (int i = 0; i < 200; ++i) {
        const std::string path = Cat("/", id, "/", i);
        if (client.Ask(Get(path)).body == Cat("GET ", path, "||")) ++right;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(right, 1600);
}

TEST(LoopServer, SaysWhyItCannotListen) {
  MetricsRegistry metrics;
  const auto make = [](int) { return std::make_unique<Echo>(); };
  auto first = LoopServer::Start({}, make, metrics);
  ASSERT_TRUE(first.ok());
  LoopServerOptions options;
  options.port = (*first)->port();
  const auto second = LoopServer::Start(options, make, metrics);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().message,
            Cat("cannot listen on 127.0.0.1:", options.port,
                ": address already in use; end the program that uses it or choose another port"));
}

}  // namespace
}  // namespace mw::net
