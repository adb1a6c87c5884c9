// What a look-up in the response cache and an admission cost a request, alone and beside other threads that do the
// same: the processor time of each thread, which contention shows in.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "serving/admission.h"
#include "serving/response_cache.h"

namespace mw::serving {
namespace {

constexpr std::size_t kFeatures = 30;
constexpr std::size_t kInputs = 4'096;

struct Warm {
  Warm() {
    for (std::size_t i = 0; i < kInputs; ++i) {
      std::vector<float> row(kFeatures, static_cast<float>(i));
      inputs.emplace_back();
      AppendCanonical(row, inputs.back());
      auto answer = std::make_shared<TensorList>();
      const std::int64_t shape[] = {1};
      answer->Add("probability", Datatype::kFp32, shape, sizeof(float));
      cache.Put(cache.KeyOf(1, inputs.back()), std::move(answer), {true, Duration(0)});
    }
  }
  RealClock clock;
  MetricsRegistry registry;
  CacheMetrics metrics{registry, "bench", "1"};
  ResponseCache cache{{}, clock, registry};
  std::vector<std::string> inputs;
};

Warm& Ready() {
  static Warm warm;
  return warm;
}

/// `spread`: 1, all ask for one answer; else each for another all the time.
void Hit(benchmark::State& state) {
  Warm& warm = Ready();
  const auto spread = static_cast<std::size_t>(state.range(0));
  std::size_t i = static_cast<std::size_t>(state.thread_index()) * 1'000;
  for (auto _ : state) {
    const auto answer = warm.cache.Find(warm.cache.KeyOf(1, warm.inputs[++i % spread]), warm.metrics);
    if (answer == nullptr) state.SkipWithError("a miss");
    benchmark::DoNotOptimize(answer);
  }
}
BENCHMARK(Hit)->Arg(1)->Arg(kInputs)->Threads(1)->Threads(2)->Threads(8);

void Miss(benchmark::State& state) {
  Warm& warm = Ready();
  std::size_t i = static_cast<std::size_t>(state.thread_index()) * 1'000;
  for (auto _ : state)
    benchmark::DoNotOptimize(warm.cache.Find(warm.cache.KeyOf(2, warm.inputs[++i % kInputs]), warm.metrics));
}
BENCHMARK(Miss)->Threads(1)->Threads(2);

void Admit(benchmark::State& state) {
  static RealClock clock;
  static MetricsRegistry registry;
  static Admission free({}, clock, registry);
  static Admission shared({.rows_per_second_max = 1e12, .shares = {{"a", 1e11}, {"b", 1e11}}}, clock, registry);
  Admission& admission = state.range(0) == 0 ? free : shared;
  for (auto _ : state) benchmark::DoNotOptimize(admission.Admit("a", 1, 300));
}
BENCHMARK(Admit)->ArgName("shares")->Arg(0)->Arg(2)->Threads(1)->Threads(2)->Threads(8);

}  // namespace
}  // namespace mw::serving
