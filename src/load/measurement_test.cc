// Targets, verdicts and the words of latencies; the meters of a server on this machine; the picture of a curve.
#include "load/measurement.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "base/text.h"
#include "load/plot.h"
#include "load/server_processes.h"
#include "net/socket.h"

namespace mw::load {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// 1,000 requests in a second, answered after 1 ms each but the last `slow`, which took 50 ms.
Measurement Sample(int slow, int failed = 0, int behind = 0) {
  Measurement measurement;
  measurement.load.measured = seconds(1);
  measurement.load.tally = Tally(1, 1);
  Tally& tally = measurement.load.tally;
  tally.planned = 1000;
  tally.failed = static_cast<std::uint64_t>(failed);
  tally.answered = tally.all_answers = 1000 - tally.failed;
  tally.all_rows = tally.all_answers * 4;
  for (int i = 0; i < 1000 - failed; ++i) tally.latency.Add(i < slow ? milliseconds(50) : milliseconds(1));
  tally.latency.AddUnbounded(tally.failed);
  tally.slices[0].planned = 1000;
  tally.slices[0].answered_within = static_cast<std::uint64_t>(1000 - failed - behind);
  tally.slices[0].rows_within = tally.slices[0].answered_within * 4;
  tally.slices[0].latency = tally.latency;
  measurement.kinds = {"rest, 4 rows"};
  return measurement;
}

TEST(Target, ReadsPercentilesAndTimes) {
  const Target target = *Target::Parse("p99.9=250us");
  EXPECT_DOUBLE_EQ(target.share, 0.999);
  EXPECT_EQ(target.bound, Duration(250));
  EXPECT_EQ(target.ToString(), "p99.9 <= 0.250 ms");
  EXPECT_DOUBLE_EQ(Target::Parse("max=1s")->share, 1);
  EXPECT_EQ(Target::Parse("P90 = 10ms")->name, "p90");
  for (const char* wrong : {"", "p99", "99=10ms", "p0=1ms", "p100=1ms", "p99=0ms", "p99=fast", "pp=1ms"}) {
    EXPECT_FALSE(Target::Parse(wrong).ok()) << wrong;
  }
}

TEST(Verdict, HoldsWhatHolds) {
  const Target target = *Target::Parse("p99=10ms");
  struct Case {
    const char* says;
    Measurement measurement;
    bool held;
    const char* why;
  };
  const Case cases[] = {
      {"1 % slow is within p99", Sample(10), true, "p99 1.00 ms"},
      {"more is not", Sample(11), false, "p99 50.0 ms"},
      {"one failure in a thousand is borne", Sample(0, 1), true, "p99 1.00 ms"},
      {"more is not, though p99 would be", Sample(0, 5), false, "0.5 % without a right answer"},
      {"a server that falls behind holds nothing", Sample(0, 0, 40), false, "answered 96 % of what was asked"},
  };
  for (const Case& one : cases) {
    const Verdict verdict = Judge(one.measurement, target);
    EXPECT_EQ(verdict.held, one.held) << one.says;
    EXPECT_EQ(verdict.why.substr(0, 8), std::string(one.why).substr(0, 8)) << one.says;
  }
}

TEST(Measurement, KeepsRequestsAndRowsApart) {
  Measurement measurement = Sample(0);
  measurement.server_cpu = milliseconds(20);
  EXPECT_DOUBLE_EQ(measurement.Asked(), 1000);
  EXPECT_DOUBLE_EQ(measurement.RequestsPerSecond(), 1000);
  EXPECT_DOUBLE_EQ(measurement.RowsPerSecond(), 4000);
  EXPECT_DOUBLE_EQ(*measurement.ServerMicros(), 20);
  const Json json = measurement.ToJson();
  EXPECT_DOUBLE_EQ(json.DoubleOr("server_cpu_us_per_row", 0), 5);
  EXPECT_DOUBLE_EQ(json.DoubleOr("rows_per_second", 0), 4000);
  EXPECT_TRUE(json.Find("latency_ms")->Find("p99.9")->IsNumber());
}

TEST(Measurement, HasNoPercentileBeyondItsRequests) {
  Measurement measurement;
  measurement.load.tally = Tally(1, 1);
  for (int i = 0; i < 50; ++i) measurement.load.tally.latency.Add(milliseconds(1));
  EXPECT_TRUE(measurement.Latency(0.9).has_value());
  EXPECT_FALSE(measurement.Latency(0.99).has_value());
  EXPECT_FALSE(measurement.Latency(0.999).has_value());
}

TEST(Measurement, WarnsOfAGeneratorThatWasLateItself) {
  Measurement measurement = Sample(1000);
  for (int i = 0; i < 1000; ++i) measurement.load.tally.lag.Add(milliseconds(i < 980 ? 0 : 30));
  EXPECT_NE(LagWarning(measurement).find("30.0 ms"), std::string::npos) << LagWarning(measurement);
  measurement.load.tally.lag = LatencyHistogram();
  for (int i = 0; i < 1000; ++i) measurement.load.tally.lag.Add(Duration(50));
  EXPECT_EQ(LagWarning(measurement), "");
}

TEST(Words, AreShort) {
  EXPECT_EQ(LatencyText(Duration(213)), "0.213 ms");
  EXPECT_EQ(LatencyText(Duration(2130)), "2.13 ms");
  EXPECT_EQ(LatencyText(Duration(21300)), "21.3 ms");
  EXPECT_EQ(LatencyText(Duration(2'130'000)), "2130 ms");
  EXPECT_EQ(LatencyText(seconds(21)), "21.0 s");
  EXPECT_EQ(LatencyText(LatencyHistogram::kNoBound), "none");
  EXPECT_EQ(LatencyText(std::nullopt), "-");
  EXPECT_EQ(RateText(12'345.6), "12,346");
  EXPECT_EQ(RateText(12.34), "12.3");
}

TEST(ServerProcesses, FindsWhoListensAndWhatItSpent) {
  const FileDescriptor listening = *net::ListenTcp("127.0.0.1", 0);
  const std::vector<int> pids = ServerProcesses(net::LocalPort(listening.get()));
  ASSERT_FALSE(pids.empty());
  EXPECT_EQ(pids[0], getpid());
  const Duration before = *CpuOf(pids);
  const RealClock clock;
  volatile double sink = 0;
  for (int i = 0; CpuOf(pids)->count() < before.count() + 50'000; ++i) sink = sink + i;
  EXPECT_GE(*CpuOf(pids) - before, milliseconds(50));
  int free_port = 0;
  {
    const FileDescriptor gone = *net::ListenTcp("127.0.0.1", 0);
    free_port = net::LocalPort(gone.get());
  }
  EXPECT_TRUE(ServerProcesses(free_port).empty());
  EXPECT_FALSE(CpuOf({}).has_value());
  EXPECT_GE(Cores(), 1);
}

TEST(Plot, DrawsLinesTargetAndSaturation) {
  Plot plot;
  plot.title = "a <model> & more";
  for (int i = 1; i <= 5; ++i) {
    CurvePoint point;
    point.asked = 1000.0 * i;
    point.answered = i < 5 ? point.asked : 4100;
    point.p50 = Duration(100 * i);
    point.p99 = i < 5 ? std::optional(Duration(1000 * i)) : std::nullopt;
    point.overtaken = i == 5 || i == 2;  // the second was a hiccup
    plot.points.push_back(point);
  }
  plot.target = *Target::Parse("p99=10ms");
  plot.best_rate = 4000;
  const std::string svg = LatencyPlot(plot);
  EXPECT_TRUE(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  for (const char* part :
       {"a &lt;model> &amp; more", "saturated", "answers 4,100/s at most", "target p99 &lt;= 10.0 ms", "holds 4,000/s",
        "prefers-color-scheme: dark", ">P50<", ">P99<"}) {
    EXPECT_NE(svg.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(svg.find(">P90<"), std::string::npos);  // no point has one
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(LatencyPlot({}).find("nan"), std::string::npos);
}

}  // namespace
}  // namespace mw::load
