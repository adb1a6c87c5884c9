// Lanes, their threads, and what they did.
#include "load/open_loop.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <thread>

#include "base/assert.h"
#include "load/http_lane.h"

namespace mw::load {
namespace {

/// So that threads are there when the first request is due.
constexpr std::chrono::milliseconds kHeadStart{5};

Duration ThreadCpu() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  const auto micros = [](const timeval& time) { return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_usec; };
  return Duration(micros(usage.ru_utime) + micros(usage.ru_stime));
}

}  // namespace

Result<LoadReport> RunLanes(const std::vector<std::unique_ptr<Lane>>& lanes, const Pacing& pacing,
                            const std::function<void()>& around) {
  for (const auto& lane : lanes) TRY(lane->Open());
  if (around) around();
  const RealClock clock;
  const Duration start = clock.Elapsed() + kHeadStart;
  std::vector<Duration> cpu(lanes.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    threads.emplace_back([&lane = *lanes[i], &used = cpu[i], start] {
      prctl(PR_SET_TIMERSLACK, 1);  // by default the kernel may wake it 50 us late
      lane.Run(start);
      used = ThreadCpu();
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (around) around();
  LoadReport report;
  report.tally = lanes.front()->tally();
  for (std::size_t i = 1; i < lanes.size(); ++i) report.tally.Merge(lanes[i]->tally());
  for (const Duration used : cpu) report.client_cpu += used;
  report.measured = pacing.plan.duration - pacing.settle;
  report.elapsed = clock.Elapsed() - start;
  report.threads = static_cast<int>(lanes.size());
  return report;
}

Result<LoadReport> RunOpenLoop(const OpenLoopOptions& options, const std::vector<RequestKind>& kinds,
                               const std::function<void()>& around) {
  MW_ASSERT(!kinds.empty() && options.threads > 0 && options.connections > 0);
  const int threads = std::min(options.threads, options.connections);
  std::vector<std::unique_ptr<Lane>> lanes;
  for (int part = 0; part < threads; ++part) {
    HttpLaneOptions lane;
    lane.host = options.host;
    lane.port = options.port;
    lane.connections = options.connections / threads + (part < options.connections % threads ? 1 : 0);
    lane.in_flight_max = options.in_flight_max;
    lane.timeout = options.timeout;
    lane.drain = options.drain;
    lanes.push_back(std::make_unique<HttpLane>(lane, Pacer(options.pacing, kinds, part, threads)));
  }
  return RunLanes(lanes, options.pacing, around);
}

}  // namespace mw::load
