// Values a second through each sketch, one thread: 4 M lognormal doubles, as the peers were measured
// (docs/benchmarks.md). Merging and reading: what a day of hourly windows costs.
#include <benchmark/benchmark.h>

#include <cmath>

#include "base/random.h"
#include "base/text.h"
#include "sketch/baseline.h"

namespace mw::sketch {
namespace {

constexpr std::size_t kValues = 4'000'000;

const std::vector<double>& Doubles() {
  static const std::vector<double> values = [] {
    Random random(1);
    std::vector<double> made(kValues);
    for (double& value : made) value = std::exp(random.Normal());
    return made;
  }();
  return values;
}

const std::vector<float>& Floats() {
  static const std::vector<float> values(Doubles().begin(), Doubles().end());
  return values;
}

// Zipf-like, as categories are; about 100,000 distinct.
const std::vector<std::string>& Texts() {
  static const std::vector<std::string> values = [] {
    Random random(2);
    std::vector<std::string> made(kValues / 4);
    for (std::string& value : made) value = Cat("value-", static_cast<long>(std::exp(11.5 * random.Uniform())));
    return made;
  }();
  return values;
}

template <typename Sketch, typename Values>
void AddAll(benchmark::State& state, Sketch empty, const Values& values) {
  for (auto _ : state) {
    Sketch sketch = empty;
    sketch.Add(std::span(values));
    benchmark::DoNotOptimize(sketch);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(values.size()));
}

void KllDoubles(benchmark::State& state) { AddAll(state, Kll(static_cast<int>(state.range(0))), Doubles()); }
void KllFloats(benchmark::State& state) { AddAll(state, Kll(static_cast<int>(state.range(0))), Floats()); }
void HllDoubles(benchmark::State& state) { AddAll(state, HyperLogLog(static_cast<int>(state.range(0))), Doubles()); }
void MomentsDoubles(benchmark::State& state) { AddAll(state, Moments(), Doubles()); }
BENCHMARK(KllDoubles)->Arg(200)->Arg(1024)->Arg(2048)->Unit(benchmark::kMillisecond);
BENCHMARK(KllFloats)->Arg(1024)->Unit(benchmark::kMillisecond);
BENCHMARK(HllDoubles)->Arg(12)->Arg(14)->Unit(benchmark::kMillisecond);
BENCHMARK(MomentsDoubles)->Unit(benchmark::kMillisecond);

void KllSortedDoubles(benchmark::State& state) {
  std::vector<double> values = Doubles();
  std::sort(values.begin(), values.end());
  AddAll(state, Kll(), values);
}
BENCHMARK(KllSortedDoubles)->Unit(benchmark::kMillisecond);

void KllFewDistinct(benchmark::State& state) {
  std::vector<double> values = Doubles();
  for (double& value : values) value = std::floor(value);
  AddAll(state, Kll(), values);
}
BENCHMARK(KllFewDistinct)->Unit(benchmark::kMillisecond);

void FrequentTexts(benchmark::State& state) {
  for (auto _ : state) {
    FrequentItems items;
    for (const std::string& text : Texts()) items.Add(text);
    benchmark::DoNotOptimize(items.Top(20));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(Texts().size()));
}
BENCHMARK(FrequentTexts)->Unit(benchmark::kMillisecond);

void NumberColumn(benchmark::State& state) {
  for (auto _ : state) {
    ColumnProfile column({"x", ValueKind::kNumber});
    column.AddNumbers(std::span(Floats()));
    benchmark::DoNotOptimize(column);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kValues));
}
BENCHMARK(NumberColumn)->Unit(benchmark::kMillisecond);

// 30 columns (20 of floats, 5 of whole numbers, 5 of categories), `rows` rows.
Profile Table(std::size_t rows) {
  Profile profile;
  for (int i = 0; i < 30; ++i) {
    ColumnProfile column({Cat("column ", i), i < 25 ? ValueKind::kNumber : ValueKind::kCategory});
    std::vector<float> values(Floats().begin() + i * 1000, Floats().begin() + i * 1000 + static_cast<long>(rows));
    for (float& value : values) value = i < 20 ? value : std::floor(value * 10);
    if (i < 25) column.AddNumbers(std::span<const float>(values));
    for (std::size_t row = 0; i >= 25 && row < rows; ++row) column.AddValue(Texts()[row + static_cast<std::size_t>(i)]);
    profile.Add(std::move(column));
  }
  return profile;
}

void ProfileMixedTable(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Table(200'000));
  state.SetItemsProcessed(state.iterations() * 30 * 200'000);
}
BENCHMARK(ProfileMixedTable)->Unit(benchmark::kMillisecond);

void Merge24HoursOf30Columns(benchmark::State& state) {
  const Profile hour = Table(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    Profile day;
    for (int i = 0; i < 24; ++i) day.Merge(hour);
    benchmark::DoNotOptimize(day);
  }
}
BENCHMARK(Merge24HoursOf30Columns)->Arg(40)->Arg(100'000)->Unit(benchmark::kMillisecond);

void BytesOf30Columns(benchmark::State& state) {
  const Profile hour = Table(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(Profile::FromBytes(hour.Bytes()));
  state.counters["bytes"] = static_cast<double>(hour.Bytes().size());
}
BENCHMARK(BytesOf30Columns)->Arg(40)->Arg(100'000)->Unit(benchmark::kMillisecond);

void BinsOf30Columns(benchmark::State& state) {
  const Profile hour = Table(100'000);
  std::vector<ColumnBins> bins;
  for (const ColumnProfile& column : hour.columns()) bins.push_back(ColumnBins::Of(column, 20));
  for (auto _ : state) {
    for (std::size_t i = 0; i < bins.size(); ++i) benchmark::DoNotOptimize(bins[i].Counts(hour.column(i)));
  }
}
BENCHMARK(BinsOf30Columns)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace mw::sketch
