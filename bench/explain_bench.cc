// Shapley values against XGBoost's own pred_contribs (C API, nthread=1) in one process, in turns.
//
//   explain_bench              trains 100 trees of depth 6 and 30 of depth 9 over 30 features
//   explain_bench MODEL.json   a model of your own, asked with random rows
//
// Each figure is the median over the turns, in rows for each second of processor time, so that what else
// the machine does counts for neither side. XGBoost gets a new matrix for every call, because a second
// call on the same one is served from a cache.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>

#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "explain/tree_shap.h"
#include "forest/xgboost_json.h"
#include "forest/xgboost_oracle.h"

namespace mw::explain {
namespace {

using forest::XgboostOracle;

constexpr int kTurns = 5;
constexpr double kWindowSeconds = 0.05;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

forest::TrainingRows SomeRows(std::size_t count, std::size_t num_features) {
  Random random(1);
  forest::TrainingRows rows;
  rows.num_features = num_features;
  for (std::size_t row = 0; row < count; ++row) {
    double signal = -1;
    for (std::size_t column = 0; column < num_features; ++column) {
      const double value = random.Normal();
      const bool missing = random.Uniform() < 0.1;
      signal += missing ? 0.1 : 0.5 * std::sin(3 * value + static_cast<double>(column));
      rows.values.push_back(missing ? kNan : static_cast<float>(value));
    }
    rows.labels.push_back(signal + random.Normal() > 0 ? 1.0F : 0.0F);
  }
  return rows;
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

double Seconds(std::clock_t begin) { return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC; }

/// Rows a second of `explain`, which takes all the rows.
template <typename Explain>
double Rate(std::size_t rows, const Explain& explain) {
  const std::clock_t begin = std::clock();
  std::size_t calls = 0;
  do {
    explain();
    ++calls;
  } while (Seconds(begin) < kWindowSeconds);
  return static_cast<double>(calls * rows) / Seconds(begin);
}

/// Both sides on the same rows, by turns; XGBoost on the first few, because it takes so long.
void Compare(const std::string& title, const forest::Ensemble& ensemble, const XgboostOracle& oracle,
             const std::vector<float>& pool, const TreeShapOptions& options) {
  const std::clock_t begin = std::clock();
  const auto shap = TreeShap::Make(ensemble, options);
  const double made = Seconds(begin);
  const std::size_t num_features = shap->num_features();
  const std::size_t count = std::min<std::size_t>(pool.size() / num_features, 1'024);
  const std::size_t theirs_count = std::min<std::size_t>(count, 32);
  const std::span<const float> rows(pool.data(), count * num_features);
  std::vector<double> phi(count * (num_features + 1));
  std::vector<double> ours, single, theirs;
  std::vector<float> contributions;
  for (int turn = 0; turn < kTurns; ++turn) {
    theirs.push_back(Rate(theirs_count, [&] { contributions = oracle.Contributions(pool.data(), theirs_count); }));
    ours.push_back(Rate(count, [&] { shap->Explain(rows, count, phi); }));
    single.push_back(Rate(1, [&] { shap->Explain(rows.first(num_features), 1, phi); }));
  }
  shap->Explain(rows, count, phi);
  double worst = 0;
  for (std::size_t at = 0; at < contributions.size(); ++at) {
    worst = std::max(worst, std::abs(phi[at] - static_cast<double>(contributions[at])));
  }
  std::size_t leaves = 0;
  for (const forest::Tree& tree : ensemble.trees) leaves += (tree.nodes.size() + 1) / 2;
  std::printf("%s: %zu leaves, %s, made in %.2f s\n", title.c_str(), leaves, shap->Describe().c_str(), made);
  std::printf("%14s %14s %8s %16s %22s\n", "XGBoost", "ours", "ratio", "ours, 1 row", "largest difference");
  std::printf("%14s %14s %7.1fx %16s %22.2g\n", WithThousands(std::llround(Median(theirs))).c_str(),
              WithThousands(std::llround(Median(ours))).c_str(), Median(ours) / Median(theirs),
              WithThousands(std::llround(Median(single))).c_str(), worst);
  std::fflush(stdout);
}

int ReportFile(const char* path) {
  const Result<std::string> json = ReadFile(path);
  const auto ensemble = json.ok() ? forest::ParseXgboostJson(*json) : Result<forest::Ensemble>(json.error());
  const auto shap = ensemble.ok() ? TreeShap::Make(*ensemble) : Result<TreeShap>(ensemble.error());
  if (!shap.ok()) {
    std::fprintf(stderr, "%s: %s\n", path, shap.error().ToString().c_str());
    return 2;
  }
  Random random(2);
  std::vector<float> pool(4'096 * ensemble->num_features);
  for (float& value : pool) value = random.Uniform() < 0.1 ? kNan : static_cast<float>(random.Normal() * 50);
  Compare(path, *ensemble, XgboostOracle::Load(*json, ensemble->num_features), pool, {});
  return 0;
}

int ReportTrained() {
  const forest::TrainingRows rows = SomeRows(40'000, 30);
  for (const int depth : {6, 9}) {
    const XgboostOracle oracle = XgboostOracle::Train(rows,
                                                      {{"tree_method", "hist"},
                                                       {"objective", "binary:logistic"},
                                                       {"max_depth", Cat(depth)},
                                                       {"eta", "0.1"},
                                                       {"min_child_weight", "0"}},
                                                      depth == 6 ? 100 : 30);
    const auto ensemble = forest::ParseXgboostJson(oracle.Json());
    Compare(Cat("depth ", depth), *ensemble, oracle, rows.values, {});
    if (depth == 6) Compare("depth 6 without tables", *ensemble, oracle, rows.values, {.table_bytes_max = 0});
  }
  return 0;
}

}  // namespace
}  // namespace mw::explain

int main(int argc, char** argv) { return argc > 1 ? mw::explain::ReportFile(argv[1]) : mw::explain::ReportTrained(); }
