// What XGBoost saves, whether as JSON or as UBJ: the members that matter, read into plain arrays by either parser
// (xgboost_members.h), then checked and made into an Ensemble. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "forest/ensemble.h"
#include "forest/limits.h"

namespace mw::forest {

/// One tree's arrays, as the file has them.
struct XgboostTree {
  std::vector<std::int32_t> left, right, split_indices, default_left, split_type;
  std::vector<float> split_conditions, sum_hessian;
  std::vector<std::int32_t> categories, categories_nodes;
  std::vector<std::int64_t> categories_segments, categories_sizes;
  std::string size_leaf_vector;
};

/// Parameters are texts in the file.
struct XgboostModel {
  std::string booster, objective, base_score, num_feature, num_class, num_target;
  std::string num_parallel_tree = "1";
  std::string best_iteration;
  std::vector<std::string> feature_names, feature_types;
  std::vector<std::int32_t> version;  ///< of the library that wrote it: 2, 1, 4
  std::vector<std::int32_t> tree_info;
  std::vector<float> weight_drop;  ///< dart: what each tree counts
  std::vector<XgboostTree> trees;
  std::size_t num_nodes = 0;
  bool has_learner = false;
};

/// Errors: as Forest::Load.
Result<Ensemble> BuildXgboost(XgboostModel model);

}  // namespace mw::forest
