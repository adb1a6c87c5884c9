// The ends of bench/http_bench.py: both servers saying hello, and the load client.
//   http_bench serve [LOOPS]       the data plane's server: prints its port, serves until its input ends
//   http_bench serve-control       the control plane's, the same way
//   http_bench heads               prints what a request's head costs: parsed, remembered, asked for four headers
//   http_bench load PORT REQUESTS  prints requests/s and the latency's percentiles in microseconds
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <vector>

#include "net/load_client.h"
#include "net/loop_heads.h"
#include "net/loop_server.h"
#include "net/stream_server.h"

namespace mw::net {
namespace {

class Hello final : public LoopHandler {
 public:
  void Handle(const RequestView&, ResponseWriter& out) override { out.Send(200, "text/plain", "hello"); }
};

// Says where it listens and waits for the end of the input.
template <typename Server>
int ServeUntilInputEnds(const Result<std::unique_ptr<Server>>& server) {
  if (!server.ok()) {
    std::fprintf(stderr, "%s\n", server.error().ToString().c_str());
    return 1;
  }
  std::printf("%d\n", (*server)->port());
  std::fflush(stdout);
  char waste[64];
  while (read(STDIN_FILENO, waste, sizeof waste) > 0) {
  }
  return 0;
}

int Serve(int loops) {
  MetricsRegistry metrics;
  LoopServerOptions options;
  options.loops = loops;
  return ServeUntilInputEnds(LoopServer::Start(
      options, [](int) { return std::make_unique<Hello>(); }, metrics));
}

Task<Result<Response>> SayHello(Request&) {
  Response response{200, Headers(), "hello"};
  co_return response;
}

int ServeControl() {
  MetricsRegistry metrics;
  RealClock clock;
  TokenAuthenticator nobody(clock, std::nullopt);
  RouteTable routes;
  routes.Add(Route(Method::kGet, "/", Permission::kPublic, 0, Simple(SayHello)));
  return ServeUntilInputEnds(StreamServer::Start({}, std::move(routes), nobody, metrics));
}

int Load(int port, long long requests) {
  LoadOptions options;
  options.port = port;
  std::vector<long long> latencies;
  latencies.reserve(static_cast<std::size_t>(requests));
  long long made = 0;
  const auto next = [&](std::string& out) {
    if (made++ == requests) return false;
    out.append("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return true;
  };
  const auto sink = [&](const LoadAnswer& answer) { latencies.push_back(answer.latency.count()); };
  const auto report = RunLoad(options, next, sink);
  if (!report.ok() || report->failed > 0) {
    std::fprintf(stderr, "%s\n", report.ok() ? "requests failed" : report.error().ToString().c_str());
    return 1;
  }
  std::sort(latencies.begin(), latencies.end());
  const double rate = static_cast<double>(requests) / (static_cast<double>(report->elapsed.count()) / 1e6);
  std::printf("%.0f %lld %lld\n", rate, latencies[latencies.size() / 2], latencies[latencies.size() * 99 / 100]);
  return 0;
}

/// The best of many short windows: on a busy machine most of the long ones are interrupted.
template <typename Work>
double Nanos(const Work& work) {
  const RealClock clock;
  constexpr int kRounds = 5000;
  double best = 1e9;
  for (int repeat = 0; repeat < 300; ++repeat) {
    const Duration start = clock.Elapsed();
    for (int round = 0; round < kRounds; ++round) work();
    best = std::min(best, 1e3 * static_cast<double>((clock.Elapsed() - start).count()) / kRounds);
  }
  return best;
}

int Heads() {
  const std::string_view head =
      "POST /v2/models/late-departures/infer HTTP/1.1\r\nHost: 127.0.0.1:8091\r\nUser-Agent: python-requests/2.32.3\r\n"
      "Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\nContent-Type: application/json\r\n"
      "Content-Length: 385\r\n\r\n";
  const std::string text = std::string(head) + std::string(385, ' ');
  RequestHead parsed;
  HeadMemory memory(std::size_t{32} << 10);
  const RequestHead* remembered = nullptr;
  if (memory.Parse(0, head, remembered).has_value()) return 1;
  std::size_t bytes = 0;
  const double parse = Nanos([&] {
    HeadScanner scanner(std::size_t{32} << 10);
    scanner.Scan(text);
    bytes += ParseRequestHead(std::string_view(text).substr(0, scanner.size()), parsed) ? 1U : 0U;
  });
  const double find = Nanos([&] { bytes += memory.Find(0, text).size; });
  RequestView view;
  view.headers = parsed.headers;
  view.known = &parsed.known;
  const double by_name = Nanos([&] {
    for (const std::string_view name :
         {"content-encoding", "accept-encoding", "inference-header-content-length", "traceparent"}) {
      bytes += view.Header(name).size();
    }
  });
  const double by_kind = Nanos([&] {
    for (const KnownHeader header : {KnownHeader::kContentEncoding, KnownHeader::kAcceptEncoding,
                                     KnownHeader::kInferenceHeaderContentLength, KnownHeader::kTraceparent}) {
      bytes += view.Header(header).size();
    }
  });
  std::printf(
      "a head of %zu bytes: scanned and parsed in %.0f ns, remembered in %.0f ns; four headers by name %.0f ns, "
      "known ones %.1f ns\n",
      head.size(), parse, find, by_name, by_kind);
  return bytes == 0 ? 1 : 0;
}

}  // namespace
}  // namespace mw::net

int main(int argc, char** argv) {
  const std::string_view verb = argc > 1 ? argv[1] : "";
  const auto number = [argc, argv](int at) { return argc > at ? mw::ParseInt(argv[at]).value_or(0) : 0; };
  if (verb == "serve") return mw::net::Serve(static_cast<int>(number(2)));
  if (verb == "serve-control") return mw::net::ServeControl();
  if (verb == "heads") return mw::net::Heads();
  if (verb == "load" && argc == 4) return mw::net::Load(static_cast<int>(number(2)), number(3));
  std::fprintf(stderr,
               "usage: http_bench serve [LOOPS] | http_bench serve-control | http_bench heads | http_bench load PORT "
               "REQUESTS\n");
  return 2;
}
