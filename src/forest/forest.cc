// The door: parses, lets every engine that fits lay the trees out, and picks one for each batch.
#include "forest/forest.h"

#include <algorithm>
#include <array>
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

/// The trees of one output in every layout that fits them.
struct Layout {
  explicit Layout(Ensemble parsed) : ensemble(std::move(parsed)) {
    const SplitInputs inputs(ensemble);
    interleaved = InterleavedEngine::Make(ensemble, inputs);
    binned = BinnedEngine::Make(ensemble, inputs);
  }
  [[nodiscard]] bool Fits(Engine engine) const {
    switch (engine) {
      case Engine::kWalk: return true;
      case Engine::kInterleaved: return interleaved.has_value();
      case Engine::kBinned: return binned.has_value();
    }
    return false;
  }
  [[nodiscard]] Engine EngineFor(std::size_t count) const;
  void MarginsOn(Engine engine, const float* rows, std::size_t count, float* out) const;
  void Margins(const float* rows, std::size_t count, float* out) const;

  Ensemble ensemble;
  std::optional<InterleavedEngine> interleaved;
  std::optional<BinnedEngine> binned;
};

/// What all outputs share, and the trees of each.
struct Plan {
  explicit Plan(Ensemble parsed) : head(std::move(parsed)) {
    if (head.num_outputs == 1) {
      outputs.emplace_back(head);
    } else {
      for (std::uint32_t output = 0; output < head.num_outputs; ++output) outputs.emplace_back(OneOutput(head, output));
    }
    for (const Tree& tree : head.trees) max_depth = std::max(max_depth, tree.depth);
    num_trees = head.trees.size();
    head.trees.clear();
    head.category_sets.clear();
  }

  Ensemble head;  ///< without trees
  std::vector<Layout> outputs;
  std::size_t num_trees = 0;
  std::uint32_t max_depth = 0;
};

namespace {

/// A block of the binned engine costs about as much as this many single rows (bench/forest_bench.cc).
constexpr std::size_t kBinnedRowsMin = 8;
/// Rows of several outputs that are worked on at once: their margins of one output fit the stack.
constexpr std::size_t kRowsOnStack = 8 * BinnedEngine::kRowsAtOnce;

/// Writes each output's margins of a few rows between those of the others.
template <typename Margins>
void Interleave(const Plan& plan, std::span<const float> rows, std::size_t count, float* out, const Margins& margins) {
  const std::size_t width = plan.head.num_features, outputs = plan.outputs.size();
  std::array<float, kRowsOnStack> own;
  for (std::size_t begin = 0; begin < count; begin += kRowsOnStack) {
    const std::size_t some = std::min(kRowsOnStack, count - begin);
    for (std::size_t output = 0; output < outputs; ++output) {
      margins(plan.outputs[output], rows.data() + begin * width, some, own.data());
      for (std::size_t row = 0; row < some; ++row) out[(begin + row) * outputs + output] = own[row];
    }
  }
}

}  // namespace

Engine Layout::EngineFor(std::size_t count) const {
  if (count >= kBinnedRowsMin && binned) return Engine::kBinned;
  return interleaved ? Engine::kInterleaved : Engine::kWalk;
}

void Layout::MarginsOn(Engine engine, const float* rows, std::size_t count, float* out) const {
  switch (engine) {
    case Engine::kWalk: WalkMargins(ensemble, rows, count, out); break;
    case Engine::kInterleaved: interleaved->Margins(rows, count, out); break;
    case Engine::kBinned: binned->Margins(rows, count, out); break;
  }
}

void Layout::Margins(const float* rows, std::size_t count, float* out) const {
  // A few rows beyond the last full block are cheaper one by one than as a padded block.
  const std::size_t tail = count % BinnedEngine::kRowsAtOnce;
  const std::size_t head = EngineFor(count) == EngineFor(tail) ? count : count - tail;
  if (head > 0) MarginsOn(EngineFor(count), rows, head, out);
  if (head < count) MarginsOn(EngineFor(tail), rows + head * ensemble.num_features, count - head, out + head);
}

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

std::size_t Forest::num_features() const { return plan_->head.num_features; }
std::size_t Forest::num_outputs() const { return plan_->outputs.size(); }
std::size_t Forest::num_trees() const { return plan_->num_trees; }
std::size_t Forest::max_depth() const { return plan_->max_depth; }
const std::vector<std::string>& Forest::feature_names() const { return plan_->head.feature_names; }
const std::vector<std::string>& Forest::feature_types() const { return plan_->head.feature_types; }
Objective Forest::objective() const { return plan_->head.objective; }
float Forest::base_score() const { return plan_->head.base_score; }

bool Forest::Fits(Engine engine) const {
  return std::all_of(plan_->outputs.begin(), plan_->outputs.end(),
                     [engine](const Layout& output) { return output.Fits(engine); });
}

Engine Forest::EngineFor(std::size_t count) const { return plan_->outputs.front().EngineFor(count); }

void Forest::PredictMarginOn(Engine engine, std::span<const float> rows, std::size_t count,
                             std::span<float> out) const {
  MW_ASSERT(rows.size() == count * num_features() && out.size() >= count * num_outputs() && Fits(engine));
  if (num_outputs() == 1) return plan_->outputs.front().MarginsOn(engine, rows.data(), count, out.data());
  Interleave(*plan_, rows, count, out.data(),
             [engine](const Layout& output, const float* some_rows, std::size_t some, float* margins) {
               output.MarginsOn(engine, some_rows, some, margins);
             });
}

void Forest::PredictMargin(std::span<const float> rows, std::size_t count, std::span<float> out) const {
  MW_ASSERT(rows.size() == count * num_features() && out.size() >= count * num_outputs());
  if (num_outputs() == 1) return plan_->outputs.front().Margins(rows.data(), count, out.data());
  Interleave(*plan_, rows, count, out.data(),
             [](const Layout& output, const float* some_rows, std::size_t some, float* margins) {
               output.Margins(some_rows, some, margins);
             });
}

void Forest::Predict(std::span<const float> rows, std::size_t count, std::span<float> out) const {
  PredictMargin(rows, count, out);
  Transform(objective(), num_outputs(), out.first(count * num_outputs()));
}

std::string Forest::Describe() const {
  return Cat(num_trees(), " trees of depth <= ", max_depth(), " over ", num_features(), " features",
             num_outputs() == 1 ? std::string() : Cat(" for ", num_outputs(), " classes"),
             "; 1 row: ", EngineName(EngineFor(1)), ", ", BinnedEngine::kRowsAtOnce,
             " rows: ", EngineName(EngineFor(BinnedEngine::kRowsAtOnce)));
}

}  // namespace mw::forest
