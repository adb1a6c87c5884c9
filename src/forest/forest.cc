// The door: parses, lets every engine that fits lay the trees out, and picks one for each batch.
#include "forest/forest.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "base/text.h"
#include "forest/binned_engine.h"
#include "forest/ensemble.h"
#include "forest/interleaved_engine.h"
#include "forest/objective.h"
#include "forest/split_inputs.h"
#include "forest/walk_engine.h"
#include "forest/xgboost_json.h"

namespace mw::forest {

/// The forest in every layout that fits it.
struct Plan {
  explicit Plan(Ensemble parsed) : ensemble(std::move(parsed)) {
    const SplitInputs inputs(ensemble);
    interleaved = InterleavedEngine::Make(ensemble, inputs);
    binned = BinnedEngine::Make(ensemble, inputs);
  }

  Ensemble ensemble;
  std::optional<InterleavedEngine> interleaved;
  std::optional<BinnedEngine> binned;
};

namespace {

/// A block of the binned engine costs about as much as this many single rows (bench/forest_bench.cc).
constexpr std::size_t kBinnedRowsMin = 8;

}  // namespace

std::string_view EngineName(Engine engine) {
  switch (engine) {
    case Engine::kWalk: return "walk";
    case Engine::kInterleaved: return "interleaved";
    case Engine::kBinned: return "binned";
  }
  return "";
}

Forest::Forest(std::unique_ptr<const Plan> plan) : plan_(std::move(plan)) {}
Forest::Forest(Forest&&) noexcept = default;
Forest& Forest::operator=(Forest&&) noexcept = default;
Forest::~Forest() = default;

Result<Forest> Forest::FromXgboostJson(std::string_view json) {
  Ensemble ensemble = TRY(ParseXgboostJson(json));
  return Forest(std::make_unique<const Plan>(std::move(ensemble)));
}

std::size_t Forest::num_features() const { return plan_->ensemble.num_features; }
std::size_t Forest::num_trees() const { return plan_->ensemble.trees.size(); }

std::size_t Forest::max_depth() const {
  std::uint32_t depth = 0;
  for (const Tree& tree : plan_->ensemble.trees) depth = std::max(depth, tree.depth);
  return depth;
}

const std::vector<std::string>& Forest::feature_names() const { return plan_->ensemble.feature_names; }
const std::vector<std::string>& Forest::feature_types() const { return plan_->ensemble.feature_types; }
Objective Forest::objective() const { return plan_->ensemble.objective; }
float Forest::base_score() const { return plan_->ensemble.base_score; }

bool Forest::Fits(Engine engine) const {
  switch (engine) {
    case Engine::kWalk: return true;
    case Engine::kInterleaved: return plan_->interleaved.has_value();
    case Engine::kBinned: return plan_->binned.has_value();
  }
  return false;
}

Engine Forest::EngineFor(std::size_t count) const {
  if (count >= kBinnedRowsMin && plan_->binned) return Engine::kBinned;
  return plan_->interleaved ? Engine::kInterleaved : Engine::kWalk;
}

void Forest::PredictMarginOn(Engine engine, std::span<const float> rows, std::size_t count,
                             std::span<float> out) const {
  MW_ASSERT(rows.size() == count * num_features() && out.size() >= count && Fits(engine));
  switch (engine) {
    case Engine::kWalk: WalkMargins(plan_->ensemble, rows.data(), count, out.data()); break;
    case Engine::kInterleaved: plan_->interleaved->Margins(rows.data(), count, out.data()); break;
    case Engine::kBinned: plan_->binned->Margins(rows.data(), count, out.data()); break;
  }
}

void Forest::PredictMargin(std::span<const float> rows, std::size_t count, std::span<float> out) const {
  // A few rows beyond the last full block are cheaper one by one than as a padded block.
  const std::size_t tail = count % BinnedEngine::kRowsAtOnce;
  const std::size_t head = EngineFor(count) == EngineFor(tail) ? count : count - tail;
  const std::size_t split = head * num_features();
  if (head > 0) PredictMarginOn(EngineFor(count), rows.first(split), head, out);
  if (head < count) PredictMarginOn(EngineFor(tail), rows.subspan(split), count - head, out.subspan(head));
}

void Forest::Predict(std::span<const float> rows, std::size_t count, std::span<float> out) const {
  PredictMargin(rows, count, out);
  Transform(objective(), out.first(count));
}

std::string Forest::Describe() const {
  return Cat(num_trees(), " trees of depth <= ", max_depth(), " over ", num_features(),
             " features; 1 row: ", EngineName(EngineFor(1)), ", ", BinnedEngine::kRowsAtOnce,
             " rows: ", EngineName(EngineFor(BinnedEngine::kRowsAtOnce)));
}

}  // namespace mw::forest
