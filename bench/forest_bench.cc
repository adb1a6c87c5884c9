// The forest against XGBoost's C API (inplace prediction, nthread=1) in one process, in turns.
//
//   forest_bench              100 trees of depth 6 over 30 features, without and with missing values; two models of the
//                             flight model's shape: 20 features, 150 trees of depth 6, three columns are categories,
//                             once as plain numbers and once as XGBoost's categorical type; and, beside nothing, a
//                             LightGBM model of three classes, 300 leaf-wise trees of 31 leaves, sums in doubles
//   forest_bench MODEL        a model of your own, asked with random rows
//
// Each figure is the median over the turns, in rows for each second of processor time, so that what else
// the machine does counts for neither side; every answer is compared with XGBoost's.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <ctime>

#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "forest/forest.h"
#include "forest/xgboost_oracle.h"

namespace mw::forest {
namespace {

constexpr int kTurns = 15;
constexpr double kWindowSeconds = 0.025;
constexpr std::size_t kPoolRows = 8'192;
constexpr std::size_t kBatches[] = {1, 32, 1024};
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct FlightColumn {
  int categories;  ///< 0 for a number
  double missing;
  int steps;  ///< distinct values of a number, about
};

/// 17 numbers and 3 categories, as missing and as coarse as the flights' are.
std::vector<FlightColumn> FlightColumns() {
  std::vector<FlightColumn> columns = {{3, 0, 0}, {16, 0, 0}, {105, 0, 0}};
  const int steps[] = {19, 60, 1400, 7, 200, 40, 95, 150, 120, 300, 10, 36, 25, 20, 50, 1000, 5000};
  for (int i = 0; i < 17; ++i) columns.push_back({0, i == 4 ? 0.8 : (i % 4 == 1 ? 0.15 : 0.0), steps[i]});
  return columns;
}

TrainingRows FlightRows(std::size_t count, bool categorical) {
  const std::vector<FlightColumn> columns = FlightColumns();
  Random random(1);
  TrainingRows rows;
  rows.num_features = columns.size();
  for (std::size_t row = 0; row < count; ++row) {
    double signal = -1.3;
    for (std::size_t at = 0; at < columns.size(); ++at) {
      const FlightColumn& column = columns[at];
      const double number = std::round(random.Normal() * column.steps / 6);
      const double value = column.categories > 0
                               ? static_cast<double>(random.Below(static_cast<std::uint64_t>(column.categories)))
                               : number;
      const bool missing = random.Uniform() < column.missing;
      if (!missing)
        signal += 0.3 * std::sin(value * (column.categories > 0 ? 2.1 : 9.0 / column.steps) + static_cast<double>(at));
      rows.values.push_back(missing ? kNan : static_cast<float>(value));
    }
    rows.labels.push_back(random.Uniform() < 1 / (1 + std::exp(-signal)) ? 1.0F : 0.0F);
  }
  if (categorical) {
    for (const FlightColumn& column : columns) rows.types.emplace_back(column.categories > 0 ? "c" : "float");
  }
  return rows;
}

XgboostOracle TrainFlightModel(const TrainingRows& rows) {
  return XgboostOracle::Train(rows,
                              {{"tree_method", "hist"},
                               {"objective", "binary:logistic"},
                               {"max_depth", "6"},
                               {"eta", "0.06"},
                               {"max_cat_to_onehot", "4"}},
                              150);
}

/// 30 numbers of many steps each, as transactions have them.
TrainingRows WideRows(std::size_t count, double missing) {
  constexpr std::size_t kColumns = 30;
  Random random(3);
  TrainingRows rows;
  rows.num_features = kColumns;
  for (std::size_t row = 0; row < count; ++row) {
    double signal = 0;
    for (std::size_t at = 0; at < kColumns; ++at) {
      const double value = random.Normal();
      const bool is_missing = random.Uniform() < missing;
      if (!is_missing) signal += 0.3 * std::sin(value * 2 + static_cast<double>(at));
      rows.values.push_back(is_missing ? kNan : static_cast<float>(value));
    }
    rows.labels.push_back(random.Uniform() < 1 / (1 + std::exp(-2 * signal)) ? 1.0F : 0.0F);
  }
  return rows;
}

XgboostOracle TrainWideModel(const TrainingRows& rows) {
  return XgboostOracle::Train(
      rows, {{"tree_method", "hist"}, {"objective", "binary:logistic"}, {"max_depth", "6"}, {"eta", "0.1"}}, 100);
}

/// One leaf-wise tree in LightGBM's text: the next leaf to split is drawn, the newest more often.
std::string LightgbmTree(Random& random, int number, int leaves, int features) {
  std::string left, right, feature, threshold, decision, value;
  std::vector<std::pair<int, int>> parents(static_cast<std::size_t>(leaves), {-1, 0});
  std::vector<std::array<int, 2>> children;
  for (int split = 0; split + 1 < leaves; ++split) {
    const auto pick = static_cast<int>(random.Below(static_cast<std::uint64_t>(split) + 1));
    const int leaf = random.Below(2) == 0 ? pick : split;
    auto& [parent, side] = parents[static_cast<std::size_t>(leaf)];
    if (parent >= 0) children[static_cast<std::size_t>(parent)][static_cast<std::size_t>(side)] = split;
    children.push_back({-leaf - 1, -split - 2});
    parents[static_cast<std::size_t>(leaf)] = {split, 0};
    parents[static_cast<std::size_t>(split) + 1] = {split, 1};
    CatTo(feature, random.Below(static_cast<std::uint64_t>(features)), " ");
    CatTo(threshold, std::round(random.Normal() * 60) / 60, " ");
    CatTo(decision, random.Below(2) == 0 ? 8 : 10, " ");
  }
  for (const auto& [to_left, to_right] : children) {
    CatTo(left, to_left, " ");
    CatTo(right, to_right, " ");
  }
  for (int leaf = 0; leaf < leaves; ++leaf) CatTo(value, random.Normal() / 10, " ");
  return Cat("Tree=", number, "\nnum_leaves=", leaves, "\nsplit_feature=", feature, "\nthreshold=", threshold,
             "\ndecision_type=", decision, "\nleft_child=", left, "\nright_child=", right, "\nleaf_value=", value,
             "\n\n");
}

std::string LightgbmModel(int trees, int features) {
  Random random(4);
  std::string text = Cat("tree\nversion=v4\nnum_tree_per_iteration=3\nmax_feature_idx=", features - 1,
                         "\nobjective=multiclass num_class:3\nfeature_names=");
  for (int feature = 0; feature < features; ++feature) CatTo(text, feature > 0 ? " f" : "f", feature);
  text += "\n\n";
  for (int tree = 0; tree < trees; ++tree) text += LightgbmTree(random, tree, 31, features);
  return text + "end of trees\n";
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

/// Rows a second of `call(batch)`, called with the number of one batch of the pool after the other.
template <typename Call>
double Rate(std::size_t batch, const Call& call) {
  const std::size_t batches = kPoolRows / batch;
  const std::clock_t begin = std::clock();
  std::size_t calls = 0;
  double seconds = 0;
  do {
    for (std::size_t burst = 0; burst < std::max<std::size_t>(1, 64 / batch); ++burst) call(calls++ % batches);
    seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  } while (seconds < kWindowSeconds);
  return static_cast<double>(calls * batch) / seconds;
}

void PrintRates(const std::vector<double> (&engines)[kEngines]) {
  for (const std::vector<double>& rates : engines) {
    std::printf(" %14s", rates.empty() ? "-" : WithThousands(std::llround(Median(rates))).c_str());
  }
  std::printf("\n");
}

void PrintHead(const char* others) {
  std::printf("%6s %s %12s", "batch", others, "forest");
  for (std::size_t engine = 0; engine < kEngines; ++engine) {
    std::printf(" %14s", std::string(EngineName(static_cast<Engine>(engine))).c_str());
  }
  std::printf("\n");
}

/// One turn of the forest's own choice and of each engine.
template <typename Number>
void RunTurn(const Forest& forest, const std::vector<float>& pool, std::size_t batch, std::vector<double>& chosen,
             std::vector<double> (&engines)[kEngines]) {
  const std::size_t width = forest.num_features() * batch;
  const std::span<const float> rows(pool);
  std::vector<Number> out(batch * std::max(forest.num_outputs(), forest.num_margins()));
  chosen.push_back(Rate(batch, [&](std::size_t at) { forest.Predict(rows.subspan(at * width, width), batch, out); }));
  for (std::size_t engine = 0; engine < kEngines; ++engine) {
    if (!forest.Fits(static_cast<Engine>(engine))) continue;
    engines[engine].push_back(Rate(batch, [&](std::size_t at) {
      forest.PredictMarginOn(static_cast<Engine>(engine), rows.subspan(at * width, width), batch, out);
    }));
  }
}

/// The two sides and each engine, by turns.
void Compare(const Forest& forest, const XgboostOracle& oracle, const std::vector<float>& pool, std::size_t batch) {
  const std::size_t width = forest.num_features() * batch;
  std::vector<XgboostOracle::Call> calls;
  for (std::size_t at = 0; at < kPoolRows / batch; ++at) {
    calls.push_back(oracle.Prepare(pool.data() + at * width, batch, false));
  }
  std::vector<double> theirs, ours, ratios;
  std::vector<double> engines[kEngines];
  for (int turn = 0; turn < kTurns; ++turn) {
    theirs.push_back(Rate(batch, [&](std::size_t at) { oracle.Run(calls[at]); }));
    RunTurn<float>(forest, pool, batch, ours, engines);
    ratios.push_back(ours.back() / theirs.back());
  }
  std::printf("%6zu %12s %7.1fx %12s", batch, WithThousands(std::llround(Median(theirs))).c_str(), Median(ratios),
              WithThousands(std::llround(Median(ours))).c_str());
  PrintRates(engines);
}

std::size_t CountDifferent(const Forest& forest, const XgboostOracle& oracle, const std::vector<float>& pool) {
  std::vector<float> out(kPoolRows);
  forest.Predict(pool, kPoolRows, out);
  const float* expected = oracle.Predict(pool.data(), kPoolRows, false);
  std::size_t different = 0;
  for (std::size_t row = 0; row < kPoolRows; ++row) {
    different += std::bit_cast<std::uint32_t>(expected[row]) != std::bit_cast<std::uint32_t>(out[row]) ? 1U : 0U;
  }
  return different;
}

int Report(const char* title, const std::string& json, const XgboostOracle& oracle, const std::vector<float>& pool) {
  const Result<Forest> forest = Forest::FromXgboostJson(json);
  if (!forest.ok()) {
    std::fprintf(stderr, "%s\n", forest.error().ToString().c_str());
    return 2;
  }
  const std::size_t different = CountDifferent(*forest, oracle, pool);
  std::printf(
      "\n%s: %s\n%zu of %zu answers differ from XGBoost's in any bit; medians of %d turns, rows per processor second\n",
      title, forest->Describe().c_str(), different, kPoolRows, kTurns);
  PrintHead("     XGBoost    ratio");
  for (const std::size_t batch : kBatches) Compare(*forest, oracle, pool, batch);
  return different == 0 ? 0 : 1;
}

int ReportFile(const char* path) {
  const Result<std::string> json = ReadFile(path);
  const Result<Forest> forest = json.ok() ? Forest::FromXgboostJson(*json) : Result<Forest>(json.error());
  if (!forest.ok()) {
    std::fprintf(stderr, "%s: %s\n", path, forest.error().ToString().c_str());
    return 2;
  }
  Random random(2);
  std::vector<float> pool(kPoolRows * forest->num_features());
  for (float& value : pool) value = random.Uniform() < 0.1 ? kNan : static_cast<float>(random.Normal() * 50);
  return Report(path, *json, XgboostOracle::Load(*json, forest->num_features()), pool);
}

std::vector<float> Pool(const TrainingRows& rows) {
  return {rows.values.begin(), rows.values.begin() + static_cast<std::ptrdiff_t>(kPoolRows * rows.num_features)};
}

int ReportWideModels() {
  int worst = 0;
  for (const double missing : {0.0, 0.1}) {
    const TrainingRows rows = WideRows(40'000, missing);
    const XgboostOracle oracle = TrainWideModel(rows);
    const char* title = missing > 0 ? "30 features, 10 % missing" : "30 features";
    worst = std::max(worst, Report(title, oracle.Json(), oracle, Pool(rows)));
  }
  return worst;
}

int ReportFlightModels() {
  int worst = 0;
  for (const bool categorical : {false, true}) {
    const TrainingRows rows = FlightRows(40'000, categorical);
    const XgboostOracle oracle = TrainFlightModel(rows);
    const char* title = categorical ? "categories as XGBoost's type" : "categories as numbers";
    worst = std::max(worst, Report(title, oracle.Json(), oracle, Pool(rows)));
  }
  return worst;
}

int ReportLightgbm() {
  const Result<Forest> forest = Forest::Load(LightgbmModel(300, 30), Format::kLightgbm);
  if (!forest.ok()) {
    std::fprintf(stderr, "%s\n", forest.error().ToString().c_str());
    return 2;
  }
  std::printf("\nLightGBM of three classes: %s\n", forest->Describe().c_str());
  PrintHead("");
  const std::vector<float> pool = Pool(WideRows(kPoolRows, 0.1));
  for (const std::size_t batch : kBatches) {
    std::vector<double> chosen, engines[kEngines];
    for (int turn = 0; turn < kTurns; ++turn) RunTurn<double>(*forest, pool, batch, chosen, engines);
    std::printf("%6zu  %12s", batch, WithThousands(std::llround(Median(chosen))).c_str());
    PrintRates(engines);
  }
  return 0;
}

}  // namespace
}  // namespace mw::forest

int main(int argc, char** argv) {
  using namespace mw::forest;
  if (argc > 1) return ReportFile(argv[1]);
  return std::max({ReportWideModels(), ReportFlightModels(), ReportLightgbm()});
}
