// Making the engines and racing them.
#include "forest/engine_set.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "forest/binned_engine.h"
#include "forest/interleaved_engine.h"
#include "forest/masked_engine.h"
#include "forest/split_inputs.h"
#include "forest/walk_engine.h"

namespace mw::forest {
namespace {

constexpr std::size_t kBatches[] = {1, 8, 32, 1024};
/// Time given to one engine at one size; a run that takes longer is not repeated. Small forests are fast with any
/// engine, so they are given less.
constexpr Duration kWindowMin{5}, kWindowMax{150};
constexpr std::size_t kNodesPerMicro = 20;
/// One run takes at most about so long: fewer rows of forests that are slow.
constexpr double kRunSeconds = 0.002;
/// Sample rows are fewer for models with very many features.
constexpr std::size_t kSampleFloatsMax = std::size_t{1} << 18;
/// Rows on which engines are held against the walk: more than the widest block, fewer when a row visits many nodes.
constexpr std::size_t kCheckedRowsMin = 65, kCheckedRowsMax = 257;
constexpr std::size_t kCheckedVisits = 2'000'000;
/// Every so many values of them one is infinite.
constexpr std::size_t kInfiniteEach = 31;
/// An engine that is so much slower than another at one size is not tried at the next greater.
constexpr double kHopeless = 3;
/// Engines within that of the fastest are as good as it: the first of the preferred ones is taken, so that loading
/// again mostly chooses again.
constexpr double kTie = 1.08;

// In the order of preference.
constexpr Engine kForOneRow[] = {Engine::kMaskedAvx512, Engine::kMaskedAvx2, Engine::kInterleaved,
                                 Engine::kBinnedAvx512, Engine::kBinnedAvx2, Engine::kBinnedSse,
                                 Engine::kWalk};
constexpr Engine kForBatches[] = {Engine::kBinnedAvx512, Engine::kBinnedAvx2, Engine::kBinnedSse,
                                  Engine::kMaskedAvx512, Engine::kMaskedAvx2, Engine::kInterleaved,
                                  Engine::kWalk};

/// Rows a second at the best run within the window.
template <typename Sum>
double RowsPerSecond(const SumEngine<Sum>& engine, const std::vector<float>& rows, std::size_t width, std::size_t batch,
                     Duration window, std::vector<Sum>& sums) {
  const RealClock clock;
  const std::size_t batches = rows.size() / (width * batch);
  double best = 0;
  const Duration end = clock.Elapsed() + window;
  Duration now = clock.Elapsed();
  // Runs of many batches, because the clock ticks in microseconds.
  for (std::size_t repeats = 1; best == 0 || now < end; repeats = std::min<std::size_t>(2 * repeats, 64)) {
    const Duration begin = now;
    for (std::size_t i = 0; i < repeats; ++i)
      engine.AddUp(rows.data() + i % batches * width * batch, batch, sums.data());
    now = clock.Elapsed();
    const double micros = std::max(static_cast<double>((now - begin).count()), 0.5);
    best = std::max(best, static_cast<double>(repeats * batch) * 1e6 / micros);
  }
  return best;
}

}  // namespace

std::vector<float> SampleRows(const Ensemble& ensemble, std::size_t count) {
  std::vector<std::vector<float>> values(ensemble.num_features);
  for (const Tree& tree : ensemble.trees) {
    for (const Node& node : tree.nodes) {
      if (!node.IsLeaf() && node.category_set == Node::kNone) values[node.feature].push_back(node.value);
    }
  }
  for (const CategorySet& set : ensemble.category_sets) {
    for (const std::uint32_t code : set.right) values[set.feature].push_back(static_cast<float>(code));
  }
  Random random(1);
  std::vector<float> rows(count * ensemble.num_features, 0.0F);
  for (std::size_t at = 0; at < rows.size(); ++at) {
    const std::vector<float>& known = values[at % ensemble.num_features];
    if (known.empty()) continue;
    const bool missing = random.Below(20) == 0;
    rows[at] = missing ? std::numeric_limits<float>::quiet_NaN() : known[random.Below(known.size())];
  }
  return rows;
}

template <typename Sum>
EngineSet<Sum>::EngineSet(const Ensemble& ensemble, Engines engines)
    : num_features_(ensemble.num_features), num_outputs_(ensemble.num_outputs), engines_(std::move(engines)) {
  LeaveOutWrongEngines(ensemble);
  Measure(ensemble);
}

template <typename Sum>
typename EngineSet<Sum>::Engines EngineSet<Sum>::EnginesOf(const Ensemble& ensemble) {
  Engines engines;
  const SplitInputs inputs(ensemble);
  const auto place = [&engines](Engine engine) -> auto& { return engines[static_cast<std::size_t>(engine)]; };
  place(Engine::kWalk) = std::make_unique<WalkEngine<Sum>>(ensemble);
  place(Engine::kInterleaved) = InterleavedEngine<Sum>::Make(ensemble, inputs);
  const auto layout = BinnedLayout<Sum>::Make(ensemble, inputs);
  for (const Engine engine : {Engine::kBinnedSse, Engine::kBinnedAvx2, Engine::kBinnedAvx512}) {
    place(engine) = BinnedEngine<Sum>::Make(engine, layout);
  }
  const auto masked = MaskedLayout<Sum>::Make(ensemble, inputs, layout);
  for (const Engine engine : {Engine::kMaskedAvx2, Engine::kMaskedAvx512}) {
    place(engine) = MaskedEngine<Sum>::Make(engine, masked);
  }
  return engines;
}

template <typename Sum>
std::size_t FirstOtherSum(const SumEngine<Sum>& definition, const SumEngine<Sum>& engine,
                          const std::vector<float>& rows, std::size_t count, std::size_t num_outputs) {
  std::vector<Sum> wanted(count * num_outputs), given(wanted.size());
  definition.AddUp(rows.data(), count, wanted.data());
  engine.AddUp(rows.data(), count, given.data());
  // Bytes, since a NaN equals itself and 0 is not -0.
  const std::size_t row_bytes = num_outputs * sizeof(Sum);
  std::size_t row = 0;
  while (row < count && std::memcmp(&wanted[row * num_outputs], &given[row * num_outputs], row_bytes) == 0) ++row;
  return row;
}

template <typename Sum>
void EngineSet<Sum>::LeaveOutWrongEngines(const Ensemble& ensemble) {
  std::size_t visits = 1;
  for (const Tree& tree : ensemble.trees) visits += tree.depth;
  const std::size_t fitting = std::max<std::size_t>(kSampleFloatsMax / num_features_, 1);
  const std::size_t count = std::min(std::clamp(kCheckedVisits / visits, kCheckedRowsMin, kCheckedRowsMax), fitting);
  std::vector<float> rows = SampleRows(ensemble, count);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < rows.size(); i += kInfiniteEach) rows[i] = i % 2 == 0 ? kInfinity : -kInfinity;
  for (std::size_t engine = 0; engine < kEngines; ++engine) {
    if (engines_[engine] == nullptr || static_cast<Engine>(engine) == Engine::kWalk) continue;
    const std::size_t row = FirstOtherSum(*Get(Engine::kWalk), *engines_[engine], rows, count, num_outputs_);
    if (row == count) continue;
    LogError(
        "an engine adds up otherwise than its definition on this machine and is left out",
        {{"engine", Json(EngineName(static_cast<Engine>(engine)))}, {"row", Json(static_cast<std::int64_t>(row))}});
    engines_[engine] = nullptr;
  }
}

