// Down every path with the players so far; the parser bounds the depth of the recursion.
#include "explain/path_walk.h"

#include <algorithm>

#include "explain/cover.h"
#include "forest/walk_engine.h"

namespace mw::explain {

void PathWalk::AddValues(const forest::Tree& tree, const float* row, double* phi) {
  tree_ = &tree;
  row_ = row;
  phi_ = phi;
  Visit(tree.nodes[0]);
}

void PathWalk::Visit(const forest::Node& node) {
  if (node.IsLeaf()) return Leaf(static_cast<double>(node.value));
  const double left_share = LeftShare(*tree_, node);
  const bool left = forest::GoesLeft(ensemble_, node, row_[node.feature]);
  Descend(node.feature, node.left, left_share, left);
  Descend(node.feature, node.left + 1, 1 - left_share, !left);
}

void PathWalk::Descend(std::uint32_t feature, std::int32_t child, double share, bool met) {
  const forest::Node& node = tree_->nodes[static_cast<std::size_t>(child)];
  const auto known =
      std::find_if(players_.begin(), players_.end(), [&](const Player& player) { return player.feature == feature; });
  if (known == players_.end()) {
    players_.push_back({feature, met, share});
    Visit(node);
    players_.pop_back();
    return;
  }
  const auto at = static_cast<std::size_t>(known - players_.begin());
  const Player before = players_[at];
  players_[at] = {feature, before.met && met, before.share * share};
  Visit(node);
  players_[at] = before;
}

void PathWalk::Leaf(double value) {
  values_.assign(players_.size(), 0.0);
  game_.AddValues(players_, value, scratch_, values_.data());
  for (std::size_t at = 0; at < players_.size(); ++at) phi_[players_[at].feature] += values_[at];
}

}  // namespace mw::explain
