// The generator against servers whose faults are known: one that stalls (coordinated omission would hide it), one that
// is slow, one that closes, refuses or says nothing.
#include "load/open_loop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "base/text.h"
#include "load/measurement.h"
#include "net/loop_server.h"
#include "net/socket.h"

namespace mw::load {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Answers as `answer` says, on one thread, so that who is slow is slow to all.
class FakeServer {
 public:
  using Answer = std::function<void(const net::RequestView&, net::ResponseWriter&)>;
  explicit FakeServer(Answer answer) : answer_(std::move(answer)) {
    net::LoopServerOptions options;
    options.loops = 1;
    options.stop_linger = milliseconds(0);
    server_ = *net::LoopServer::Start(
        options, [this](int) { return std::make_unique<Handler>(answer_); }, metrics_);
  }
  [[nodiscard]] int port() const { return server_->port(); }

 private:
  struct Handler final : net::LoopHandler {
    explicit Handler(const Answer& say) : answer(say) {}
    void Handle(const net::RequestView& request, net::ResponseWriter& out) override { answer(request, out); }
    const Answer& answer;
  };
  Answer answer_;
  MetricsRegistry metrics_;
  std::unique_ptr<net::LoopServer> server_;
};

/// The server's thread is busy until then.
void BusyUntil(Duration until) {
  const RealClock clock;
  while (clock.Elapsed() < until) std::this_thread::yield();
}

std::vector<RequestKind> Get() {
  RequestKind kind;
  kind.name = "GET";
  kind.requests = {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"};
  return {kind};
}

OpenLoopOptions At(const FakeServer& server, double rate, Duration duration) {
  OpenLoopOptions options;
  options.port = server.port();
  options.connections = 8;
  options.pacing.plan = {rate, rate, duration, Arrivals::kEven, 1};
  return options;
}

/// planned = answered + wrong + failed + not_sent, all of them in the histogram.
void ExpectBooksBalance(const Tally& tally) {
  EXPECT_EQ(tally.planned, tally.answered + tally.wrong + tally.failed + tally.not_sent);
  EXPECT_EQ(tally.latency.count(), tally.planned);
  EXPECT_EQ(tally.latency.unbounded(), tally.planned - tally.answered);
  std::uint64_t slices = 0;
  for (const Slice& slice : tally.slices) slices += slice.planned;
  EXPECT_EQ(slices, tally.planned);
}

TEST(OpenLoop, SendsEveryPlannedRequestOnce) {
  std::atomic<int> seen = 0;
  const FakeServer server([&](const net::RequestView&, net::ResponseWriter& out) {
    ++seen;
    out.Json("{}");
  });
  OpenLoopOptions options = At(server, 2000, milliseconds(500));
  options.pacing.slices = 5;
  options.threads = 2;
  const LoadReport report = *RunOpenLoop(options, Get());
  EXPECT_EQ(seen, 1000);
  EXPECT_EQ(report.tally.answered, 1000U);
  EXPECT_EQ(report.tally.statuses.at(200), 1000U);
  for (const Slice& slice : report.tally.slices) EXPECT_EQ(slice.planned, 200U);
  EXPECT_GT(report.client_cpu.count(), 0);
  ExpectBooksBalance(report.tally);
}

// The server stands still for 400 of 1,000 ms. Of 1,000 requests 400 were due meanwhile and waited 200 ms on average:
// P80 waited about 200 ms and P99 nearly all of it. Only the 8 that were on their way when it began waited as seen from
// their sending: what a client that waits for answers sees at P80 is how fast the server is when it is not stalled.
TEST(OpenLoop, ChargesAStallToEverythingThatWasDueMeanwhile) {
  const RealClock clock;
  std::atomic<std::int64_t> first = 0;
  std::atomic<bool> stalled = false;
  const FakeServer server([&](const net::RequestView&, net::ResponseWriter& out) {
    if (first == 0) first = clock.Elapsed().count();
    const Duration begin = Duration(first) + milliseconds(300);
    if (clock.Elapsed() >= begin && !stalled.exchange(true)) BusyUntil(begin + milliseconds(400));
    out.Json("{}");
  });
  const LoadReport report = *RunOpenLoop(At(server, 1000, seconds(1)), Get());
  const Tally& tally = report.tally;
  EXPECT_EQ(tally.answered, 1000U);
  EXPECT_GT(tally.latency.Percentile(0.8), milliseconds(150));
  EXPECT_GT(tally.latency.Percentile(0.99), milliseconds(350));
  EXPECT_LT(tally.service.Percentile(0.8), tally.latency.Percentile(0.8));  // what coordinated omission shows instead
}

// 2 ms each, one at a time: 500 a second at most. Asked for 1,000, it falls behind by half of what was asked.
TEST(OpenLoop, SaysThatAServerFellBehind) {
  const RealClock clock;
  const FakeServer server([&](const net::RequestView&, net::ResponseWriter& out) {
    BusyUntil(clock.Elapsed() + milliseconds(2));
    out.Json("{}");
  });
  OpenLoopOptions options = At(server, 1000, seconds(1));
  options.drain = milliseconds(100);
  const auto measurement =
      Measure(options.port, false, options.pacing, Get(),
              [&](const std::function<void()>& around) { return RunOpenLoop(options, Get(), around); });
  ASSERT_TRUE(measurement.ok());
  EXPECT_NEAR(measurement->Asked(), 1000, 1);
  EXPECT_LT(measurement->RequestsPerSecond(), 520);
  EXPECT_GT(measurement->load.tally.not_sent, 300U);
  EXPECT_FALSE(Judge(*measurement, *Target::Parse("p50=10s")).held);
  EXPECT_EQ(measurement->Latency(0.99), LatencyHistogram::kNoBound);
  ExpectBooksBalance(measurement->load.tally);
}

TEST(OpenLoop, BoundsWhatWaits) {
  const RealClock clock;
  const FakeServer server([&](const net::RequestView&, net::ResponseWriter& out) {
    BusyUntil(clock.Elapsed() + milliseconds(20));
    out.Json("{}");
  });
  OpenLoopOptions options = At(server, 2000, milliseconds(300));
  options.pacing.waiting_max = 10;
  options.drain = milliseconds(500);
  const LoadReport report = *RunOpenLoop(options, Get());
  EXPECT_LE(report.tally.waiting_max, 10U);
  EXPECT_GT(report.tally.not_sent, 500U);
  ExpectBooksBalance(report.tally);
}

TEST(OpenLoop, CountsRefusalsAndWrongAnswersAsSlowerThanAll) {
  std::atomic<int> seen = 0;
  const FakeServer server([&](const net::RequestView&, net::ResponseWriter& out) {
    const int number = seen++;
    if (number % 10 == 0) return out.Send(503, "text/plain", "busy");
    if (number % 10 == 1) return out.Json(R"({"outputs":[{"shape":[2]}]})");
    out.Json(R"({"outputs":[{"shape":[1]}]})");
  });
  std::vector<RequestKind> kinds = Get();
  kinds[0].expect = Expect::kJsonRows;
  const LoadReport report = *RunOpenLoop(At(server, 1000, milliseconds(500)), kinds);
  EXPECT_EQ(report.tally.failed, 50U);
  EXPECT_EQ(report.tally.wrong, 50U);
  EXPECT_EQ(report.tally.statuses.at(503), 50U);
  EXPECT_NE(report.tally.latency.Percentile(0.79), LatencyHistogram::kNoBound);
  EXPECT_EQ(report.tally.latency.Percentile(0.81), LatencyHistogram::kNoBound);
  ExpectBooksBalance(report.tally);
}

TEST(OpenLoop, MixesKindsByWeight) {
  std::atomic<int> small = 0, large = 0;
  const FakeServer server([&](const net::RequestView& request, net::ResponseWriter& out) {
    ++(request.path == "/large" ? large : small);
    out.Json("{}");
  });
  std::vector<RequestKind> kinds = Get();
  kinds[0].weight = 90;
  kinds.push_back(kinds[0]);
  kinds[1].weight = 10;
  kinds[1].rows = 64;
  kinds[1].requests = {"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n"};
  const LoadReport report = *RunOpenLoop(At(server, 4000, milliseconds(500)), kinds);
  EXPECT_EQ(small + large, 2000);
  EXPECT_NEAR(large, 200, 55);  // four deviations
  EXPECT_EQ(report.tally.by_kind[1].answered, static_cast<std::uint64_t>(large));
  EXPECT_EQ(report.tally.all_rows, static_cast<std::uint64_t>(small + 64 * large));
}

TEST(OpenLoop, SendsAgainWhatAClosingServerHasNotLookedAt) {
  std::atomic<int> seen = 0;
  const FakeServer server([&](const net::RequestView&, net::ResponseWriter& out) {
    ++seen;
    out.Json("{}");
  });
  std::vector<RequestKind> kinds = Get();
  kinds[0].requests = {"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"};
  OpenLoopOptions options = At(server, 1000, milliseconds(300));
  options.in_flight_max = 4;
  options.connections = 2;
  const LoadReport report = *RunOpenLoop(options, kinds);
  EXPECT_EQ(report.tally.answered, 300U);
  EXPECT_EQ(seen, 300);
  EXPECT_GE(report.tally.reconnects, 298U);
  ExpectBooksBalance(report.tally);
}

TEST(OpenLoop, WaitsForAnswersInAClosedLoop) {
  std::atomic<int> at_once = 0, most = 0;
  const FakeServer server([&](const net::RequestView&, net::ResponseWriter& out) {
    most = std::max(most.load(), ++at_once);
    --at_once;
    out.Json("{}");
  });
  OpenLoopOptions options = At(server, 0, milliseconds(300));
  options.pacing.closed = true;
  options.pacing.settle = milliseconds(50);
  options.in_flight_max = 4;
  const LoadReport report = *RunOpenLoop(options, Get());
  EXPECT_GT(report.tally.answered, 100U);
  EXPECT_GT(report.tally.all_answers, report.tally.answered);  // those of the settling time
  EXPECT_EQ(report.tally.not_sent, 0U);
  ExpectBooksBalance(report.tally);
}

TEST(OpenLoop, GivesUpOnAServerThatSaysNothing) {
  // A listening socket that nobody accepts from: connections stand, answers never come.
  const FileDescriptor mute = *net::ListenTcp("127.0.0.1", 0);
  OpenLoopOptions options;
  options.pacing.plan = {100, 100, milliseconds(300), Arrivals::kEven, 1};
  options.port = net::LocalPort(mute.get());
  options.connections = 2;
  options.timeout = milliseconds(100);
  options.drain = milliseconds(100);
  const LoadReport report = *RunOpenLoop(options, Get());
  EXPECT_EQ(report.tally.answered, 0U);
  EXPECT_GT(report.tally.failed, 0U);
  ExpectBooksBalance(report.tally);
}

TEST(OpenLoop, SaysWhenNobodyListens) {
  OpenLoopOptions options;
  {
    const FileDescriptor gone = *net::ListenTcp("127.0.0.1", 0);
    options.port = net::LocalPort(gone.get());
  }
  options.pacing.plan = {100, 100, milliseconds(100), Arrivals::kEven, 1};
  const auto report = RunOpenLoop(options, Get());
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace mw::load
