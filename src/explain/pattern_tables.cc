// Cutting trees into groups, playing every game of a group beforehand, and looking the answers up.
#include "explain/pattern_tables.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "explain/cover.h"

namespace mw::explain {
namespace {

using forest::Node;
using forest::Tree;

/// A register's worth of masks.
constexpr std::size_t kFewRows = 16;

/// One split on the way from the root.
struct Step {
  std::size_t node = 0;
  bool right = false;
};

/// The subtree at `root` and the way to it.
struct Cut {
  std::size_t root = 0;
  std::vector<Step> path;
};

/// A feature on a leaf's path within a group: met when the pattern has all bits of `set` and none of `clear`.
struct GroupPlayer {
  std::uint32_t feature = 0;
  std::uint32_t set = 0, clear = 0;
  double share = 1;
};
struct GroupLeaf {
  double value = 0;
  std::vector<GroupPlayer> players;
};

GroupPlayer& PlayerOf(std::vector<GroupPlayer>& players, std::uint32_t feature) {
  for (GroupPlayer& player : players) {
    if (player.feature == feature) return player;
  }
  return players.emplace_back(GroupPlayer{feature, 0, 0, 1});
}

std::size_t Left(const Node& split) { return static_cast<std::size_t>(split.left); }

std::size_t CountFeatures(std::vector<std::uint32_t> features) {
  std::sort(features.begin(), features.end());
  return static_cast<std::size_t>(std::unique(features.begin(), features.end()) - features.begin());
}

/// Cuts a tree from the top into subtrees as large as a pattern's bits allow.
class Cutter {
 public:
  explicit Cutter(const Tree& tree) : tree_(tree), splits_below_(tree.nodes.size(), 0) {
    // Children stand behind their parents.
    for (std::size_t at = tree.nodes.size(); at-- > 0;) {
      const Node& node = tree.nodes[at];
      if (!node.IsLeaf()) splits_below_[at] = 1 + splits_below_[Left(node)] + splits_below_[Left(node) + 1];
    }
  }

  [[nodiscard]] std::size_t num_splits() const { return splits_below_[0]; }
  [[nodiscard]] std::size_t table_numbers() const { return table_numbers_; }
  [[nodiscard]] const std::vector<Cut>& cuts() const { return cuts_; }

  /// False when a leaf's path has more features than a pattern has bits.
  bool Run(std::size_t at) {
    const std::size_t bits = CountFeatures(PathFeatures()) + splits_below_[at];
    if (bits <= PatternTables::kBitsMax) {
      std::vector<std::uint32_t> features = PathFeatures();
      CollectFeatures(at, features);
      table_numbers_ += CountFeatures(std::move(features)) << bits;
      if (bits > 0) cuts_.push_back({at, path_});
      return true;
    }
    if (tree_.nodes[at].IsLeaf()) return false;
    return Enter(at, false) && Enter(at, true);
  }

 private:
  [[nodiscard]] std::vector<std::uint32_t> PathFeatures() const {
    std::vector<std::uint32_t> features;
    for (const Step& step : path_) features.push_back(tree_.nodes[step.node].feature);
    return features;
  }
  void CollectFeatures(std::size_t at, std::vector<std::uint32_t>& features) const {
    const Node& node = tree_.nodes[at];
    if (node.IsLeaf()) return;
    features.push_back(node.feature);
    CollectFeatures(Left(node), features);
    CollectFeatures(Left(node) + 1, features);
  }
  bool Enter(std::size_t at, bool right) {
    path_.push_back({at, right});
    const bool fits = Run(Left(tree_.nodes[at]) + (right ? 1 : 0));
    path_.pop_back();
    return fits;
  }

  const Tree& tree_;
  std::vector<std::size_t> splits_below_;
  std::size_t table_numbers_ = 0;
  std::vector<Step> path_;
  std::vector<Cut> cuts_;
};

/// Which conditions make up the bits of a group's patterns, and its leaves with what they ask of them.
class Conditions {
 public:
  Conditions(const Tree& tree, const std::vector<std::uint32_t>& split_of, const Cut& cut)
      : tree_(tree), split_of_(split_of) {
    std::vector<GroupPlayer> players;
    for (const Step& step : cut.path) AddStep(step, players);
    AddSubtree(cut.root, players);
  }

