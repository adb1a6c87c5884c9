// Which trees are looked up and which are walked, and the blocks of rows.
#include "explain/tree_shap.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/text.h"
#include "explain/cover.h"
#include "explain/path_game.h"
#include "explain/path_walk.h"
#include "explain/pattern_tables.h"
#include "forest/xgboost_json.h"

namespace mw::explain {
namespace {

std::size_t PlayersMax(const forest::Ensemble& ensemble) {
  std::size_t depth = 0;
  for (const forest::Tree& tree : ensemble.trees) depth = std::max<std::size_t>(depth, tree.depth);
  return std::min<std::size_t>(depth, ensemble.num_features);
}

/// A tree's mean over the training rows, from its leaves upwards: children stand behind their parents.
double MeanOf(const forest::Tree& tree) {
  std::vector<double> means(tree.nodes.size());
  for (std::size_t at = tree.nodes.size(); at-- > 0;) {
    const forest::Node& node = tree.nodes[at];
    const auto left = static_cast<std::size_t>(node.left);
    const double share = node.IsLeaf() ? 0 : LeftShare(tree, node);
    means[at] = node.IsLeaf() ? static_cast<double>(node.value) : share * means[left] + (1 - share) * means[left + 1];
  }
  return means[0];
}

}  // namespace

struct TreeShap::Plan {
  Plan(const forest::Ensemble& ensemble, const TreeShapOptions& options)
      : num_features(ensemble.num_features),
        expected_value(static_cast<double>(ensemble.base_margin)),
        game(PlayersMax(ensemble)) {
    for (const forest::Tree& tree : ensemble.trees) {
      expected_value += MeanOf(tree);
      if (!tables.Add(ensemble, tree, game, options.table_bytes_max)) walked.trees.push_back(tree);
    }
    if (!walked.trees.empty()) walked.category_sets = ensemble.category_sets;
  }

  std::size_t num_features;
  double expected_value;
  PathGame game;
  PatternTables tables;
  forest::Ensemble walked;  ///< the trees that have no tables
};

TreeShap::TreeShap(std::unique_ptr<const Plan> plan) : plan_(std::move(plan)) {}
TreeShap::TreeShap(TreeShap&&) noexcept = default;
TreeShap& TreeShap::operator=(TreeShap&&) noexcept = default;
TreeShap::~TreeShap() = default;

Result<TreeShap> TreeShap::Make(const forest::Ensemble& ensemble, const TreeShapOptions& options) {
  TRY(CheckCovers(ensemble));
  if (options.output >= ensemble.num_outputs) {
    return InvalidArgument("output ", options.output, " cannot be explained; the model has ", ensemble.num_outputs);
  }
  if (ensemble.num_outputs == 1) return TreeShap(std::make_unique<const Plan>(ensemble, options));
  return TreeShap(std::make_unique<const Plan>(forest::OneOutput(ensemble, options.output), options));
}

Result<TreeShap> TreeShap::FromXgboostJson(std::string_view json, const TreeShapOptions& options) {
  const forest::Ensemble ensemble = TRY(forest::ParseXgboostJson(json));
  return Make(ensemble, options);
}

std::size_t TreeShap::num_features() const { return plan_->num_features; }
double TreeShap::expected_value() const { return plan_->expected_value; }

std::string TreeShap::Describe() const {
  const std::size_t tabled = plan_->tables.num_trees();
  const std::size_t walked = plan_->walked.trees.size();
  return Cat(tabled + walked, " trees over ", num_features(), " features: ", tabled, " by tables of ",
             Fixed(static_cast<double>(plan_->tables.bytes()) / (1 << 20), 1), " MB, ", walked, " walked");
}

void TreeShap::Explain(std::span<const float> rows, std::size_t count, std::span<double> phi) const {
  const std::size_t width = num_features() + 1;
  MW_ASSERT(rows.size() == count * num_features() && phi.size() >= count * width);
  PatternTables::Scratch scratch;
  PathWalk walk(plan_->walked, plan_->game);
  for (std::size_t begin = 0; begin < count; begin += PatternTables::kRowsAtOnce) {
    const std::size_t block = std::min(count - begin, PatternTables::kRowsAtOnce);
    const float* block_rows = rows.data() + begin * num_features();
    double* block_phi = phi.data() + begin * width;
    std::fill_n(block_phi, block * width, 0.0);
    plan_->tables.AddValues(block_rows, block, num_features(), scratch, block_phi, width);
    for (std::size_t row = 0; row < block; ++row) {
      double* row_phi = block_phi + row * width;
      for (const forest::Tree& tree : plan_->walked.trees) {
        walk.AddValues(tree, block_rows + row * num_features(), row_phi);
      }
      row_phi[num_features()] = expected_value();
    }
  }
}

}  // namespace mw::explain
