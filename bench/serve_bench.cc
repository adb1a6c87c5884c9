// What bench/serve_bench.py needs: a model of the flight example's shape, a request for it, and the time
// that one request takes inside the server, part by part.
//   serve_bench package DIRECTORY  writes a model package: 20 columns, 150 trees of depth 6
//   serve_bench request            prints the body of a one-row request
//   serve_bench inside             prints microseconds for one request: decoded, predicted
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

schema::Schema BenchSchema() {
  schema::Schema schema;
  schema.name = "bench";
  for (const BenchColumn& bench : kColumns) {
    schema.columns.push_back(serving::testing::TestColumn(bench.name, bench.type));
    if (bench.type == ColumnType::kCategory) schema.columns.back().vocabulary = {"EWR", "IAH", "JFK", "LGA", "UA"};
  }
  return schema;
}

std::string BenchRequest() {
  std::string body = R"({"id":"2013-01-01-UA-1545-EWR","inputs":[)";
  for (const BenchColumn& bench : kColumns) {
    const bool text = bench.type == ColumnType::kCategory;
    CatTo(body, body.back() == '[' ? "" : ",", R"({"name":")", bench.name, R"(","shape":[1],"datatype":")",
          text ? "BYTES" : "FP64", R"(","data":[)", bench.value, "]}");
  }
  return body + "]}";
}

Status WriteBenchPackage(const std::string& directory) {
  TRY(MakeDirectories(directory));
  wire::Package package;
  package.info.model = "bench";
  package.info.threshold = 0.2;
  for (const BenchColumn& bench : kColumns) package.info.features.emplace_back(bench.name);
  package.schema = schema::ToJson(BenchSchema());
  TRY(WriteFileDurably(directory + "/model.json",
                       serving::testing::RandomXgboostJson(7, package.info.features, 150, 6)));
  return wire::WritePackage(directory, package);
}

/// The best of many short windows: on a busy machine most of the long ones are interrupted.
template <typename Work>
double Micros(const Work& work) {
  const RealClock clock;
  constexpr int kRounds = 500;
  double best = 1e9;
  for (int repeat = 0; repeat < 400; ++repeat) {
    const Duration start = clock.Elapsed();
    for (int round = 0; round < kRounds; ++round) work();
    best = std::min(best, static_cast<double>((clock.Elapsed() - start).count()) / kRounds);
  }
  return best;
}

Status Inside() {
  const serving::testing::TestDirectory directory;
  TRY(WriteBenchPackage(directory / "p"));
  const std::shared_ptr<const serving::Model> model = TRY(serving::Model::Load(directory / "p"));
  const std::string body = BenchRequest();
  const wire::ServingLimits limits;
  api::inference::RequestDecoder decoder;
  TRY(decoder.Decode(body, *model, limits));
  float value = 0;
  const double decode = Micros([&] { static_cast<void>(decoder.Decode(body, *model, limits)); });
  const double predict = Micros([&] { model->Predict(decoder.features(), 1, std::span(&value, 1)); });
  std::printf("one row of %zu columns, %zu bytes: decoded in %.2f us, predicted in %.2f us\n", model->num_features(),
              body.size(), decode, predict);
  return Ok();
}

int Main(const std::vector<std::string_view>& words) {
  Status status = InvalidArgument("usage: serve_bench package DIRECTORY | request | inside");
  if (words.size() == 2 && words[0] == "package") status = WriteBenchPackage(std::string(words[1]));
  if (words.size() == 1 && words[0] == "request") {
    std::puts(BenchRequest().c_str());
    status = Ok();
  }
  if (words.size() == 1 && words[0] == "inside") status = Inside();
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", status.error().ToString().c_str());
  return 1;
}

}  // namespace
}  // namespace mw

int main(int argc, char** argv) { return mw::Main({argv + 1, argv + argc}); }