  /// Of each bit, the literals that all have to hold.
  std::vector<std::vector<std::uint32_t>> bits;
  std::vector<GroupLeaf> leaves;

 private:
  /// The conditions of one feature on the common path are one bit.
  void AddStep(const Step& step, std::vector<GroupPlayer>& players) {
    const Node& split = tree_.nodes[step.node];
    GroupPlayer& player = PlayerOf(players, split.feature);
    if (player.set == 0) {
      player.set = 1U << bits.size();
      bits.emplace_back();
    }
    const double left = LeftShare(tree_, split);
    player.share *= step.right ? 1 - left : left;
    const auto bit = static_cast<std::size_t>(&player - players.data());
    bits[bit].push_back(2 * split_of_[step.node] + (step.right ? 1 : 0));
  }

  /// Each split within the subtree is a bit: set when the row goes left.
  void AddSubtree(std::size_t at, const std::vector<GroupPlayer>& players) {
    const Node& node = tree_.nodes[at];
    if (node.IsLeaf()) {
      leaves.push_back({static_cast<double>(node.value), players});
      return;
    }
    const std::uint32_t bit = 1U << bits.size();
    bits.push_back({2 * split_of_[at]});
    const double left = LeftShare(tree_, node);
    for (const bool right : {false, true}) {
      std::vector<GroupPlayer> further = players;
      GroupPlayer& player = PlayerOf(further, node.feature);
      (right ? player.clear : player.set) |= bit;
      player.share *= right ? 1 - left : left;
      AddSubtree(Left(node) + (right ? 1 : 0), further);
    }
  }

