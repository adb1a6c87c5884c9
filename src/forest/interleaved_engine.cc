// Layout once, then a loop without branches on data.
#include "forest/interleaved_engine.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>

namespace mw::forest {
namespace {

constexpr std::size_t kTreesAtOnce = 8;
constexpr std::size_t kTreeNodesMax = 65'536;
constexpr std::size_t kInputsMax = 65'535;
constexpr std::size_t kTableFloatsMax = std::size_t{4} << 20;
/// Inputs that fit the stack; more are allocated once for each call.
constexpr std::size_t kInputsOnStack = 4'096;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

bool Fits(const Ensemble& ensemble, const SplitInputs& inputs) {
  std::size_t table_floats = 0;
  for (const CategoryFeature& feature : inputs.categorical()) {
    table_floats += feature.count * (std::size_t{feature.code_max} + 3);
  }
  return inputs.size() < kInputsMax && table_floats <= kTableFloatsMax &&
         std::all_of(ensemble.trees.begin(), ensemble.trees.end(),
                     [](const Tree& tree) { return tree.nodes.size() <= kTreeNodesMax; });
}

}  // namespace

std::optional<InterleavedEngine> InterleavedEngine::Make(const Ensemble& ensemble, const SplitInputs& inputs) {
  if (!Fits(ensemble, inputs)) return std::nullopt;
  InterleavedEngine engine;
  engine.num_features_ = ensemble.num_features;
  engine.base_margin_ = ensemble.base_margin;
  engine.numeric_ = inputs.numeric();
  engine.num_inputs_ = inputs.size() + 1;
  for (const CategoryFeature& feature : inputs.categorical()) engine.AddTable(ensemble, feature);
  for (const Tree& tree : ensemble.trees) engine.AddTree(tree, inputs);
  return engine;
}

void InterleavedEngine::AddTree(const Tree& tree, const SplitInputs& inputs) {
  const auto begin = static_cast<std::uint32_t>(nodes_.size());
  if (groups_.empty() || groups_.back().count == kTreesAtOnce) {
    Group group{};
    std::fill(std::begin(group.begin), std::end(group.begin), begin);  // absent trees repeat the first
    groups_.push_back(group);
  }
  Group& group = groups_.back();
  group.begin[group.count++] = begin;
  group.depth = std::max(group.depth, tree.depth);
  for (std::size_t at = 0; at < tree.nodes.size(); ++at) {
    const Node& node = tree.nodes[at];
    const bool is_set = node.category_set != Node::kNone;
    const std::size_t input = node.IsLeaf() ? num_inputs_ - 1 : inputs.IndexOf(node);
    const std::size_t left = node.IsLeaf() ? 0 : static_cast<std::size_t>(node.left) - at;
    nodes_.push_back({is_set ? 0.5F : node.value, static_cast<std::uint16_t>(input), static_cast<std::uint16_t>(left)});
  }
}

void InterleavedEngine::AddTable(const Ensemble& ensemble, const CategoryFeature& feature) {
  CategoryTable table{feature.feature, feature.code_max + 1, numeric_.size() + feature.first, feature.count, {}};
  const std::size_t missing = (std::size_t{table.num_codes} + 1) * feature.count;
  table.outcomes.assign(missing + feature.count, 0.0F);
  for (std::size_t set = 0; set < feature.count; ++set) {
    const CategorySet& categories = ensemble.category_sets[feature.first + set];
    for (const std::uint32_t code : categories.right) table.outcomes[code * feature.count + set] = 1.0F;
    if (!categories.default_left) table.outcomes[missing + set] = 1.0F;
  }
  tables_.push_back(std::move(table));
}

const float* InterleavedEngine::CategoryTable::Outcomes(float value) const {
  std::size_t code = num_codes;
  if (IsCategory(value)) code = std::min(static_cast<std::uint32_t>(value), num_codes);
  if (std::isnan(value)) code = num_codes + 1;
  return outcomes.data() + code * num_sets;
}

void InterleavedEngine::FillInputs(const float* row, float* inputs) const {
  for (std::size_t input = 0; input < numeric_.size(); ++input) {
    const float value = row[numeric_[input].feature];
    const float missing = numeric_[input].default_left ? -kInfinity : kInfinity;
    inputs[input] = value == value ? value : missing;
  }
  for (const CategoryTable& table : tables_) {
    std::memcpy(inputs + table.first_input, table.Outcomes(row[table.feature]), table.num_sets * sizeof(float));
  }
  inputs[num_inputs_ - 1] = -kInfinity;
}

float InterleavedEngine::Margin(const float* inputs) const {
  const PackedNode* nodes = nodes_.data();
  float margin = base_margin_;
  for (const Group& group : groups_) {
    std::array<std::size_t, kTreesAtOnce> at;
    std::copy_n(group.begin, kTreesAtOnce, at.begin());
    for (std::uint32_t level = 0; level < group.depth; ++level) {
#pragma GCC unroll 8
      for (std::size_t k = 0; k < kTreesAtOnce; ++k) {
        const PackedNode& node = nodes[at[k]];
        at[k] += std::size_t{node.left} + (inputs[node.input] < node.value ? 0U : 1U);
      }
    }
    // In the order of the trees: the sum of floats depends on it.
    for (std::size_t k = 0; k < group.count; ++k) margin += nodes[at[k]].value;
  }
  return margin;
}

void InterleavedEngine::Margins(const float* rows, std::size_t count, float* margins) const {
  std::array<float, kInputsOnStack> on_stack;
  std::unique_ptr<float[]> allocated;
  float* inputs = on_stack.data();
  if (num_inputs_ > kInputsOnStack) {
    allocated = std::make_unique_for_overwrite<float[]>(num_inputs_);
    inputs = allocated.get();
  }
  for (std::size_t row = 0; row < count; ++row) {
    FillInputs(rows + row * num_features_, inputs);
    margins[row] = Margin(inputs);
  }
}

}  // namespace mw::forest
