// Level by level from the root; what the root does not reach (nodes that pruning deleted) is left out.
#include "forest/tree_builder.h"

#include <algorithm>

#include "base/text.h"

namespace mw::forest {

std::int32_t CategorySets::Add(CategorySet set) {
  return sets_.try_emplace(std::move(set), static_cast<std::int32_t>(sets_.size())).first->second;
}

std::vector<CategorySet> CategorySets::Finish(std::vector<Tree>& trees) {
  std::vector<std::int32_t> position(sets_.size());
  std::vector<CategorySet> ordered;
  while (!sets_.empty()) {
    auto first = sets_.extract(sets_.begin());
    position[static_cast<std::size_t>(first.mapped())] = static_cast<std::int32_t>(ordered.size());
    ordered.push_back(std::move(first.key()));
  }
  for (Tree& tree : trees) {
    for (Node& node : tree.nodes) {
      if (node.category_set != Node::kNone) node.category_set = position[static_cast<std::size_t>(node.category_set)];
    }
  }
  return ordered;
}

Status TreeBuilder::Reach(std::int64_t place) {
  if (place < 0 || static_cast<std::size_t>(place) >= size_) {
    return InvalidArgument("node ", place, " is named as a child; it has ", size_, " nodes");
  }
  const auto node = static_cast<std::size_t>(place);
  if (reached_.marks[node] == reached_.tree) {
    return InvalidArgument("node ", place, " is reached twice: that is no tree");
  }
  reached_.marks[node] = reached_.tree;
  order_.push_back(node);
  return Ok();
}

Status TreeBuilder::NextLevel() {
  level_end_ = order_.size();
  if (++tree_.depth > kDepthMax) return ResourceExhausted("it is deeper than ", kDepthMax);
  return Ok();
}

Status TreeBuilder::Add(RawNode& raw) {
  const std::size_t place = order_[tree_.nodes.size()];
  if (raw.leaf) {
    const bool finite = std::isfinite(raw.node.value) && std::isfinite(raw.leaf_value);
    if (!finite) return InvalidArgument("leaf ", place, " is ", raw.node.value, "; the training diverged");
    raw.node.left = Node::kNone;
  } else {
    if (raw.node.category_set == Node::kNone && std::isnan(raw.node.value)) {
      return InvalidArgument("node ", place, ": its threshold is nan");
    }
    raw.node.left = static_cast<std::int32_t>(order_.size());
    TRY(Reach(raw.left));
    TRY(Reach(raw.right));
  }
  tree_.nodes.push_back(raw.node);
  if (double_precision_) tree_.leaf_values.push_back(raw.leaf ? raw.leaf_value : 0);
  return Ok();
}

Status FillSet(const std::vector<std::int64_t>& categories, CategorySet& set) {
  if (categories.empty()) return InvalidArgument("it splits by categories and lists none");
  for (const std::int64_t category : categories) {
    if (category < 0 || category >= static_cast<std::int64_t>(kCategoryEnd)) {
      return InvalidArgument("it lists the category ", category);
    }
    set.right.push_back(static_cast<std::uint32_t>(category));
  }
  std::sort(set.right.begin(), set.right.end());
  set.right.erase(std::unique(set.right.begin(), set.right.end()), set.right.end());
  return Ok();
}

}  // namespace mw::forest
