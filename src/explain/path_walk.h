// The general way to the Shapley values of a tree: one row down every path, each leaf a game of its own.
// Explains any tree that the forest can hold, in time leaves * depth^2 and memory that grows with the depth
// alone; also what the tables (pattern_tables.h) are compared with. One thread for each object.
#pragma once

#include <vector>

#include "explain/path_game.h"
#include "forest/ensemble.h"

namespace mw::explain {

class PathWalk {
 public:
  /// Both outlive the walk; the game is able to play every path, the covers are good (cover.h).
  PathWalk(const forest::Ensemble& ensemble, const PathGame& game) : ensemble_(ensemble), game_(game) {}

  /// Adds the values of one tree for one row to phi, by feature.
  void AddValues(const forest::Tree& tree, const float* row, double* phi);

 private:
  void Visit(const forest::Node& node);
  void Descend(std::uint32_t feature, std::int32_t child, double share, bool met);
  void Leaf(double value);

  const forest::Ensemble& ensemble_;
  const PathGame& game_;
  const forest::Tree* tree_ = nullptr;
  const float* row_ = nullptr;
  double* phi_ = nullptr;
  std::vector<Player> players_;
  std::vector<double> values_;
  PathGame::Scratch scratch_;
};

}  // namespace mw::explain
