// Which member of XGBoost's document goes where, once for both of its encodings. Source has, for its Value:
//   ForEachMember(value, what, read(key, member)), ForEachElement(value, what, read(element)),
//   ReadText(value, what), ReadNumbers(value, what, numbers, most)
// and skips what `read` leaves alone. One thread.
#pragma once

#include <string>
#include <utility>

#include "base/text.h"
#include "forest/xgboost_model.h"

namespace mw::forest {

template <typename Source>
class XgboostMembers {
 public:
  using Value = typename Source::Value;

  /// The whole document.
  static Status ReadRoot(Value& root, XgboostModel& model) {
    TRY(Source::ForEachMember(root, "the file", [&](std::string_view key, Value& value) -> Status {
      if (key == "version") return Source::ReadNumbers(value, key, model.version, kVersionParts);
      if (key != "learner") return Ok();
      model.has_learner = true;
      return Source::ForEachMember(
          value, key, [&](std::string_view part, Value& content) { return ReadLearner(part, content, model); });
    }));
    return Ok();
  }

 private:
  static constexpr std::size_t kVersionParts = 3;

  /// Assigns the texts of those members that are listed.
  static Status ReadMembers(Value& value, std::string_view what,
                            std::initializer_list<std::pair<std::string_view, std::string*>> wanted) {
    return Source::ForEachMember(value, what, [&](std::string_view key, Value& member) -> Status {
      for (const auto& [name, out] : wanted) {
        if (name == key) *out = TRY(Source::ReadText(member, key));
      }
      return Ok();
    });
  }

  static Status ReadTexts(Value& value, std::string_view what, std::vector<std::string>& out) {
    return Source::ForEachElement(value, what, [&](Value& element) -> Status {
      out.push_back(TRY(Source::ReadText(element, what)));
      if (out.size() > kFeaturesMax) return ResourceExhausted("the model has more than ", kFeaturesMax, " ", what);
      return Ok();
    });
  }

  static Status ReadTreeMember(std::string_view key, Value& value, XgboostTree& tree) {
    const auto numbers = [&](auto& out) { return Source::ReadNumbers(value, key, out, kNodesMax); };
    if (key == "left_children") return numbers(tree.left);
    if (key == "right_children") return numbers(tree.right);
    if (key == "split_indices") return numbers(tree.split_indices);
    if (key == "split_conditions") return numbers(tree.split_conditions);
    if (key == "sum_hessian") return numbers(tree.sum_hessian);
    if (key == "default_left") return numbers(tree.default_left);
    if (key == "split_type") return numbers(tree.split_type);
    if (key == "categories") return numbers(tree.categories);
    if (key == "categories_nodes") return numbers(tree.categories_nodes);
    if (key == "categories_segments") return numbers(tree.categories_segments);
    if (key == "categories_sizes") return numbers(tree.categories_sizes);
    if (key == "tree_param") return ReadMembers(value, key, {{"size_leaf_vector", &tree.size_leaf_vector}});
    return Ok();
  }

  static Status ReadTrees(Value& value, XgboostModel& model) {
    return Source::ForEachElement(value, "trees", [&](Value& element) -> Status {
      XgboostTree tree;
      TRY(Source::ForEachMember(element, "trees", [&](std::string_view key, Value& member) {
            return ReadTreeMember(key, member, tree);
          }).In(Cat("tree ", model.trees.size())));
      model.num_nodes += tree.left.size();
      if (model.num_nodes > kNodesMax) return ResourceExhausted("the model has more than ", kNodesMax, " nodes");
      model.trees.push_back(std::move(tree));
      if (model.trees.size() > kTreesMax) return ResourceExhausted("the model has more than ", kTreesMax, " trees");
      return Ok();
    });
  }

  static Status ReadModel(Value& value, XgboostModel& model) {
    return Source::ForEachMember(value, "model", [&](std::string_view key, Value& content) -> Status {
      if (key == "trees") return ReadTrees(content, model);
      if (key == "tree_info") return Source::ReadNumbers(content, key, model.tree_info, kTreesMax);
      if (key != "gbtree_model_param") return Ok();
      return ReadMembers(content, key, {{"num_parallel_tree", &model.num_parallel_tree}});
    });
  }

  /// dart holds a gbtree.
  static Status ReadBooster(Value& value, XgboostModel& model) {
    return Source::ForEachMember(value, "gradient_booster", [&](std::string_view key, Value& member) -> Status {
      if (key == "name") {
        model.booster = TRY(Source::ReadText(member, key));
      } else if (key == "model") {
        TRY(ReadModel(member, model));
      } else if (key == "weight_drop") {
        TRY(Source::ReadNumbers(member, key, model.weight_drop, kTreesMax));
      } else if (key == "gbtree") {
        TRY(Source::ForEachMember(member, key, [&](std::string_view part, Value& content) -> Status {
          return part == "model" ? ReadModel(content, model) : Ok();
        }));
      }
      return Ok();
    });
  }

  static Status ReadLearner(std::string_view key, Value& value, XgboostModel& model) {
    if (key == "gradient_booster") return ReadBooster(value, model);
    if (key == "feature_names") return ReadTexts(value, key, model.feature_names);
    if (key == "feature_types") return ReadTexts(value, key, model.feature_types);
    if (key == "attributes") return ReadMembers(value, key, {{"best_iteration", &model.best_iteration}});
    if (key == "objective") return ReadMembers(value, key, {{"name", &model.objective}});
    if (key != "learner_model_param") return Ok();
    return ReadMembers(value, key,
                       {{"base_score", &model.base_score},
                        {"num_feature", &model.num_feature},
                        {"num_class", &model.num_class},
                        {"num_target", &model.num_target}});
  }
};

}  // namespace mw::forest
