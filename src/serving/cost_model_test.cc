// What batches cost: fits, updates and measuring.
#include "serving/cost_model.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.h"

namespace mw::serving {
namespace {

std::vector<CostSample> SamplesOf(const CostModel& cost) {
  std::vector<CostSample> samples;
  for (std::size_t rows = 1; rows <= 1024; rows *= 2) samples.push_back({rows, cost.PredictUs(rows)});
  return samples;
}

TEST(FitCost, FindsWhatTheSamplesWereMadeOf) {
  for (const CostModel& truth : {CostModel{45, 2.9}, CostModel{0.8, 0.25}, CostModel{2000, 0.01}, CostModel{1, 300}}) {
    const CostModel fit = FitCost(SamplesOf(truth));
    EXPECT_NEAR(fit.fixed_us, truth.fixed_us, 1e-6 * truth.fixed_us);
    EXPECT_NEAR(fit.row_us, truth.row_us, 1e-6 * truth.row_us);
  }
}

TEST(FitCost, IsNeverNegative) {
  const CostModel falling = FitCost(std::vector<CostSample>{{1, 100}, {2, 90}, {4, 80}});
  EXPECT_EQ(falling.row_us, 0);
  EXPECT_NEAR(falling.fixed_us, 90, 10);
  const CostModel steep = FitCost(std::vector<CostSample>{{1, 10}, {2, 30}, {4, 90}});
  EXPECT_EQ(steep.fixed_us, 0);
  EXPECT_GT(steep.row_us, 10);
}

TEST(FitCost, OfOneSizeHalfIsFixed) {
  const CostModel one = FitCost(std::vector<CostSample>{{4, 80}});
  EXPECT_EQ(one.fixed_us, 40);
  EXPECT_EQ(one.row_us, 10);
  EXPECT_FALSE(FitCost({}).known());
}

// Whatever the mix of sizes, predictions come to within a tenth of the truth.
TEST(CostTracker, LearnsFromWhatItSees) {
  Random random(1);
  for (const std::size_t rows_max : {1U, 8U, 256U}) {
    const CostModel truth{400, 20};
    CostTracker tracker(CostModel{40, 2});
    for (int i = 0; i < 100; ++i) {
      const std::size_t rows = 1 + random.Below(rows_max);
      tracker.Learn(rows, truth.Predict(rows));
    }
    const CostModel& cost = tracker.cost();
    for (std::size_t rows = 1; rows <= rows_max; rows *= 2) {
      EXPECT_NEAR(cost.PredictUs(rows), truth.PredictUs(rows), truth.PredictUs(rows) / 10)
          << rows << " of " << rows_max;
    }
  }
}

// One stall of a second does not make a millisecond's model look slow.
// When a model gets slower, and only batches of one size run, a few dozen of them tell.
TEST(CostTracker, FollowsAChange) {
  CostTracker tracker(CostModel{500, 500});
  for (int i = 0; i < 1000; ++i) tracker.Learn(4, Duration(2500));
  for (int i = 0; i < 100; ++i) tracker.Learn(4, Duration(10'000));
  EXPECT_NEAR(tracker.cost().PredictUs(4), 10'000, 1500);
}

TEST(CostTracker, OneHiccupCountsLittle) {
  CostTracker tracker(CostModel{500, 500});
  for (int i = 0; i < 50; ++i) tracker.Learn(1, Duration(1000));
  tracker.Learn(1, std::chrono::seconds(1));
  EXPECT_LE(tracker.cost().PredictUs(1), 1200);
}

TEST(CostTracker, TheFirstBatchOfAnUnknownModelIsTakenAsItIs) {
  CostTracker tracker{CostModel{}};
  EXPECT_FALSE(tracker.cost().known());
  tracker.Learn(10, Duration(100));
  EXPECT_NEAR(tracker.cost().PredictUs(10), 100, 1e-9);
}

/// Takes 100 us and 3 us a row of simulated time.
class TimedRunner final : public Runner {
 public:
  explicit TimedRunner(SimulatedClock& clock) : clock_(clock) {}
  Result<TensorList> Run(const TensorList& batch, Duration) override {
    const auto rows = static_cast<std::size_t>(batch[0].shape[0]);
    rows_seen.push_back(rows);
    if (rows > fails_above) return Unavailable("the worker died");
    clock_.Advance(Duration(100 + 3 * rows) * slowness);
    return TensorList();
  }
  std::vector<std::size_t> rows_seen;
  std::size_t fails_above = 1'000'000;
  std::int64_t slowness = 1;

 private:
  SimulatedClock& clock_;
};

TensorList Sample() {
  TensorList sample;
  const std::int64_t shape[] = {1, 2};
  sample.Add("x", Datatype::kFp32, shape, 8);
  return sample;
}

TEST(MeasureCost, RunsGrowingBatches) {
  SimulatedClock clock(FromMicros(0));
  TimedRunner runner(clock);
  const auto cost = MeasureCost(runner, Sample(), 64, std::chrono::seconds(1), clock);
  ASSERT_TRUE(cost.ok());
  EXPECT_NEAR(cost->fixed_us, 100, 1);
  EXPECT_NEAR(cost->row_us, 3, 0.1);
  EXPECT_EQ(runner.rows_seen.back(), 64U);
  EXPECT_EQ(runner.rows_seen.size(), 7 * 3U);
}

TEST(MeasureCost, StopsWhereItGetsLong) {
  SimulatedClock clock(FromMicros(0));
  TimedRunner runner(clock);
  runner.slowness = 2000;
  ASSERT_TRUE(MeasureCost(runner, Sample(), 1024, std::chrono::seconds(1), clock).ok());
  EXPECT_EQ(runner.rows_seen.back(), 16U);
}

TEST(MeasureCost, PassesTheWorkersErrorOn) {
  SimulatedClock clock(FromMicros(0));
  TimedRunner runner(clock);
  runner.fails_above = 4;
  EXPECT_EQ(MeasureCost(runner, Sample(), 64, std::chrono::seconds(1), clock).error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace mw::serving
