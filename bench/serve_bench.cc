// What bench/serve_bench.py needs: two models, requests for them, and the time that one request takes inside the
// server, part by part. `columns` has the flight example's shape: 20 named columns, 150 trees of depth 6. `matrix`
// takes one FP32 matrix of 30 features: 100 trees of depth 6.
//   serve_bench package MODEL DIRECTORY  writes a model package
//   serve_bench request MODEL [ROWS]     prints the body of a request
//   serve_bench inside MODEL [ROWS]      prints microseconds for one request: decoded, predicted
#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "api/inference/inference_api.h"
#include "serving/test_model.h"

namespace mw {
namespace {

using schema::ColumnType;

struct BenchColumn {
  const char* name;
  ColumnType type;
  const char* value;  ///< as JSON
};
constexpr BenchColumn kColumns[] = {
    {"carrier", ColumnType::kCategory, "\"UA\""},
    {"origin", ColumnType::kCategory, "\"EWR\""},
    {"dest", ColumnType::kCategory, "\"IAH\""},
    {"hour", ColumnType::kInteger, "5"},
    {"minute", ColumnType::kInteger, "15"},
    {"weekday", ColumnType::kInteger, "2"},
    {"distance", ColumnType::kFloat, "1400"},
    {"seats", ColumnType::kFloat, "149"},
    {"plane_age", ColumnType::kFloat, "14"},
    {"engines", ColumnType::kInteger, "2"},
    {"temp", ColumnType::kFloat, "39.02"},
    {"dewp", ColumnType::kFloat, "28.04"},
    {"humid", ColumnType::kFloat, "64.43"},
    {"wind_dir", ColumnType::kFloat, "260"},
    {"wind_speed", ColumnType::kFloat, "12.65858"},
    {"wind_gust", ColumnType::kFloat, "null"},
    {"precip", ColumnType::kFloat, "0"},
    {"pressure", ColumnType::kFloat, "1011.9"},
    {"visib", ColumnType::kFloat, "10"},
    {"late_share_3h", ColumnType::kFloat, "0.07142857142857142"},
};

constexpr int kMatrixFeatures = 30;

/// One of the two models.
struct BenchModel {
  schema::Schema schema;
  std::vector<std::string> features;
  int trees = 0;
};

BenchModel ColumnsModel() {
  BenchModel model{.schema = {}, .features = {}, .trees = 150};
  for (const BenchColumn& bench : kColumns) {
    model.features.emplace_back(bench.name);
    model.schema.columns.push_back(serving::testing::TestColumn(bench.name, bench.type));
    if (bench.type == ColumnType::kCategory) {
      model.schema.columns.back().vocabulary = {"EWR", "IAH", "JFK", "LGA", "UA"};
    }
  }
  return model;
}

BenchModel MatrixModel() {
  BenchModel model{.schema = {}, .features = {}, .trees = 100};
  for (int i = 0; i < kMatrixFeatures; ++i) {
    model.features.push_back(Cat("f", i));
    model.schema.columns.push_back(serving::testing::TestColumn(model.features.back(), ColumnType::kFloat));
  }
  return model;
}

std::string ColumnsRequest(int rows) {
  std::string body = R"({"id":"2013-01-01-UA-1545-EWR","inputs":[)";
  for (const BenchColumn& bench : kColumns) {
    const bool text = bench.type == ColumnType::kCategory;
    CatTo(body, body.back() == '[' ? "" : ",", R"({"name":")", bench.name, R"(","shape":[)", rows, R"(],"datatype":")",
          text ? "BYTES" : "FP64", R"(","data":[)", bench.value);
    for (int row = 1; row < rows; ++row) CatTo(body, ",", bench.value);
    body += "]}";
  }
  return body + "]}";
}

/// Every value another one, of float precision.
std::string MatrixRequest(int rows) {
  Random random(11);
  std::string body =
      Cat(R"({"inputs":[{"name":"x","shape":[)", rows, ",", kMatrixFeatures, R"(],"datatype":"FP32","data":[)");
  for (int i = 0; i < rows * kMatrixFeatures; ++i) {
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, static_cast<float>(6 * random.Uniform() - 3));
    CatTo(body, i == 0 ? "" : ",", std::string_view(digits, static_cast<std::size_t>(end.ptr - digits)));
  }
  return body + "]}]}";
}

std::string BenchRequest(bool matrix, int rows) { return matrix ? MatrixRequest(rows) : ColumnsRequest(rows); }

Status WriteBenchPackage(bool matrix, const std::string& directory) {
  const BenchModel model = matrix ? MatrixModel() : ColumnsModel();
  TRY(MakeDirectories(directory));
  wire::Package package;
  package.info.model = "bench";
  package.info.threshold = 0.2;
  package.info.features = model.features;
  package.schema = schema::ToJson(model.schema);
  TRY(WriteFileDurably(directory + "/model.json",
                       serving::testing::RandomXgboostJson(7, model.features, model.trees, 6)));
  return wire::WritePackage(directory, package);
}

/// The best of many short windows: on a busy machine most of the long ones are interrupted.
template <typename Work>
double Micros(int rounds, const Work& work) {
  const RealClock clock;
  double best = 1e9;
  for (int repeat = 0; repeat < 400; ++repeat) {
    const Duration start = clock.Elapsed();
    for (int round = 0; round < rounds; ++round) work();
    best = std::min(best, static_cast<double>((clock.Elapsed() - start).count()) / rounds);
  }
  return best;
}

Status Inside(bool matrix, int rows) {
  const serving::testing::TestDirectory directory;
  TRY(WriteBenchPackage(matrix, directory / "p"));
  const std::shared_ptr<const serving::Model> model = TRY(serving::Model::Load(directory / "p"));
  const std::string body = BenchRequest(matrix, rows);
  const wire::ServingLimits limits;
  api::inference::RequestDecoder decoder;
  TRY(decoder.Decode(body, *model, limits));
  std::vector<float> values(decoder.rows());
  const int rounds = std::max(1, 500 / rows);
  const double decode = Micros(rounds, [&] { static_cast<void>(decoder.Decode(body, *model, limits)); });
  const double predict = Micros(rounds, [&] { model->Predict(decoder.features(), decoder.rows(), values); });
  std::printf("%d row%s of %zu columns, %zu bytes: decoded in %.2f us, predicted in %.2f us\n", rows,
              rows == 1 ? "" : "s", model->num_features(), body.size(), decode, predict);
  return Ok();
}

int Main(const std::vector<std::string_view>& words) {
  Status status =
      InvalidArgument("usage: serve_bench package MODEL DIRECTORY | request MODEL [ROWS] | inside MODEL [ROWS]",
                      "; MODEL is columns or matrix");
  const bool matrix = words.size() > 1 && words[1] == "matrix";
  const int rows = words.size() > 2 ? static_cast<int>(ParseInt(words[2]).value_or(1)) : 1;
  if (words.size() == 3 && words[0] == "package") status = WriteBenchPackage(matrix, std::string(words[2]));
  if (words.size() >= 2 && words[0] == "request") {
    std::puts(BenchRequest(matrix, rows).c_str());
    status = Ok();
  }
  if (words.size() >= 2 && words[0] == "inside") status = Inside(matrix, rows);
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", status.error().ToString().c_str());
  return 1;
}

}  // namespace
}  // namespace mw

int main(int argc, char** argv) { return mw::Main({argv + 1, argv + argc}); }
