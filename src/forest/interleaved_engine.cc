// Layout once, then a loop without branches on data.
#include "forest/interleaved_engine.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

namespace mw::forest {
namespace {

constexpr std::size_t kTreeNodesMax = 65'536;
constexpr std::size_t kInterleavedInputsMax = 65'535;
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

bool Fits(const Ensemble& ensemble, const SplitInputs& inputs) {
  std::size_t table_entries = 0;
  for (const CategoryFeature& feature : inputs.categorical()) {
    table_entries += feature.count * (std::size_t{feature.code_max} + 3);
  }
  return inputs.size() < kInterleavedInputsMax && table_entries <= kTableEntriesMax &&
         std::all_of(ensemble.trees.begin(), ensemble.trees.end(),
                     [](const Tree& tree) { return tree.nodes.size() <= kTreeNodesMax; });
}

}  // namespace

template <typename Sum>
std::unique_ptr<InterleavedEngine<Sum>> InterleavedEngine<Sum>::Make(const Ensemble& ensemble,
                                                                     const SplitInputs& inputs) {
  if (!Fits(ensemble, inputs)) return nullptr;
  std::unique_ptr<InterleavedEngine> engine(new InterleavedEngine);
  engine->num_features_ = ensemble.num_features;
  engine->category_rule_ = ensemble.category_rule;
  engine->numeric_ = inputs.numeric();
  engine->num_inputs_ = inputs.size() + 1;
  for (const CategoryFeature& feature : inputs.categorical()) engine->AddTable(ensemble, feature);
  for (std::uint32_t output = 0; output < ensemble.num_outputs; ++output) {
    engine->base_margins_.push_back(static_cast<Sum>(ensemble.BaseMargin(output)));
  }
  std::vector<const Tree*> trees;
  for (const Tree& tree : ensemble.trees) trees.push_back(&tree);
  // Groups are of one output; within it the order of the trees stays.
  std::stable_sort(trees.begin(), trees.end(), [](const Tree* a, const Tree* b) { return a->output < b->output; });
  for (const Tree* tree : trees) engine->AddTree(*tree, inputs);
  return engine;
}

template <typename Sum>
void InterleavedEngine<Sum>::AddTree(const Tree& tree, const SplitInputs& inputs) {
  const auto begin = static_cast<std::uint32_t>(nodes_.size());
  if (groups_.empty() || groups_.back().count == kTreesAtOnce || groups_.back().output != tree.output) {
    Group group{};
    std::fill(std::begin(group.begin), std::end(group.begin), begin);  // absent trees repeat the first
    group.output = tree.output;
    groups_.push_back(group);
  }
  Group& group = groups_.back();
  group.begin[group.count++] = begin;
  group.depth = std::max(group.depth, tree.depth);
  for (std::size_t at = 0; at < tree.nodes.size(); ++at) nodes_.push_back(Packed(tree, at, inputs));
}

template <typename Sum>
typename InterleavedEngine<Sum>::PackedNode InterleavedEngine<Sum>::Packed(const Tree& tree, std::size_t at,
                                                                           const SplitInputs& inputs) {
  const Node& node = tree.nodes[at];
  if (!node.IsLeaf()) {
    // What an input has to exceed to go right.
    const std::int32_t value = node.category_set == Node::kNone ? OrderedBits(node.value) - 1 : 0;
    return {value, static_cast<std::uint16_t>(inputs.IndexOf(node)),
            static_cast<std::uint16_t>(static_cast<std::size_t>(node.left) - at)};
  }
  const auto input = static_cast<std::uint16_t>(num_inputs_ - 1);
  if constexpr (std::is_same_v<Sum, float>) {
    return {std::bit_cast<std::int32_t>(node.value), input, 0};
  } else {
    leaves_.push_back(tree.leaf_values[at]);
    return {static_cast<std::int32_t>(leaves_.size() - 1), input, 0};
  }
}

template <typename Sum>
void InterleavedEngine<Sum>::AddTable(const Ensemble& ensemble, const CategoryFeature& feature) {
  CategoryTable table{feature, numeric_.size() + feature.first, {}};
  const std::size_t missing = (std::size_t{feature.code_max} + 2) * feature.count;
  table.outcomes.assign(missing + feature.count, 0);
  for (std::size_t set = 0; set < feature.count; ++set) {
    const CategorySet& categories = ensemble.category_sets[feature.first + set];
    for (const std::uint32_t code : categories.right) table.outcomes[code * feature.count + set] = 1;
    if (!categories.default_left) table.outcomes[missing + set] = 1;
  }
  tables_.push_back(std::move(table));
}

template <typename Sum>
void InterleavedEngine<Sum>::FillInputs(const float* row, std::int32_t* inputs) const {
  for (std::size_t input = 0; input < numeric_.size(); ++input) {
    const float value = row[numeric_[input].feature];
    const std::int32_t missing = numeric_[input].default_left ? kLeast : kGreatest;
    inputs[input] = std::abs(value) > numeric_[input].MissingMax() ? OrderedBits(value) : missing;
  }
  for (const CategoryTable& table : tables_) {
    const CategoryFeature& feature = table.feature;
    const std::size_t entry = feature.TableRow(row[feature.feature], category_rule_) * feature.count;
    std::memcpy(inputs + table.first_input, table.outcomes.data() + entry, feature.count * sizeof(std::int32_t));
  }
  inputs[num_inputs_ - 1] = kLeast;
}

template <typename Sum>
Sum InterleavedEngine<Sum>::LeafValue(std::size_t node) const {
  if constexpr (std::is_same_v<Sum, float>) return std::bit_cast<float>(nodes_[node].value);
  return static_cast<Sum>(leaves_[static_cast<std::size_t>(nodes_[node].value)]);
}

template <typename Sum>
void InterleavedEngine<Sum>::AddGroups(const std::int32_t* inputs, Sum* sums) const {
  const PackedNode* nodes = nodes_.data();
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
    // In the order of the trees: the sum depends on it.
    Sum sum = sums[group.output];
    for (std::size_t k = 0; k < group.count; ++k) sum += LeafValue(at[k]);
    sums[group.output] = sum;
  }
}

template <typename Sum>
void InterleavedEngine<Sum>::AddUp(const float* rows, std::size_t count, Sum* sums) const {
  std::array<std::int32_t, kInputsOnStack> on_stack;
  std::unique_ptr<std::int32_t[]> allocated;
  std::int32_t* inputs = on_stack.data();
  if (num_inputs_ > kInputsOnStack) {
    allocated = std::make_unique_for_overwrite<std::int32_t[]>(num_inputs_);
    inputs = allocated.get();
  }
  for (std::size_t row = 0; row < count; ++row, sums += base_margins_.size()) {
    FillInputs(rows + row * num_features_, inputs);
    std::copy(base_margins_.begin(), base_margins_.end(), sums);
    AddGroups(inputs, sums);
  }
}

template <typename Sum>
std::size_t InterleavedEngine<Sum>::memory_bytes() const {
  std::size_t bytes = nodes_.capacity() * sizeof(PackedNode) + leaves_.capacity() * sizeof(double) +
                      groups_.capacity() * sizeof(Group) + numeric_.capacity() * sizeof(NumericInput);
  for (const CategoryTable& table : tables_) bytes += table.outcomes.capacity() * sizeof(std::int32_t);
  return bytes;
}

template class InterleavedEngine<float>;
template class InterleavedEngine<double>;

}  // namespace mw::forest
