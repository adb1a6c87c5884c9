// The forest against XGBoost's C API (inplace prediction, nthread=1) in one process, in turns.
//
//   forest_bench              trains two models of the flight model's shape: 20 features, 150 trees of
//                             depth 6, missing values; three columns are categories, once as plain
//                             numbers and once as XGBoost's categorical type
//   forest_bench MODEL.json   a model of your own, asked with random rows
//
// Each figure is the median over the turns, in rows for each second of processor time, so that what else
// the machine does counts for neither side; every answer is compared with XGBoost's.
#include <algorithm>
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

/// The two sides and each engine, by turns.
void Compare(const Forest& forest, const XgboostOracle& oracle, const std::vector<float>& pool, std::size_t batch) {
  const std::size_t width = forest.num_features() * batch;
  std::vector<XgboostOracle::Call> calls;
  for (std::size_t at = 0; at < kPoolRows / batch; ++at) {
    calls.push_back(oracle.Prepare(pool.data() + at * width, batch, false));
  }
  std::vector<float> out(batch);
  const std::span<const float> rows(pool);
  std::vector<double> theirs, ours, ratios;
  std::vector<double> engines[kEngines];
  for (int turn = 0; turn < kTurns; ++turn) {
    theirs.push_back(Rate(batch, [&](std::size_t at) { oracle.Run(calls[at]); }));
    ours.push_back(Rate(batch, [&](std::size_t at) { forest.Predict(rows.subspan(at * width, width), batch, out); }));
    ratios.push_back(ours.back() / theirs.back());
    for (std::size_t engine = 0; engine < kEngines; ++engine) {
      if (!forest.Fits(static_cast<Engine>(engine))) continue;
      engines[engine].push_back(Rate(batch, [&](std::size_t at) {
        forest.PredictMarginOn(static_cast<Engine>(engine), rows.subspan(at * width, width), batch, out);
      }));
    }
  }
  const auto text = [](const std::vector<double>& rates) {
    return rates.empty() ? std::string("-") : WithThousands(std::llround(Median(rates)));
  };
  std::printf("%6zu %12s %12s %7.1fx  ", batch, text(theirs).c_str(), text(ours).c_str(), Median(ratios));
  for (const std::vector<double>& rates : engines) std::printf(" %14s", text(rates).c_str());
  std::printf("\n");
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
  std::printf("%6s %12s %12s %8s  ", "batch", "XGBoost", "forest", "ratio");
  for (std::size_t engine = 0; engine < kEngines; ++engine) {
    std::printf(" %14s", std::string(EngineName(static_cast<Engine>(engine))).c_str());
  }
  std::printf("\n");
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

int ReportFlightModels() {
  int worst = 0;
  for (const bool categorical : {false, true}) {
    const TrainingRows rows = FlightRows(40'000, categorical);
    const XgboostOracle oracle = TrainFlightModel(rows);
    const std::vector<float> pool(rows.values.begin(),
                                  rows.values.begin() + static_cast<std::ptrdiff_t>(kPoolRows * rows.num_features));
    const char* title = categorical ? "categories as XGBoost's type" : "categories as numbers";
    worst = std::max(worst, Report(title, oracle.Json(), oracle, pool));
  }
  return worst;
}

}  // namespace
}  // namespace mw::forest

int main(int argc, char** argv) {
  return argc > 1 ? mw::forest::ReportFile(argv[1]) : mw::forest::ReportFlightModels();
}
