// Small random models for tests: a forest as XGBoost writes it, its schema, and whole packages. The
// forest module's own tests hold its answers against XGBoost; here they are taken as given.
#pragma once

#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "base/text.h"
#include "forest/forest.h"
#include "schema/encoder.h"
#include "schema/schema.h"
#include "wire/package.h"

namespace mw::serving::testing {

inline constexpr std::chrono::seconds kLongRun{30};  ///< more than a batch of a test takes on any machine

/// A directory of its own, removed with everything in it at the end of its life.
class TestDirectory {
 public:
  TestDirectory() : path_(Cat(std::filesystem::temp_directory_path().string(), "/mw-serving-XXXXXX")) {
    MW_ASSERT(mkdtemp(path_.data()) != nullptr);
  }
  ~TestDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string operator/(std::string_view name) const { return Cat(path_, "/", name); }

 private:
  std::string path_;
};

/// Waits for what another thread does without telling anybody.
inline bool Eventually(const std::function<bool()>& condition) {
  const RealClock clock;
  const Duration deadline = clock.Elapsed() + std::chrono::seconds(20);
  while (!condition()) {
    if (clock.Elapsed() > deadline) return false;
    poll(nullptr, 0, 1);
  }
  return true;
}

inline schema::Column TestColumn(std::string name, schema::ColumnType type) {
  schema::Column column;
  column.name = std::move(name);
  column.type = type;
  return column;
}

/// temp, wind: float; hour: integer, required; holiday: boolean; carrier, origin: categories; and the
/// columns that are no features: departure (event time), flight (key), late (label).
inline schema::Schema TestSchema() {
  using schema::ColumnType;
  schema::Schema schema;
  schema.name = "test";
  schema.columns = {TestColumn("temp", ColumnType::kFloat),          TestColumn("wind", ColumnType::kFloat),
                    TestColumn("hour", ColumnType::kInteger),        TestColumn("holiday", ColumnType::kBoolean),
                    TestColumn("carrier", ColumnType::kCategory),    TestColumn("origin", ColumnType::kCategory),
                    TestColumn("departure", ColumnType::kTimestamp), TestColumn("flight", ColumnType::kText),
                    TestColumn("late", ColumnType::kBoolean)};
  schema.columns[2].required = true;
  schema.columns[4].vocabulary = {"AA", "B6", "DL", "Ü2", "quo\"te"};
  schema.columns[5].vocabulary = {"EWR", "JFK", "LGA"};
  schema.event_time = "departure";
  schema.key = "flight";
  schema.label = "late";
  return schema;
}

inline std::vector<std::string> TestFeatures() { return {"temp", "wind", "hour", "holiday", "carrier", "origin"}; }
/// By the Open Inference Protocol.
inline std::string_view TestDatatype(std::string_view feature) {
  if (feature == "hour") return "INT64";
  if (feature == "holiday") return "BOOL";
  return feature == "carrier" || feature == "origin" ? "BYTES" : "FP64";
}

/// A complete tree of that depth with random splits; leaves stand where the splits end.
inline Json RandomTree(Random& random, int depth, std::size_t features) {
  Json::Array left, right, indices, conditions, default_left, zeros, parents;
  const int splits = (1 << depth) - 1;
  const int nodes = 2 * splits + 1;
  for (int node = 0; node < nodes; ++node) {
    const bool leaf = node >= splits;
    left.emplace_back(leaf ? -1 : 2 * node + 1);
    right.emplace_back(leaf ? -1 : 2 * node + 2);
    parents.emplace_back(node == 0 ? 2147483647 : (node - 1) / 2);
    indices.emplace_back(leaf ? 0 : static_cast<int>(random.Below(features)));
    conditions.emplace_back(leaf ? (random.Uniform() - 0.5) * 0.4 : static_cast<double>(random.Below(50)) * 0.5);
    default_left.emplace_back(leaf ? 0 : static_cast<int>(random.Below(2)));
    zeros.emplace_back(0);
  }
  return Json::Make({{"left_children", Json(std::move(left))},
                     {"right_children", Json(std::move(right))},
                     {"parents", Json(std::move(parents))},
                     {"split_indices", Json(std::move(indices))},
                     {"split_conditions", Json(std::move(conditions))},
                     {"default_left", Json(std::move(default_left))},
                     {"split_type", Json(std::move(zeros))},
                     {"categories", Json::MakeArray()},
                     {"categories_nodes", Json::MakeArray()},
                     {"categories_segments", Json::MakeArray()},
                     {"categories_sizes", Json::MakeArray()},
                     {"tree_param", Json::Make({{"num_nodes", Json(Cat(nodes))}})}});
}

/// The text of model.json: a booster over `names`, binary:logistic or, of several classes, multi:softprob.
inline std::string RandomXgboostJson(std::uint64_t seed, const std::vector<std::string>& names, int trees = 12,
                                     int depth = 4, int classes = 0) {
  Random random(seed);
  Json::Array list, info, feature_names;
  for (int tree = 0; tree < trees; ++tree) {
    list.push_back(RandomTree(random, depth, names.size()));
    info.emplace_back(classes == 0 ? 0 : tree % classes);
  }
  for (const std::string& name : names) feature_names.emplace_back(name);
  Json model = Json::Make({{"gbtree_model_param", Json::Make({{"num_trees", Json(Cat(trees))},
                                                              {"num_parallel_tree", Json("1")},
                                                              {"size_leaf_vector", Json("0")}})},
                           {"tree_info", Json(std::move(info))},
                           {"trees", Json(std::move(list))}});
  Json objective = Json::Make({{"name", Json(classes == 0 ? "binary:logistic" : "multi:softprob")}});
  if (classes == 0) {
    objective["reg_loss_param"] = Json::Make({{"scale_pos_weight", Json("1")}});
  } else {
    objective["softmax_multiclass_param"] = Json::Make({{"num_class", Json(Cat(classes))}});
  }
  Json learner = Json::Make({{"attributes", Json::MakeObject()},
                             {"feature_names", Json(std::move(feature_names))},
                             {"feature_types", Json::MakeArray()},
                             {"gradient_booster", Json::Make({{"model", std::move(model)}, {"name", Json("gbtree")}})},
                             {"learner_model_param", Json::Make({{"base_score", Json("2.5E-1")},
                                                                 {"num_class", Json(Cat(classes))},
                                                                 {"num_feature", Json(Cat(names.size()))},
                                                                 {"num_target", Json("1")}})},
                             {"objective", std::move(objective)}});
  return Json::Make({{"learner", std::move(learner)}, {"version", Json(Json::Array{Json(1), Json(7), Json(4)})}})
      .Dump();
}

/// A row that fits TestSchema, as a client would write it.
inline Json RandomRow(Random& random) {
  const schema::Schema schema = TestSchema();
  const auto category = [&](const char* column) {
    const auto& vocabulary = schema.Find(column)->vocabulary;
    return Json(vocabulary[random.Below(vocabulary.size())]);
  };
  const auto missing = [&](Json value) { return random.Below(5) == 0 ? Json() : value; };
  return Json::Make({{"temp", missing(Json(random.Uniform() * 30))},
                     {"wind", missing(Json(static_cast<double>(random.Below(400)) / 16))},
                     {"hour", Json(static_cast<std::int64_t>(random.Below(24)))},
                     {"holiday", missing(Json(random.Below(2) == 1))},
                     {"carrier", missing(category("carrier"))},
                     {"origin", missing(category("origin"))}});
}

inline float EncodeForTest(const schema::Encoder& encoder, int feature, const Json& value) {
  if (value.IsNull()) return *encoder.EncodeMissing(feature);
  if (value.IsString()) return *encoder.EncodeText(feature, value.AsString());
  if (value.IsBool()) return *encoder.EncodeBool(feature, value.AsBool());
  return *encoder.EncodeNumber(feature, value.AsDouble());
}

/// As RandomXgboostJson of one split a tree, but a temperature of a million or more overflows the sum of its class.
inline std::string OverflowingXgboostJson(const std::vector<std::string>& names, int classes) {
  Json model = *Json::Parse(RandomXgboostJson(1, names, 4 * classes, 1, classes));
  for (Json& tree : model["learner"]["gradient_booster"]["model"]["trees"].AsArray()) {
    tree["split_indices"] = Json(Json::Array{Json(0), Json(0), Json(0)});
    tree["split_conditions"] = Json(Json::Array{Json(1e6), Json(0.25), Json(3e38)});
    tree["default_left"] = Json(Json::Array{Json(1), Json(0), Json(0)});
  }
  return model.Dump();
}

/// Writes a whole package of that model into a new directory; of several classes when they have names.
inline void WriteTestPackageOf(const std::string& model, const std::string& directory, std::uint64_t seed,
                               const std::string& name, const std::vector<std::string>& features,
                               const std::vector<std::string>& classes) {
  MW_ASSERT(MakeDirectories(directory).ok());
  MW_ASSERT(WriteFileDurably(directory + "/model.json", model).ok());
  const auto forest = forest::Forest::FromXgboostJson(model);
  MW_ASSERT(forest.ok());
  const auto encoder = schema::Encoder::Make(TestSchema(), features);
  wire::Package package;
  package.info.model = name;
  package.info.features = features;
  if (classes.empty()) package.info.threshold = 0.25;
  package.info.classes = classes;
  if (!classes.empty()) package.info.type = "multiclass_classification";
  package.info.label = "late";
  package.schema = schema::ToJson(TestSchema());
  Random random(seed + 1);
  std::vector<float> rows;
  for (int row = 0; row < 40; ++row) {
    package.warm_up.rows.push_back(RandomRow(random));
    int feature = 0;
    for (const std::string& column : features) {
      rows.push_back(EncodeForTest(*encoder, feature++, *package.warm_up.rows.back().Find(column)));
    }
  }
  package.warm_up.margins.resize(40 * package.info.num_outputs());
  package.warm_up.probabilities.resize(40 * package.info.num_outputs());
  forest->PredictMargin(rows, 40, package.warm_up.margins);
  forest->Predict(rows, 40, package.warm_up.probabilities);
  MW_ASSERT(wire::WritePackage(directory, package).ok());
}

inline void WriteTestPackage(const std::string& directory, std::uint64_t seed, const std::string& name = "late",
                             const std::vector<std::string>& features = TestFeatures(),
                             const std::vector<std::string>& classes = {}) {
  WriteTestPackageOf(RandomXgboostJson(seed, features, 12, 4, static_cast<int>(classes.size())), directory, seed, name,
                     features, classes);
}

}  // namespace mw::serving::testing
