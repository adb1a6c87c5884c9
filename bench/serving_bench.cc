// What bench/serving_table.py needs: the models and rows it serves and asks with, what their libraries do in process,
// and a control plane that swaps versions.
//   serving_bench make DIRECTORY     XGBoost trains 100 trees of depth 6 on 30 features twice: trees.json, trees.onnx,
//   the
//                                    packages a/ and b/; mlp.onnx; rows.csv and missing.csv, 10 % of which are missing
//   serving_bench inside DIRECTORY   rows for each second of processor time on one thread, as JSON: the forest,
//   XGBoost's C
//                                    API, ONNX Runtime's trees
//   serving_bench mlp DIRECTORY      the same of mlp.onnx by ONNX Runtime, 64 rows a call
//   serving_bench swap DIRECTORY     a control plane that wants a/ and, for each line on standard input, the other one
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "forest/forest.h"
#include "forest/xgboost_oracle.h"
#include "onnx_runtime_peer.h"
#include "schema/schema.h"
#include "serving/backend/test_onnx.h"
#include "serving/test_control_plane.h"
#include "serving/test_model.h"
#include "wire/package.h"

namespace mw {
namespace {

constexpr std::size_t kFeatures = 30;
constexpr int kTrees = 100;
constexpr std::size_t kTrainingRows = 30'000;
constexpr std::size_t kRows = 8'192;
constexpr double kMissingShare = 0.1;
constexpr std::size_t kMlpBatch = 64;
constexpr int kTurns = 9;
constexpr double kWindowSeconds = 0.03;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> RandomRows(std::size_t rows, double missing, std::uint64_t seed) {
  Random random(seed);
  std::vector<float> values(rows * kFeatures);
  for (float& value : values) {
    value = static_cast<float>(random.Normal() * 10);
    if (random.Uniform() < missing) value = kNan;
  }
  return values;
}

forest::XgboostOracle Train(std::uint64_t seed) {
  forest::TrainingRows rows;
  rows.num_features = kFeatures;
  rows.values = RandomRows(kTrainingRows, kMissingShare, seed);
  Random random(seed + 1);
  for (std::size_t row = 0; row < kTrainingRows; ++row) {
    double signal = 0;
    for (std::size_t at = 0; at < kFeatures; ++at) {
      const double value = static_cast<double>(rows.values[row * kFeatures + at]);
      if (!std::isnan(value)) signal += std::sin(value / 7 + static_cast<double>(at));
    }
    rows.labels.push_back(random.Uniform() < 1 / (1 + std::exp(-signal / 2)) ? 1.0F : 0.0F);
  }
  return forest::XgboostOracle::Train(
      rows, {{"tree_method", "hist"}, {"objective", "binary:logistic"}, {"max_depth", "6"}, {"eta", "0.1"}}, kTrees);
}

std::string CsvOf(const std::vector<float>& values) {
  std::string csv;
  for (std::size_t at = 0; at < kFeatures; ++at) CatTo(csv, at == 0 ? "f" : ",f", at);
  for (std::size_t i = 0; i < values.size(); ++i) {
    csv += i % kFeatures == 0 ? '\n' : ',';
    if (!std::isnan(values[i])) CatTo(csv, values[i]);
  }
  return csv + "\n";
}

Status WriteTreePackage(const std::string& directory, const std::string& model) {
  TRY(MakeDirectories(directory));
  wire::Package package;
  package.info.model = "trees";
  schema::Schema schema;
  schema.name = "trees";
  for (std::size_t at = 0; at < kFeatures; ++at) {
    package.info.features.push_back(Cat("f", at));
    schema.columns.push_back(serving::testing::TestColumn(Cat("f", at), schema::ColumnType::kFloat));
  }
  package.schema = schema::ToJson(schema);
  TRY(WriteFileDurably(directory + "/model.json", model));
  return wire::WritePackage(directory, package);
}

/// The ensemble of an XGBoost model as a TreeEnsembleRegressor with the same thresholds, leaves and default directions;
/// it answers the margin.
Result<std::string> OnnxOf(std::string_view model) {
  using namespace serving::testing;
  const Json json = TRY(Json::Parse(model));
  const Json& trees = *json.Find("learner")->Find("gradient_booster")->Find("model")->Find("trees");
  std::vector<std::int64_t> ids, nodes, feature, yes, no, tracks, target_tree, target_node, target;
  std::vector<float> values, weights;
  std::vector<std::string> modes;
  for (std::size_t tree = 0; tree < trees.AsArray().size(); ++tree) {
    const auto column = [&](const char* name) -> const Json::Array& {
      return trees.AsArray()[tree].Find(name)->AsArray();
    };
    for (std::size_t node = 0; node < column("left_children").size(); ++node) {
      const std::int64_t left = column("left_children")[node].AsInt();
      const auto value = static_cast<float>(column("split_conditions")[node].AsDouble());
      ids.push_back(static_cast<std::int64_t>(tree));
      nodes.push_back(static_cast<std::int64_t>(node));
      feature.push_back(left < 0 ? 0 : column("split_indices")[node].AsInt());
      values.push_back(left < 0 ? 0 : value);
      modes.emplace_back(left < 0 ? "LEAF" : "BRANCH_LT");
      yes.push_back(std::max<std::int64_t>(0, left));
      no.push_back(std::max<std::int64_t>(0, column("right_children")[node].AsInt()));
      const Json& goes_left = column("default_left")[node];
      tracks.push_back(goes_left.IsBool() ? (goes_left.AsBool() ? 1 : 0) : goes_left.AsInt());
      if (left >= 0) continue;
      target_tree.push_back(static_cast<std::int64_t>(tree));
      target_node.push_back(static_cast<std::int64_t>(node));
      target.push_back(0);
      weights.push_back(value);
    }
  }
  const std::string attributes = IntAttribute("n_targets", 1) + IntsAttribute("nodes_treeids", ids) +
                                 IntsAttribute("nodes_nodeids", nodes) + IntsAttribute("nodes_featureids", feature) +
                                 FloatsAttribute("nodes_values", values) + TextsAttribute("nodes_modes", modes) +
                                 IntsAttribute("nodes_truenodeids", yes) + IntsAttribute("nodes_falsenodeids", no) +
                                 IntsAttribute("nodes_missing_value_tracks_true", tracks) +
                                 IntsAttribute("target_treeids", target_tree) +
                                 IntsAttribute("target_nodeids", target_node) + IntsAttribute("target_ids", target) +
                                 FloatsAttribute("target_weights", weights) + TextAttribute("post_transform", "NONE");
  OnnxGraph graph;
  graph.nodes = {OnnxNode("TreeEnsembleRegressor", {"x"}, {"y"}, attributes, "ai.onnx.ml")};
  graph.inputs = {OnnxValue("x", kOnnxFloat, {-1, static_cast<std::int64_t>(kFeatures)})};
  graph.outputs = {OnnxValue("y", kOnnxFloat, {-1, 1})};
  return OnnxModelFile(graph.Write());
}

std::string Perceptron() {
  return serving::testing::OnnxPerceptron({static_cast<std::int64_t>(kFeatures), 256, 256, 128, 1});
}

Status Make(const std::string& directory) {
  TRY(MakeDirectories(directory));
  const std::string model = Train(1).Json();
  const std::string onnx = TRY(OnnxOf(model));
  TRY(WriteFileDurably(directory + "/trees.json", model));
  TRY(WriteFileDurably(directory + "/trees.onnx", onnx));
  TRY(WriteTreePackage(directory + "/a", model));
  TRY(WriteTreePackage(directory + "/b", Train(2).Json()));
  TRY(WriteFileDurably(directory + "/mlp.onnx", Perceptron()));
  TRY(WriteFileDurably(directory + "/rows.csv", CsvOf(RandomRows(kRows, 0, 3))));
  return WriteFileDurably(directory + "/missing.csv", CsvOf(RandomRows(kRows, kMissingShare, 4)));
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Rows for a second of processor time of `call(i)`, which does the i-th batch.
double Rate(std::size_t batch, const std::function<void(std::size_t)>& call) {
  const std::size_t batches = kRows / batch;
  const std::clock_t begin = std::clock();
  std::size_t calls = 0;
  double seconds = 0;
  do {
    for (std::size_t burst = 0; burst < std::max<std::size_t>(1, 64 / batch); ++burst) call(calls++ % batches);
    seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  } while (seconds < kWindowSeconds);
  return static_cast<double>(calls * batch) / seconds;
}

struct Side {
  const char* name;
  std::function<void(std::size_t)> call;
};

/// Medians of turns: {"forest": rows/s, ...}.
Json Turns(std::size_t batch, const std::vector<Side>& sides) {
  std::vector<std::vector<double>> rates(sides.size());
  for (int turn = 0; turn < kTurns; ++turn) {
    for (std::size_t i = 0; i < sides.size(); ++i) rates[i].push_back(Rate(batch, sides[i].call));
  }
  Json result = Json::MakeObject();
  for (std::size_t i = 0; i < sides.size(); ++i) result[sides[i].name] = Json(Median(rates[i]));
  return result;
}

struct Libraries {
  Libraries(forest::Forest own, forest::XgboostOracle theirs, std::string_view trees)
      : forest(std::move(own)), xgboost(std::move(theirs)), onnx(trees, kFeatures) {}
  forest::Forest forest;
  forest::XgboostOracle xgboost;
  OnnxRuntimePeer onnx;
};

Json CompareTrees(const Libraries& libraries, const std::vector<float>& rows, std::size_t batch) {
  std::vector<float> out(batch);
  std::vector<forest::XgboostOracle::Call> calls;
  for (std::size_t at = 0; at < kRows / batch; ++at) {
    calls.push_back(libraries.xgboost.Prepare(rows.data() + at * batch * kFeatures, batch, false));
  }
  return Turns(batch,
               {{"xgboost", [&](std::size_t at) { libraries.xgboost.Run(calls[at]); }},
                {"onnxruntime",
                 [&](std::size_t at) { libraries.onnx.Run(rows.data() + at * batch * kFeatures, batch, out.data()); }},
                {"forest", [&](std::size_t at) {
                   const std::span<const float> part(rows.data() + at * batch * kFeatures, batch * kFeatures);
                   libraries.forest.Predict(part, batch, out);
                 }}});
}

/// Answers of the forest that differ from XGBoost's in any bit, and by how much ONNX Runtime's differ at most.
void Agree(const Libraries& libraries, const std::vector<float>& rows, Json& result) {
  std::vector<float> own(kRows), onnx(kRows);
  libraries.forest.Predict(rows, kRows, own);
  libraries.onnx.Run(rows.data(), kRows, onnx.data());
  const float* const theirs = libraries.xgboost.Predict(rows.data(), kRows, false);
  std::int64_t different = 0;
  for (std::size_t i = 0; i < kRows; ++i) {
    different += std::bit_cast<std::uint32_t>(own[i]) != std::bit_cast<std::uint32_t>(theirs[i]) ? 1 : 0;
  }
  const float* const margins = libraries.xgboost.Predict(rows.data(), kRows, true);
  double off = 0;
  for (std::size_t i = 0; i < kRows; ++i) {
    off = std::max(off, std::abs(static_cast<double>(onnx[i]) - static_cast<double>(margins[i])));
  }
  result["forest_differs_from_xgboost"] = Json(different);
  result["onnxruntime_off_by_at_most"] = Json(off);
}

Status Inside(const std::string& directory) {
  const std::string model = TRY(ReadFile(directory + "/trees.json"));
  const std::string onnx = TRY(ReadFile(directory + "/trees.onnx"));
  forest::Forest forest = TRY(forest::Forest::FromXgboostJson(model));
  const Libraries libraries(std::move(forest), forest::XgboostOracle::Load(model, kFeatures), onnx);
  Json result = Json::MakeObject();
  for (const double missing : {0.0, kMissingShare}) {
    const std::vector<float> rows = RandomRows(kRows, missing, 5);
    Json one = Json::MakeObject();
    Agree(libraries, rows, one);
    for (const std::size_t batch : {std::size_t{1}, std::size_t{1024}}) {
      one[Cat("batch_", batch)] = CompareTrees(libraries, rows, batch);
    }
    result[missing > 0 ? "missing" : "complete"] = std::move(one);
  }
  std::puts(result.DumpPretty().c_str());
  return Ok();
}

Status Mlp(const std::string& directory) {
  const std::string perceptron = TRY(ReadFile(directory + "/mlp.onnx"));
  const OnnxRuntimePeer mlp(perceptron, kFeatures);
  const std::vector<float> rows = RandomRows(kRows, 0, 6);
  std::vector<float> out(kMlpBatch);
  const auto run = [&](std::size_t at) { mlp.Run(rows.data() + at * kMlpBatch * kFeatures, kMlpBatch, out.data()); };
  std::puts(Turns(kMlpBatch, {{"onnxruntime", run}}).DumpPretty().c_str());
  return Ok();
}

Status Swap(const std::string& directory) {
  SetLogLevel(LogLevel::kError);
  serving::testing::TestControlPlane plane;
  const std::string packages[] = {plane.AddPackage(directory + "/a"), plane.AddPackage(directory + "/b")};
  std::int64_t version = 1;
  plane.Want({{"trees", "trees", version, packages[0]}});
  std::printf("%s\n", plane.url().c_str());
  std::fflush(stdout);
  for (int c = std::getchar(); c != EOF; c = std::getchar()) {
    if (c != '\n') continue;
    ++version;
    plane.Want({{"trees", "trees", version, packages[(version + 1) % 2]}});
  }
  return Ok();
}

int Main(const std::vector<std::string>& words) {
  Status status =
      InvalidArgument("usage: serving_bench make DIRECTORY | inside DIRECTORY | mlp DIRECTORY | swap DIRECTORY");
  if (words.size() == 2 && words[0] == "make") status = Make(words[1]);
  if (words.size() == 2 && words[0] == "inside") status = Inside(words[1]);
  if (words.size() == 2 && words[0] == "mlp") status = Mlp(words[1]);
  if (words.size() == 2 && words[0] == "swap") status = Swap(words[1]);
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", status.error().ToString().c_str());
  return 1;
}

}  // namespace
}  // namespace mw

int main(int argc, char** argv) { return mw::Main({argv + 1, argv + argc}); }
