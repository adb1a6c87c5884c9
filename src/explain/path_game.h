// The Shapley values of one leaf of a tree. The players are the distinct features on the leaf's path; a
// coalition is worth the leaf's value times, for each player in it, 1 or 0 (the row goes that way or not)
// and, for each player outside, the share of the training rows that went that way.
//
// A Shapley weight s! (m-1-s)! / m! is the integral of t^s (1-t)^(m-1-s) over [0, 1], so the sum over all
// coalitions is the integral of a product of m-1 linear factors, and ceil(m/2) Gauss-Legendre nodes give it
// exactly. Every term is positive: nothing cancels, whatever the depth. Costs m * ceil(m/2) steps.
// Pure; immutable once made, any thread (each with a Scratch of its own).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace mw::explain {

struct Player {
  std::uint32_t feature = 0;
  bool met = false;  ///< the row fulfils all of the path's conditions on this feature
  double share = 0;  ///< of the training rows that fulfil them, in [0, 1]: the product over the feature's splits
};

class PathGame {
 public:
  static constexpr std::size_t kLanes = 4;
  using Lanes = std::array<double, kLanes>;
  using Scratch = std::vector<Lanes>;

  /// For leaves of at most that many players.
  explicit PathGame(std::size_t players_max);

  /// Adds the Shapley value of players[i] for a leaf of value `leaf` to out[i]. At most players_max players.
  void AddValues(std::span<const Player> players, double leaf, Scratch& scratch, double* out) const;

 private:
  /// Nodes and weights on [0, 1], filled up to whole lanes with weights of 0.
  struct Rule {
    std::vector<Lanes> nodes, weights;
  };
  static Rule GaussLegendre(std::size_t size);

  std::vector<Rule> rules_;  ///< by the number of nodes
};

}  // namespace mw::explain
