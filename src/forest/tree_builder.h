// From a format's own arrays to trees: every parser says what a node is, and these collect the category sets and put
// the nodes level by level, refusing what is no tree. Pure, one thread.
// Invariant: what Build returns holds ensemble.h's invariant, whatever the arrays said.
#pragma once

#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "forest/ensemble.h"
#include "forest/limits.h"

namespace mw::forest {

/// Collects the distinct category sets; their final numbers are in the order of the sets.
class CategorySets {
 public:
  std::int32_t Add(CategorySet set);
  /// Moves the sets out, ordered, and renumbers the nodes that used them.
  std::vector<CategorySet> Finish(std::vector<Tree>& trees);

 private:
  std::map<CategorySet, std::int32_t> sets_;
};

/// One node of a file's tree. Children are places in that tree.
struct RawNode {
  Node node;
  bool leaf = false;
  std::int64_t left = 0, right = 0;
  double leaf_value = 0;
};

/// Which places a builder has seen, kept from one tree to the next so that each costs what it holds.
struct Reached {
  std::vector<std::uint32_t> marks;
  std::uint32_t tree = 0;
};

/// Builds one tree. `describe(place, RawNode&) -> Status` reads the node at a place in [0, size).
class TreeBuilder {
 public:
  TreeBuilder(std::size_t size, bool double_precision, Reached& reached)
      : size_(size), double_precision_(double_precision), reached_(reached) {
    if (reached_.marks.size() < size) reached_.marks.resize(size);
    ++reached_.tree;
  }

  template <typename Describe>
  Result<Tree> Build(std::int64_t root, const Describe& describe) {
    if (size_ == 0) return InvalidArgument("it has no nodes");
    TRY(Reach(root));
    // order_ grows while its nodes are appended: children come behind their parents.
    for (std::size_t at = 0; at < order_.size(); ++at) {
      if (at == level_end_) TRY(NextLevel());
      RawNode raw;
      TRY(describe(order_[at], raw));
      TRY(Add(raw));
    }
    return std::move(tree_);
  }
  /// The file's places of the nodes of the tree just built.
  [[nodiscard]] const std::vector<std::size_t>& order() const { return order_; }

 private:
  Status Reach(std::int64_t place);
  Status NextLevel();
  Status Add(RawNode& raw);

  const std::size_t size_;
  const bool double_precision_;
  Reached& reached_;
  std::vector<std::size_t> order_;
  std::size_t level_end_ = 1;
  Tree tree_;
};

/// Sorted, no doubles. Errors: kInvalidArgument for a category outside [0, kCategoryEnd), or none at all.
Status FillSet(const std::vector<std::int64_t>& categories, CategorySet& set);

}  // namespace mw::forest