template <typename Sum>
void EngineSet<Sum>::Measure(const Ensemble& ensemble) {
  const std::size_t most = std::clamp<std::size_t>(kSampleFloatsMax / num_features_, 1, kBatches[3]);
  const std::vector<float> rows = SampleRows(ensemble, most);
  std::vector<Sum> sums(most * num_outputs_);
  std::size_t nodes = 0;
  for (const Tree& tree : ensemble.trees) nodes += tree.nodes.size();
  const Duration window = std::clamp(Duration(nodes / kNodesPerMicro), kWindowMin, kWindowMax);
  std::array<bool, kEngines> hopeless{};
  // The definition is for what fits nothing else.
  hopeless[static_cast<std::size_t>(Engine::kWalk)] =
      engines_[static_cast<std::size_t>(Engine::kInterleaved)] != nullptr;
  std::array<double, kEngines> rates{};
  for (std::size_t size = 0; size < choices_.size(); ++size) {
    const std::array<double, kEngines> before = std::exchange(rates, {});
    for (std::size_t engine = 0; engine < kEngines; ++engine) {
      if (engines_[engine] == nullptr || hopeless[engine]) continue;
      std::size_t batch = std::min(kBatches[size], most);
      const std::size_t least = std::min(engines_[engine]->rows_at_once(), batch);
      if (size > 0) batch = std::clamp(static_cast<std::size_t>(before[engine] * kRunSeconds), least, batch);
      rates[engine] = RowsPerSecond(*engines_[engine], rows, num_features_, batch, window, sums);
    }
    const double best = *std::max_element(rates.begin(), rates.end());
    for (const Engine engine : size == 0 ? kForOneRow : kForBatches) {
      const double rate = rates[static_cast<std::size_t>(engine)];
      if (rate * kTie < best) continue;
      choices_[size] = {kBatches[size], engine, rate};
      break;
    }
    // A block costs the same for 8 rows as for all: only what is beaten at full blocks is out.
    if (kBatches[size] < 32) continue;
    for (std::size_t engine = 0; engine < kEngines; ++engine) hopeless[engine] |= rates[engine] * kHopeless < best;
  }
}

