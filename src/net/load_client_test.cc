// The load client against the loop server: every request reported once, in spite of closing servers.
#include "net/load_client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "net/loop_server.h"
#include "net/test_client.h"

namespace mw::net {
namespace {

class Mirror final : public LoopHandler {
 public:
  void Handle(const RequestView& request, ResponseWriter& out) override {
    out.Send(request.path == "/bad" ? 400 : 200, "text/plain", request.body);
  }
};

std::unique_ptr<LoopServer> Serve(MetricsRegistry& metrics, int port = 0, int linger_ms = 0) {
  LoopServerOptions options;
  options.loops = 1;
  options.port = port;
  options.stop_linger = std::chrono::milliseconds(linger_ms);
  return *LoopServer::Start(
      options, [](int) { return std::make_unique<Mirror>(); }, metrics);
}

// `count` requests whose bodies are their numbers; checks that each is answered once, with its own body.
struct Ledger {
  explicit Ledger(int count_in) : count(count_in), seen(static_cast<std::size_t>(count_in)) {}
  NextRequest Next(std::string_view fields = "") {
    return [this, fields](std::string& out) {
      if (sent == count) return false;
      const std::string body = Cat(sent++);
      CatTo(out, "POST / HTTP/1.1\r\nHost: localhost\r\n", fields, "Content-Length: ", body.size(), "\r\n\r\n", body);
      return true;
    };
  }
  AnswerSink Sink() {
    return [this](const LoadAnswer& answer) {
      ++seen[answer.index];
      if (answer.status == 200 && answer.body == Cat(answer.index)) ++right;
      if (answer.status == 0) ++lost;
      EXPECT_GE(answer.latency.count(), 0);
    };
  }
  [[nodiscard]] bool EachOnce() const {
    return std::all_of(seen.begin(), seen.end(), [](int times) { return times == 1; });
  }
  int count;
  int sent = 0;
  int right = 0;
  int lost = 0;
  std::vector<int> seen;
};

TEST(LoadClient, ReportsEveryAnswerOnce) {
  MetricsRegistry metrics;
  const auto server = Serve(metrics);
  LoadOptions options;
  options.port = server->port();
  options.connections = 3;
  Ledger ledger(20'000);
  const auto report = RunLoad(options, ledger.Next(), ledger.Sink());
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  EXPECT_EQ(report->answered, 20'000U);
  EXPECT_EQ(report->failed, 0U);
  EXPECT_GT(report->elapsed.count(), 0);
  EXPECT_EQ(ledger.right, 20'000);
  EXPECT_TRUE(ledger.EachOnce());
}

TEST(LoadClient, SendsAgainWhatAClosingServerLeftUnanswered) {
  MetricsRegistry metrics;
  const auto server = Serve(metrics);
  LoadOptions options;
  options.port = server->port();
  options.connections = 2;
  options.in_flight_max = 8;
  // The server closes after every answer; seven requests were already sent behind it.
  Ledger ledger(300);
  const auto report = RunLoad(options, ledger.Next("Connection: close\r\n"), ledger.Sink());
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  EXPECT_EQ(ledger.right, 300);
  EXPECT_TRUE(ledger.EachOnce());
}

TEST(LoadClient, GoesOnWhenOneServerStopsAndAnotherTakesItsPort) {
  MetricsRegistry metrics;
  auto server = Serve(metrics, 0, 200);
  LoadOptions options;
  options.port = server->port();
  Ledger ledger(20'000);
  const NextRequest next = ledger.Next();
  // Replaced in the middle of the load, by the thread that makes it: between two requests.
  const NextRequest replacing = [&](std::string& out) {
    if (ledger.sent == 10'000) {
      std::thread stopper([&server] { server->Stop(); });
      stopper.join();
      server = Serve(metrics, options.port, 200);
    }
    return next(out);
  };
  const auto report = RunLoad(options, replacing, ledger.Sink());
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  EXPECT_EQ(report->answered + report->failed, 20'000U);
  EXPECT_TRUE(ledger.EachOnce());
  EXPECT_EQ(ledger.right + ledger.lost, 20'000);
  // The client stood still while the server waited for it, so only what was in flight may be lost.
  EXPECT_LE(ledger.lost, options.connections * options.in_flight_max);
}

TEST(LoadClient, ReportsWhatWasLostWithAConnection) {
  const FileDescriptor listener = *ListenTcp("127.0.0.1", 0);
  std::thread server([&listener] {
    // Answers one of the requests in flight and hangs up; the second connection is hung up at once.
    for (const std::string& answer : {std::string("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n0"), std::string()}) {
      pollfd waiting{listener.get(), POLLIN, 0};
      if (poll(&waiting, 1, 10'000) != 1) return;
      const FileDescriptor peer(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      char bytes[4096];
      if (recv(peer.get(), bytes, sizeof bytes, 0) <= 0) return;
      send(peer.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    }
  });
  LoadOptions options;
  options.port = LocalPort(listener.get());
  options.connections = 1;
  options.in_flight_max = 3;
  Ledger ledger(6);
  const auto report = RunLoad(options, ledger.Next(), ledger.Sink());
  server.join();
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  EXPECT_EQ(report->answered, 1U);
  EXPECT_EQ(report->failed, 5U);
  EXPECT_TRUE(ledger.EachOnce());
}

// 100 requests at 1,000 a second, with a pause of 300 ms behind the tenth; gives how long it took in seconds.
double SecondsWithAPause(bool catch_up) {
  MetricsRegistry metrics;
  const auto server = Serve(metrics);
  LoadOptions options;
  options.port = server->port();
  options.rate = 1000;
  options.catch_up = catch_up;
  Ledger ledger(100);
  const RealClock clock;
  const auto next = [&, own = ledger.Next()](std::string& out) {
    const Duration until = clock.Elapsed() + std::chrono::milliseconds(ledger.sent == 10 ? 300 : 0);
    while (clock.Elapsed() < until) std::this_thread::yield();
    return own(out);
  };
  const auto report = RunLoad(options, next, ledger.Sink());
  EXPECT_TRUE(report.ok() && ledger.EachOnce());
  return static_cast<double>(report->elapsed.count()) * 1e-6;
}

TEST(LoadClient, MakesUpForAPauseOrDoesNot) {
  EXPECT_GE(SecondsWithAPause(true), 0.3);
  EXPECT_GE(SecondsWithAPause(false), 0.36) << "90 requests are left behind the pause, of which 20 may come at once";
}

TEST(LoadClient, SaysWhenThereIsNoServer) {
  int port = 0;
  {
    const FileDescriptor listener = *ListenTcp("127.0.0.1", 0);
    port = LocalPort(listener.get());
  }
  LoadOptions options;
  options.port = port;
  Ledger ledger(1);
  const auto report = RunLoad(options, ledger.Next(), ledger.Sink());
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().message, Cat("cannot connect to http://127.0.0.1:", port, ": connection refused"));
}

}  // namespace
}  // namespace mw::net
