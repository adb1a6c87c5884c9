// Lanes, their threads, and what they did.
#include "load/open_loop.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>

#include "base/assert.h"
#include "load/grpc_lane.h"
#include "load/http_lane.h"

namespace mw::load {
namespace {

/// So that threads are there when the first request is due.
constexpr std::chrono::milliseconds kHeadStart{5};

Duration ProcessCpu() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto micros = [](const timeval& time) { return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_usec; };
  return Duration(micros(usage.ru_utime) + micros(usage.ru_stime));
}

std::unique_ptr<Lane> MakeLane(const OpenLoopOptions& options, int connections, Pacer pacer) {
  if (options.transport == Transport::kGrpc) {
    GrpcLaneOptions lane{options.host,          options.port,    connections,
                         options.in_flight_max, options.timeout, options.drain};
    return std::make_unique<GrpcLane>(std::move(lane), std::move(pacer));
  }
  HttpLaneOptions lane{options.host, options.port, connections, options.in_flight_max, options.timeout, options.drain};
  return std::make_unique<HttpLane>(std::move(lane), std::move(pacer));
}

Result<LoadReport> RunLanes(const std::vector<std::unique_ptr<Lane>>& lanes, const Pacing& pacing,
                            const std::function<void()>& around) {
  for (const auto& lane : lanes) TRY(lane->Open());
  if (around) around();
  const RealClock clock;
  const Duration cpu = ProcessCpu();
  const Duration start = clock.Elapsed() + kHeadStart;
  std::vector<std::thread> threads;
  for (const auto& lane : lanes) {
    threads.emplace_back([&lane = *lane, start] {
      prctl(PR_SET_TIMERSLACK, 1);  // by default the kernel may wake it 50 us late
      lane.Run(start);
    });
  }
  for (std::thread& thread : threads) thread.join();
  LoadReport report;
  report.client_cpu = ProcessCpu() - cpu;
  report.elapsed = clock.Elapsed() - start;
  if (around) around();
  report.tally = lanes.front()->tally();
  for (std::size_t i = 1; i < lanes.size(); ++i) report.tally.Merge(lanes[i]->tally());
  report.measured = pacing.plan.duration - pacing.settle;
  report.threads = static_cast<int>(lanes.size());
  return report;
}

}  // namespace

Result<LoadReport> RunOpenLoop(const OpenLoopOptions& options, const std::vector<RequestKind>& kinds,
                               const std::function<void()>& around) {
  MW_ASSERT(!kinds.empty() && options.threads > 0 && options.connections > 0);
  const int threads = std::min(options.threads, options.connections);
  std::vector<std::unique_ptr<Lane>> lanes;
  for (int part = 0; part < threads; ++part) {
    const int connections = options.connections / threads + (part < options.connections % threads ? 1 : 0);
    lanes.push_back(MakeLane(options, connections, Pacer(options.pacing, kinds, part, threads)));
  }
  return RunLanes(lanes, options.pacing, around);
}

}  // namespace mw::load