  const Tree& tree_;
  const std::vector<std::uint32_t>& split_of_;
};

/// The distinct features of all leaves, in order.
std::vector<std::uint32_t> FeaturesOf(const std::vector<GroupLeaf>& leaves) {
  std::vector<std::uint32_t> features;
  for (const GroupLeaf& leaf : leaves) {
    for (const GroupPlayer& player : leaf.players) features.push_back(player.feature);
  }
  std::sort(features.begin(), features.end());
  features.erase(std::unique(features.begin(), features.end()), features.end());
  return features;
}

/// Plays one leaf for every pattern and adds its values to the table.
void Play(const GroupLeaf& leaf, const PathGame& game, const std::vector<std::uint32_t>& features,
          std::size_t num_patterns, double* table) {
  std::vector<Player> players;
  std::vector<std::size_t> slots;
  for (const GroupPlayer& player : leaf.players) {
    players.push_back({player.feature, false, player.share});
    slots.push_back(static_cast<std::size_t>(std::lower_bound(features.begin(), features.end(), player.feature) -
                                             features.begin()));
  }
  std::vector<double> values(players.size());
  PathGame::Scratch scratch;
  for (std::size_t pattern = 0; pattern < num_patterns; ++pattern) {
    for (std::size_t at = 0; at < players.size(); ++at) {
      const GroupPlayer& player = leaf.players[at];
      players[at].met = (pattern & player.set) == player.set && (pattern & player.clear) == 0;
    }
    std::fill(values.begin(), values.end(), 0.0);
    game.AddValues(players, leaf.value, scratch, values.data());
    for (std::size_t at = 0; at < players.size(); ++at) table[pattern * features.size() + slots[at]] += values[at];
  }
}

std::uint32_t ColumnOf(std::vector<std::uint32_t>& columns, std::uint32_t feature) {
  const auto known = std::find(columns.begin(), columns.end(), feature);
  if (known != columns.end()) return static_cast<std::uint32_t>(known - columns.begin());
  columns.push_back(feature);
  return static_cast<std::uint32_t>(columns.size() - 1);
}

bool HasLargeCategory(const forest::Ensemble& ensemble, const Tree& tree) {
  return std::any_of(tree.nodes.begin(), tree.nodes.end(), [&](const Node& node) {
    return !node.IsLeaf() && node.category_set != Node::kNone &&
           ensemble.category_sets[static_cast<std::size_t>(node.category_set)].right.back() >
               PatternTables::kCategoryMax;
  });
}

/// 0 when missing, else one more than the category; what is no category has the greatest code, which no set lists.
std::uint16_t CodeOf(float value) {
  if (std::isnan(value)) return 0;
  const bool listed = value >= 0 && value < static_cast<float>(PatternTables::kCategoryMax + 1);
  return static_cast<std::uint16_t>(listed ? 1 + static_cast<std::size_t>(value) : PatternTables::kCategoryMax + 2);
}

template <std::size_t kFeatures>
void AddLines(const double* table, const std::uint32_t* features, const std::uint8_t* patterns, std::size_t count,
              double* phi, std::size_t width) {
  for (std::size_t row = 0; row < count; ++row, phi += width) {
    const double* line = table + patterns[row] * kFeatures;
    for (std::size_t at = 0; at < kFeatures; ++at) phi[features[at]] += line[at];
  }
}

using LineAdder = void (*)(const double*, const std::uint32_t*, const std::uint8_t*, std::size_t, double*, std::size_t);
template <std::size_t... kSizes>
constexpr std::array<LineAdder, sizeof...(kSizes)> LineAdders(std::index_sequence<kSizes...>) {
  return {AddLines<kSizes + 1>...};
}
/// By the number of features, from 1.
constexpr auto kLineAdders = LineAdders(std::make_index_sequence<PatternTables::kBitsMax>());

}  // namespace

bool PatternTables::Add(const forest::Ensemble& ensemble, const Tree& tree, const PathGame& game,
                        std::size_t bytes_max) {
  Cutter cutter(tree);
  if (cutter.num_splits() > kSplitsMax || HasLargeCategory(ensemble, tree) || !cutter.Run(0)) return false;
  if ((table_.size() + cutter.table_numbers()) * sizeof(double) > bytes_max) return false;
  trees_.push_back({splits_.size(), cutter.num_splits(), groups_.size(), cutter.cuts().size()});
  std::vector<std::uint32_t> split_of(tree.nodes.size());
  for (std::size_t at = 0; at < tree.nodes.size(); ++at) {
    if (tree.nodes[at].IsLeaf()) continue;
    split_of[at] = static_cast<std::uint32_t>(splits_.size() - trees_.back().first_split);
    AddSplit(ensemble, tree.nodes[at]);
  }
  for (const Cut& cut : cutter.cuts()) {
    const Conditions conditions(tree, split_of, cut);
    const std::vector<std::uint32_t> features = FeaturesOf(conditions.leaves);
    Group group{table_.size(),
                static_cast<std::uint32_t>(bits_.size()),
                static_cast<std::uint8_t>(conditions.bits.size()),
                static_cast<std::uint8_t>(features.size()),
                {}};
    std::copy(features.begin(), features.end(), group.features);
    for (const std::vector<std::uint32_t>& bit : conditions.bits) {
      bits_.push_back({static_cast<std::uint32_t>(literals_.size()), static_cast<std::uint32_t>(bit.size())});
      literals_.insert(literals_.end(), bit.begin(), bit.end());
    }
    const std::size_t num_patterns = std::size_t{1} << group.num_bits;
    table_.resize(table_.size() + num_patterns * features.size());
    for (const GroupLeaf& leaf : conditions.leaves) {
      Play(leaf, game, features, num_patterns, table_.data() + group.table);
    }
    groups_.push_back(group);
  }
  return true;
}

void PatternTables::AddSplit(const forest::Ensemble& ensemble, const Node& node) {
  Split split;
  split.default_left = node.default_left;
  if (node.category_set == Node::kNone) {
    split.column = ColumnOf(number_columns_, node.feature);
    split.threshold = node.value;
  } else {
    const forest::CategorySet& set = ensemble.category_sets[static_cast<std::size_t>(node.category_set)];
    split.by_category = true;
    split.column = ColumnOf(category_columns_, node.feature);
    split.first_code = code_left_.size();
    split.num_codes = set.right.back() + 2;
    code_left_.resize(code_left_.size() + split.num_codes, 255);
    std::uint8_t* codes = code_left_.data() + split.first_code;
    codes[0] = node.default_left ? 255 : 0;
    for (const std::uint32_t category : set.right) codes[1 + category] = 0;
  }
  splits_.push_back(split);
}

void PatternTables::LoadBlock(const float* rows, std::size_t count, std::size_t num_features, Scratch& scratch) const {
  scratch.columns.assign(number_columns_.size() * kRowsAtOnce, 0.0F);
  for (std::size_t column = 0; column < number_columns_.size(); ++column) {
    float* out = scratch.columns.data() + column * kRowsAtOnce;
    const float* in = rows + number_columns_[column];
    for (std::size_t row = 0; row < count; ++row) out[row] = in[row * num_features];
  }
  scratch.codes.assign(category_columns_.size() * kRowsAtOnce, 0);
  for (std::size_t column = 0; column < category_columns_.size(); ++column) {
    std::uint16_t* out = scratch.codes.data() + column * kRowsAtOnce;
    const float* in = rows + category_columns_[column];
    for (std::size_t row = 0; row < count; ++row) out[row] = CodeOf(in[row * num_features]);
  }
}

template <std::size_t kLanes>
void PatternTables::Evaluate(const Split& split, const Scratch& scratch, Mask* masks) const {
  std::uint8_t* const left = masks[0].rows;
  std::uint8_t* const right = masks[1].rows;
  if (split.by_category) {
    const std::uint16_t* codes = scratch.codes.data() + split.column * kRowsAtOnce;
    const std::uint8_t* code_left = code_left_.data() + split.first_code;
    for (std::size_t row = 0; row < kLanes; ++row) {
      left[row] = codes[row] < split.num_codes ? code_left[codes[row]] : 255;
    }
  } else {
    const float* values = scratch.columns.data() + split.column * kRowsAtOnce;
    // A comparison with NaN is false: asked the one way or the other, a missing value goes where it should.
    if (split.default_left) {
      for (std::size_t row = 0; row < kLanes; ++row) left[row] = values[row] >= split.threshold ? 0 : 255;
    } else {
      for (std::size_t row = 0; row < kLanes; ++row) left[row] = values[row] < split.threshold ? 255 : 0;
    }
  }
  for (std::size_t row = 0; row < kLanes; ++row) right[row] = static_cast<std::uint8_t>(~left[row]);
}

template <std::size_t kLanes>
void PatternTables::AddGroup(const Group& group, const Mask* masks, std::size_t count, double* phi,
                             std::size_t width) const {
  Mask patterns;
  std::fill_n(patterns.rows, kLanes, std::uint8_t{0});
  for (std::size_t at = 0; at < group.num_bits; ++at) {
    const Bit& bit = bits_[group.first_bit + at];
    Mask holds;
    std::fill_n(holds.rows, kLanes, static_cast<std::uint8_t>(1U << at));
    for (std::size_t literal = 0; literal < bit.num_literals; ++literal) {
      const Mask& mask = masks[literals_[bit.first_literal + literal]];
      for (std::size_t row = 0; row < kLanes; ++row) holds.rows[row] &= mask.rows[row];
    }
    for (std::size_t row = 0; row < kLanes; ++row) patterns.rows[row] |= holds.rows[row];
  }
  kLineAdders[group.num_features - 1U](table_.data() + group.table, group.features, patterns.rows, count, phi, width);
}

template <std::size_t kLanes>
void PatternTables::AddTrees(Scratch& scratch, std::size_t count, double* phi, std::size_t width) const {
  for (const TabledTree& tree : trees_) {
    scratch.masks.resize(2 * tree.num_splits);
    for (std::size_t split = 0; split < tree.num_splits; ++split) {
      Evaluate<kLanes>(splits_[tree.first_split + split], scratch, scratch.masks.data() + 2 * split);
    }
    for (std::size_t group = 0; group < tree.num_groups; ++group) {
      AddGroup<kLanes>(groups_[tree.first_group + group], scratch.masks.data(), count, phi, width);
    }
  }
}

void PatternTables::AddValues(const float* rows, std::size_t count, std::size_t num_features, Scratch& scratch,
                              double* phi, std::size_t width) const {
  LoadBlock(rows, count, num_features, scratch);
  if (count <= kFewRows) return AddTrees<kFewRows>(scratch, count, phi, width);
  AddTrees<kRowsAtOnce>(scratch, count, phi, width);
}

}  // namespace mw::explain
