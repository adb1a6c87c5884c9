// How long a report takes on a month of flights: 27,662 rows in 1,500 blocks, one thread.
#include <benchmark/benchmark.h>

#include <cmath>

#include "base/random.h"
#include "evaluation/evaluate.h"

namespace mw::evaluation {
namespace {

constexpr std::size_t kRows = 27'662;
constexpr std::size_t kBlocks = 1'500;

ScoredRows April() {
  Random random(1);
  ScoredRows rows;
  for (std::size_t i = 0; i < kRows; ++i) {
    const double known = random.Normal() - 1.3;
    const double p = 1 / (1 + std::exp(-known));
    rows.probabilities.push_back(static_cast<double>(static_cast<float>(p)));
    rows.positives.push_back(random.Uniform() < p ? 1 : 0);
    rows.blocks.push_back(static_cast<std::uint32_t>(i * kBlocks / kRows));
  }
  return rows;
}

void PointEstimate(benchmark::State& state) {
  const ScoredRows rows = April();
  for (auto _ : state) {
    const RankedRows ranked = *RankedRows::Make(rows, 0.2);
    benchmark::DoNotOptimize(ScoresOf(Count(ranked), CostRates{900, 180}));
  }
}
BENCHMARK(PointEstimate)->Unit(benchmark::kMillisecond);

void BlockBootstrap1000(benchmark::State& state) {
  const RankedRows ranked = *RankedRows::Make(April(), 0.2);
  for (auto _ : state) benchmark::DoNotOptimize(BootstrapIntervals(ranked, CostRates{900, 180}, {}));
}
BENCHMARK(BlockBootstrap1000)->Unit(benchmark::kMillisecond);

void ReportWithSlices(benchmark::State& state) {
  const ScoredRows rows = April();
  SliceColumn origin{"origin", {}, {"EWR", "JFK", "LGA"}}, carrier{"carrier", {}, {}};
  for (int i = 0; i < 16; ++i) carrier.values.push_back(std::string(1, static_cast<char>('A' + i)));
  for (std::uint32_t i = 0; i < kRows; ++i) {
    origin.codes.push_back(i % 3);
    carrier.codes.push_back(i % 16);
  }
  EvaluateOptions options;
  options.threshold = 0.2;
  options.costs = CostRates{900, 180};
  for (auto _ : state) benchmark::DoNotOptimize(Evaluate(rows, {origin, carrier}, options));
}
BENCHMARK(ReportWithSlices)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace mw::evaluation
