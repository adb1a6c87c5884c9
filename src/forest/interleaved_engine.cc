// Layout once, then a loop without branches on data.
#include "forest/interleaved_engine.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>

namespace mw::forest {
namespace {

constexpr std::size_t kTreesAtOnce = 8;
constexpr std::size_t kTreeNodesMax = 65'536;
constexpr std::size_t kInputsMax = 65'535;
constexpr std::size_t kTableEntriesMax = std::size_t{4} << 20;
/// Inputs that fit the stack; more are allocated once for each call.
constexpr std::size_t kInputsOnStack = 4'096;
constexpr std::int32_t kLeast = std::numeric_limits<std::int32_t>::min();
constexpr std::int32_t kGreatest = std::numeric_limits<std::int32_t>::max();

/// Integers in the order of the floats; both zeros are one. No float but NaN becomes kLeast or kGreatest.
std::int32_t OrderedBits(float value) {
  const auto bits = std::bit_cast<std::int32_t>(value + 0.0F);
  return bits < 0 ? bits ^ kGreatest : bits;
}

/// What an input has to exceed to go right at the node.
std::int32_t PackedValue(const Node& node) {
  if (node.IsLeaf()) return std::bit_cast<std::int32_t>(node.value);
  return node.category_set == Node::kNone ? OrderedBits(node.value) - 1 : 0;
}

bool Fits(const Ensemble& ensemble, const SplitInputs& inputs) {
  std::size_t table_entries = 0;
  for (const CategoryFeature& feature : inputs.categorical()) {
    table_entries += feature.count * (std::size_t{feature.code_max} + 3);
  }
  return inputs.size() < kInputsMax && table_entries <= kTableEntriesMax &&
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
    const std::size_t input = node.IsLeaf() ? num_inputs_ - 1 : inputs.IndexOf(node);
    const std::size_t left = node.IsLeaf() ? 0 : static_cast<std::size_t>(node.left) - at;
    nodes_.push_back({PackedValue(node), static_cast<std::uint16_t>(input), static_cast<std::uint16_t>(left)});
  }
}

void InterleavedEngine::AddTable(const Ensemble& ensemble, const CategoryFeature& feature) {
  CategoryTable table{feature.feature, feature.code_max + 1, numeric_.size() + feature.first, feature.count, {}};
  const std::size_t missing = (std::size_t{table.num_codes} + 1) * feature.count;
  table.outcomes.assign(missing + feature.count, 0);
  for (std::size_t set = 0; set < feature.count; ++set) {
    const CategorySet& categories = ensemble.category_sets[feature.first + set];
    for (const std::uint32_t code : categories.right) table.outcomes[code * feature.count + set] = 1;
    if (!categories.default_left) table.outcomes[missing + set] = 1;
  }
  tables_.push_back(std::move(table));
}

const std::int32_t* InterleavedEngine::CategoryTable::Outcomes(float value) const {
  std::size_t code = num_codes;
  if (IsCategory(value)) code = std::min(static_cast<std::uint32_t>(value), num_codes);
  if (std::isnan(value)) code = num_codes + 1;
  return outcomes.data() + code * num_sets;
}

void InterleavedEngine::FillInputs(const float* row, std::int32_t* inputs) const {
  for (std::size_t input = 0; input < numeric_.size(); ++input) {
    const float value = row[numeric_[input].feature];
    const std::int32_t missing = numeric_[input].default_left ? kLeast : kGreatest;
    inputs[input] = value == value ? OrderedBits(value) : missing;
  }
  for (const CategoryTable& table : tables_) {
    std::memcpy(inputs + table.first_input, table.Outcomes(row[table.feature]), table.num_sets * sizeof(std::int32_t));
  }
  inputs[num_inputs_ - 1] = kLeast;
}

float InterleavedEngine::Margin(const std::int32_t* inputs) const {
  const PackedNode* nodes = nodes_.data();
  float margin = base_margin_;
  for (const Group& group : groups_) {
    std::array<std::size_t, kTreesAtOnce> at;
    std::copy_n(group.begin, kTreesAtOnce, at.begin());
    for (std::uint32_t level = 0; level < group.depth; ++level) {
#pragma GCC unroll 8
      for (std::size_t k = 0; k < kTreesAtOnce; ++k) {
        const PackedNode& node = nodes[at[k]];
        at[k] += std::size_t{node.left} + (inputs[node.input] > node.value ? 1U : 0U);
      }
    }
    // In the order of the trees: the sum of floats depends on it.
    for (std::size_t k = 0; k < group.count; ++k) margin += std::bit_cast<float>(nodes[at[k]].value);
  }
  return margin;
}

void InterleavedEngine::Margins(const float* rows, std::size_t count, float* margins) const {
  std::array<std::int32_t, kInputsOnStack> on_stack;
  std::unique_ptr<std::int32_t[]> allocated;
  std::int32_t* inputs = on_stack.data();
  if (num_inputs_ > kInputsOnStack) {
    allocated = std::make_unique_for_overwrite<std::int32_t[]>(num_inputs_);
    inputs = allocated.get();
  }
  for (std::size_t row = 0; row < count; ++row) {
    FillInputs(rows + row * num_features_, inputs);
    margins[row] = Margin(inputs);
  }
}

}  // namespace mw::forest
