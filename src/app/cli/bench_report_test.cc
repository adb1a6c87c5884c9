// What people read: requests and rows apart, unknown called unknown, measured and extrapolated apart.
#include "app/cli/bench_report.h"

#include <gtest/gtest.h>

namespace mw::app::cli {
namespace {

using load::Measurement;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// 1,000 requests of 4 rows in a second, answered in 2 ms each.
Measurement Sample() {
  Measurement measurement;
  measurement.load.measured = measurement.load.elapsed = seconds(1);
  measurement.load.client_cpu = milliseconds(10);
  load::Tally tally(1, 1);
  tally.planned = tally.answered = tally.all_answers = 1000;
  tally.all_rows = 4000;
  tally.statuses[200] = 1000;
  for (int i = 0; i < 1000; ++i) tally.latency.Add(milliseconds(2));
  tally.slices[0].planned = tally.slices[0].answered_within = 1000;
  tally.slices[0].rows_within = 4000;
  measurement.load.tally = tally;
  measurement.kinds = {"rest, 4 rows"};
  return measurement;
}

TEST(BenchReport, NamesRequestsAndRowsApart) {
  Measurement measurement = Sample();
  measurement.server_cpu = milliseconds(20);
  EXPECT_EQ(MeasurementText(measurement),
            "          requests/s  rows/s  P50 ms  P90 ms  P99 ms  P99.9 ms  max ms\n"
            "asked          1,000   4,000\n"
            "answered       1,000   4,000   2.000   2.000   2.000     2.000   2.000\n"
            "\n"
            "processor time  us a request  us a row  cores\n"
            "server                 20.00     5.000   0.02\n"
            "client                 10.00     2.500   0.01\n"
            "\n"
            "errors: none of 1,000 requests\n");
  EXPECT_EQ(
      CostText(measurement, 0.07),
      "cost: 5.00 core-seconds of the server for a million predictions; 0.000139 at 0.07 a core-hour with 30 % of "
      "it kept free\n");
}

TEST(BenchReport, CallsUnknownWhatItCannotSee) {
  const std::string text = MeasurementText(Sample());
  EXPECT_NE(text.find("server: unknown"), std::string::npos) << text;
  EXPECT_EQ(CostText(Sample(), 0.07), "cost: unknown, for the server's processor time is\n");
}

TEST(BenchReport, CountsErrorsByWhatTheyWere) {
  Measurement measurement = Sample();
  load::Tally& tally = measurement.load.tally;
  tally.planned = 1000;
  tally.answered = 980;
  tally.failed = 12;
  tally.wrong = 3;
  tally.not_sent = 5;
  tally.waiting_max = 100;
  tally.statuses = {{0, 2}, {200, 983}, {503, 10}};
  const std::string text = MeasurementText(measurement);
  EXPECT_NE(
      text.find("errors: 20 of 1,000 requests: 2 without an answer, 10 answered 503, 3 with another number of rows, "
                "5 not sent since 100 waited for a free connection\n"),
      std::string::npos)
      << text;
}

TEST(BenchReport, SaysThatCapacityIsExtrapolated) {
  EXPECT_EQ(CapacityText({1e6, false}, load::CapacityFor({1e6, false}, {40'000, 1, 13.7, 2}), 2),
            "for 1,000,000 requests/s, extrapolated, 30 % kept free:\n"
            "  19.6 cores by the server's processor time, clients elsewhere: 10 machines of 2 cores\n"
            "  36 machines like this one by the rate that held here, client included\n");
  const std::string rows = CapacityText({1e6, true}, load::CapacityFor({1e6, true}, {0, 1000, 350.0, 2}), 2);
  EXPECT_EQ(rows,
            "for 1,000,000 rows/s (1,000 requests/s of this size), extrapolated, 30 % kept free:\n"
            "  0.5 cores by the server's processor time, clients elsewhere: 1 machine of 2 cores\n");
}

TEST(BenchReport, LinesOfASearchStandBelowTheirHeading) {
  const std::string line = TrialText(Sample(), {false, "p99 2.00 ms"});
  EXPECT_EQ(
      line,
      "       1,000       1,000       4,000       2.000       2.000       2.000       2.000  missed: p99 2.00 ms\n");
  EXPECT_EQ(TrialHeading().find("P99.9 ms") + 8, line.find("  missed"));
}

}  // namespace
}  // namespace mw::app::cli