template <typename Sum>
Engine EngineSet<Sum>::EngineFor(std::size_t count) const {
  Engine engine = choices_[0].engine;
  for (const Choice& choice : choices_) {
    if (choice.rows <= count) engine = choice.engine;
  }
  return engine;
}

template <typename Sum>
void EngineSet<Sum>::AddUp(const float* rows, std::size_t count, Sum* sums) const {
  // Rows beyond the last full block are given to the engine for so few.
  while (count > 0) {
    const SumEngine<Sum>& engine = *Get(EngineFor(count));
    const std::size_t tail = count % engine.rows_at_once();
    const std::size_t some = count - tail > 0 && EngineFor(tail) != EngineFor(count) ? count - tail : count;
    engine.AddUp(rows, some, sums);
    rows += some * num_features_;
    sums += some * num_outputs_;
    count -= some;
  }
}

template <typename Sum>
std::string EngineSet<Sum>::Describe() const {
  std::string text;
  for (const Choice& choice : choices_) {
    CatTo(text, text.empty() ? "" : ", ", WithThousands(std::llround(choice.rows_per_second)), " (", choice.rows,
          choice.rows == 1 ? " row, " : " rows, ", EngineName(choice.engine), ")");
  }
  return text;
}

template <typename Sum>
std::size_t EngineSet<Sum>::memory_bytes() const {
  const auto of = [this](Engine engine) {
    const SumEngine<Sum>* const found = Get(engine);
    return found == nullptr ? 0 : found->memory_bytes();
  };
  // Engines of one kind share their layout.
  return of(Engine::kWalk) + of(Engine::kInterleaved) +
         std::max({of(Engine::kBinnedSse), of(Engine::kBinnedAvx2), of(Engine::kBinnedAvx512)}) +
         std::max(of(Engine::kMaskedAvx2), of(Engine::kMaskedAvx512));
}

template std::size_t FirstOtherSum(const SumEngine<float>&, const SumEngine<float>&, const std::vector<float>&,
                                   std::size_t, std::size_t);
template std::size_t FirstOtherSum(const SumEngine<double>&, const SumEngine<double>&, const std::vector<float>&,
                                   std::size_t, std::size_t);
template class EngineSet<float>;
template class EngineSet<double>;

}  // namespace mw::forest
