// One pass over the players forwards, one backwards, for four nodes of the quadrature at a time.
#include "explain/path_game.h"

#include <cmath>
#include <numbers>

#include "base/assert.h"

namespace mw::explain {
namespace {

using Lanes = PathGame::Lanes;

/// The factor of a player whose conditions are met: in the coalition (t) or outside with its share (1 - t).
Lanes Factor(const Lanes& nodes, double share) {
  Lanes factor;
  for (std::size_t lane = 0; lane < factor.size(); ++lane) factor[lane] = nodes[lane] + (1 - nodes[lane]) * share;
  return factor;
}

void Multiply(Lanes& product, const Lanes& factor) {
  for (std::size_t lane = 0; lane < product.size(); ++lane) product[lane] *= factor[lane];
}

double Dot(const Lanes& a, const Lanes& b) {
  double sum = 0;
  for (std::size_t lane = 0; lane < a.size(); ++lane) sum += a[lane] * b[lane];
  return sum;
}

Lanes PowerOfComplement(const Lanes& nodes, std::size_t exponent) {
  Lanes power;
  power.fill(1);
  for (; exponent > 0; --exponent) {
    for (std::size_t lane = 0; lane < power.size(); ++lane) power[lane] *= 1 - nodes[lane];
  }
  return power;
}

/// The Legendre polynomial of that degree at x, and its derivative.
std::pair<double, double> Legendre(std::size_t degree, double x) {
  double before = 1;
  double value = x;
  for (std::size_t at = 2; at <= degree; ++at) {
    const auto k = static_cast<double>(at);
    before = ((2 * k - 1) * x * value - (k - 1) * before) / k;
    std::swap(before, value);
  }
  return {value, static_cast<double>(degree) * (x * value - before) / (x * x - 1)};
}

}  // namespace

PathGame::Rule PathGame::GaussLegendre(std::size_t size) {
  Rule rule;
  rule.nodes.resize((size + kLanes - 1) / kLanes, Lanes{});
  rule.weights = rule.nodes;
  for (std::size_t at = 0; at < size; ++at) {
    double x = std::cos(std::numbers::pi * (static_cast<double>(at) + 0.75) / (static_cast<double>(size) + 0.5));
    for (int round = 0; round < 100; ++round) {
      const auto [value, slope] = Legendre(size, x);
      const double step = value / slope;
      x -= step;
      if (std::abs(step) < 1e-16) break;
    }
    const double slope = Legendre(size, x).second;
    rule.nodes[at / kLanes][at % kLanes] = (1 + x) / 2;
    rule.weights[at / kLanes][at % kLanes] = 1 / ((1 - x * x) * slope * slope);
  }
  return rule;
}

PathGame::PathGame(std::size_t players_max) {
  for (std::size_t size = 0; size <= (players_max + 1) / 2; ++size) rules_.push_back(GaussLegendre(size));
}

void PathGame::AddValues(std::span<const Player> players, double leaf, Scratch& scratch, double* out) const {
  MW_ASSERT((players.size() + 1) / 2 < rules_.size());
  const Rule& rule = rules_[(players.size() + 1) / 2];
  std::size_t unmet = 0;
  for (const Player& player : players) {
    if (player.met) continue;
    ++unmet;
    leaf *= player.share;
  }
  scratch.resize(players.size());
  for (std::size_t chunk = 0; chunk < rule.nodes.size(); ++chunk) {
    const Lanes& nodes = rule.nodes[chunk];
    Lanes product = rule.weights[chunk];
    for (std::size_t at = 0; at < players.size(); ++at) {
      if (!players[at].met) continue;
      scratch[at] = product;
      Multiply(product, Factor(nodes, players[at].share));
    }
    // All players whose conditions are not met share one value: each takes the whole leaf away.
    Lanes rest = PowerOfComplement(nodes, unmet > 0 ? unmet - 1 : 0);
    const double taken = leaf * Dot(product, rest);
    if (unmet > 0) Multiply(rest, PowerOfComplement(nodes, 1));
    for (std::size_t at = players.size(); at-- > 0;) {
      if (!players[at].met) {
        out[at] -= taken;
        continue;
      }
      out[at] += leaf * (1 - players[at].share) * Dot(scratch[at], rest);
      Multiply(rest, Factor(nodes, players[at].share));
    }
  }
}

}  // namespace mw::explain
