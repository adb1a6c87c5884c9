// ONNX models through mw-backend: answers against arithmetic done here, every datatype, files that are refused, the
// compile cache.
#include "serving/backend/onnx_backend.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/test_paths.h"
#include "base/text.h"
#include "serving/backend/test_onnx.h"
#include "serving/test_model.h"

namespace mw::serving {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the writer's words

class OnnxBackend : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& bytes) const {
    const std::string path = Cat(directory_.path(), "/", name);
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  Result<std::unique_ptr<Backend>> Start(const std::string& model, bool cached = false) const {
    NativeBackendOptions options;
    options.program = Cat(kBinaryDirectory, "/bin/mw-backend");
    if (cached) options.cache_directory = directory_.path() + "/compiled";
    return StartOnnxBackend(Write("model.onnx", model), options);
  }
  TestDirectory directory_;
};

TensorList OneTensor(std::string_view name, Datatype datatype, const std::vector<std::int64_t>& shape,
                     std::string_view bytes) {
  TensorList list;
  list.Append({name, datatype, shape, bytes});
  return list;
}

std::vector<float> Floats(const TensorView& tensor) {
  std::vector<float> values(tensor.bytes.size() / 4);
  if (!values.empty()) std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

std::vector<float> RandomRows(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(random.Normal());
  return values;
}

/// The same perceptron as OnnxPerceptron's, in doubles.
double Perceptron(const std::vector<std::int64_t>& sizes, const float* row) {
  Random random(1);
  std::vector<double> from(row, row + sizes[0]);
  for (std::size_t layer = 1; layer < sizes.size(); ++layer) {
    const auto inputs = static_cast<std::size_t>(sizes[layer - 1]), outputs = static_cast<std::size_t>(sizes[layer]);
    std::vector<double> sums(outputs);
    for (std::size_t i = 0; i < inputs; ++i) {
      for (double& sum : sums) sum += from[i] * static_cast<float>(random.Normal() * 1.2 / static_cast<double>(inputs));
    }
    const bool last = layer + 1 == sizes.size();
    for (double& sum : sums) {
      sum += static_cast<float>(random.Normal() * 0.1);
      sum = last ? 1 / (1 + std::exp(-sum)) : std::max(sum, 0.0);
    }
    from = sums;
  }
  return from[0];
}

TEST_F(OnnxBackend, APerceptronAnswersAsArithmeticDoes) {
  const std::vector<std::int64_t> sizes = {30, 256, 256, 128, 1};
  const auto backend = Start(OnnxPerceptron(sizes));
  ASSERT_TRUE(backend.ok()) << backend.error().ToString();
  const BackendInfo& info = (*backend)->info();
  EXPECT_EQ(info.platform, "onnxruntime_onnx");
  EXPECT_TRUE(info.library.starts_with("ONNX Runtime 1."));
  EXPECT_EQ(info.inputs, (std::vector<TensorSpec>{{"x", Datatype::kFp32, {-1, 30}}}));
  EXPECT_EQ(info.outputs, (std::vector<TensorSpec>{{"y", Datatype::kFp32, {-1, 1}}}));
  EXPECT_TRUE(info.batchable);
  EXPECT_GT(info.memory_bytes, 1'000'000U);
  for (const std::int64_t rows : {1, 7, 64, 1'000, 0}) {
    const std::vector<float> values = RandomRows(static_cast<std::size_t>(rows) * 30, 5);
    const auto answer =
        (*backend)->runners()[0]->Run(OneTensor("x", Datatype::kFp32, {rows, 30}, Raw(values)), kLongRun);
    ASSERT_TRUE(answer.ok()) << answer.error().ToString();
    const std::vector<float> found = Floats((*answer)[0]);
    ASSERT_EQ(found.size(), static_cast<std::size_t>(rows));
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], Perceptron(sizes, &values[i * 30]), 1e-6);
  }
}

TEST_F(OnnxBackend, EveryDatatypeGoesThereAndBack) {
  // In the order of Datatype: the number that ONNX gives each.
  constexpr std::array<int, kDatatypes> types = {9, 2, 4, 12, 13, 3, 5, 6, 7, 10, 16, 1, 11, 8};
  OnnxGraph graph;
  TensorList batch;
  std::string texts;
  for (const std::string_view text : {"", "a", "two\0parts", "f\xc3\xbcnf"}) AppendElement(texts, text);
  for (std::size_t i = 0; i < kDatatypes; ++i) {
    const auto datatype = static_cast<Datatype>(i);
    const std::string in = Cat("in ", DatatypeName(datatype)), out = Cat("out ", DatatypeName(datatype));
    graph.nodes.push_back(OnnxNode("Identity", {in}, {out}));
    graph.inputs.push_back(OnnxValue(in, types[i], {-1, 2}));
    graph.outputs.push_back(OnnxValue(out, types[i], {-1, 2}));
    std::string bytes(4 * DatatypeBytes(datatype), '\1');
    const std::array<std::int64_t, 2> shape = {2, 2};
    batch.Append({in, datatype, shape, datatype == Datatype::kBytes ? texts : bytes});
  }
  const auto backend = Start(OnnxModelFile(graph.Write()));
  ASSERT_TRUE(backend.ok()) << backend.error().ToString();
  const auto answer = (*backend)->runners()[0]->Run(batch, kLongRun);
  ASSERT_TRUE(answer.ok()) << answer.error().ToString();
  for (std::size_t i = 0; i < kDatatypes; ++i) {
    EXPECT_EQ((*answer)[i].datatype, static_cast<Datatype>(i));
    EXPECT_EQ((*answer)[i].bytes, batch[i].bytes) << (*answer)[i].name;
  }
}

TEST_F(OnnxBackend, TextsBecomeNumbersAndAClassifiersMapsOneTensor) {
  OnnxGraph graph;
  graph.nodes = {
      OnnxNode("LabelEncoder", {"city"}, {"code"},
               TextsAttribute("keys_strings", {"Oslo", "Rome"}) + IntsAttribute("values_int64s", {7, 9}) +
                   IntAttribute("default_int64", -1),
               "ai.onnx.ml"),
      OnnxNode("ZipMap", {"scores"}, {"maps"}, TextsAttribute("classlabels_strings", {"no", "yes"}), "ai.onnx.ml")};
  graph.inputs = {OnnxValue("city", kOnnxString, {-1}), OnnxValue("scores", kOnnxFloat, {-1, 2})};
  // seq(map(string, tensor(float)))
  const std::string maps =
      Bytes(1, "maps") +
      Bytes(2, Bytes(4, Bytes(1, Bytes(5, Number(1, kOnnxString) + Bytes(2, Bytes(1, Number(1, kOnnxFloat)))))));
  graph.outputs = {OnnxValue("code", kOnnxInt64, {-1}), maps};
  const auto backend = Start(OnnxModelFile(graph.Write()));
  ASSERT_TRUE(backend.ok()) << backend.error().ToString();
  TensorList batch;
  std::string cities;
  for (const std::string_view city : {"Rome", "Paris", "Oslo"}) AppendElement(cities, city);
  const std::vector<float> scores = {0.1F, 0.9F, 0.2F, 0.8F, 0.3F, 0.7F};
  const std::array<std::int64_t, 2> shape = {3, 2};
  batch.Append({"city", Datatype::kBytes, std::span(shape).first(1), cities});
  batch.Append({"scores", Datatype::kFp32, shape, Raw(scores)});
  const auto answer = (*backend)->runners()[0]->Run(batch, kLongRun);
  ASSERT_TRUE(answer.ok()) << answer.error().ToString();
  EXPECT_EQ((*answer)[0].bytes, Raw(std::vector<std::int64_t>{9, -1, 7}));
  EXPECT_EQ(Floats((*answer)[1]), scores);
  EXPECT_EQ((*answer)[1].shape[1], 2);
}

TEST_F(OnnxBackend, AModelOfOneFixedBatchOrOfScalarsIsNotBatchable) {
  OnnxGraph graph;
  graph.nodes = {OnnxNode("Identity", {"x"}, {"y"})};
  graph.inputs = {OnnxValue("x", kOnnxFloat, {4, 2})};
  graph.outputs = {OnnxValue("y", kOnnxFloat, {4, 2})};
  const auto fixed = Start(OnnxModelFile(graph.Write()));
  ASSERT_TRUE(fixed.ok()) << fixed.error().ToString();
  EXPECT_FALSE((*fixed)->info().batchable);
  graph.nodes = {OnnxNode("ReduceSum", {"x"}, {"y"}, IntAttribute("keepdims", 0))};
  graph.inputs = {OnnxValue("x", kOnnxFloat, {-1, 2})};
  graph.outputs = {OnnxValue("y", kOnnxFloat, {})};
  const auto scalar = Start(OnnxModelFile(graph.Write()));
  ASSERT_TRUE(scalar.ok()) << scalar.error().ToString();
  EXPECT_FALSE((*scalar)->info().batchable);
}

TEST_F(OnnxBackend, WeightsBesideTheModelAreReadAndThoseElsewhereAreNot) {
  OnnxGraph graph;
  graph.nodes = {OnnxNode("Add", {"x", "w"}, {"y"})};
  graph.inputs = {OnnxValue("x", kOnnxFloat, {-1, 2})};
  graph.outputs = {OnnxValue("y", kOnnxFloat, {-1, 2})};
  graph.initializers = {OnnxExternal("w", {2}, "weights.bin")};
  Write("weights.bin", Raw(std::vector<float>{10, 20}));
  const auto beside = Start(OnnxModelFile(graph.Write()), true);
  ASSERT_TRUE(beside.ok()) << beside.error().ToString();
  const auto answer =
      (*beside)->runners()[0]->Run(OneTensor("x", Datatype::kFp32, {1, 2}, Raw(std::vector<float>{1, 2})), kLongRun);
  ASSERT_TRUE(answer.ok()) << answer.error().ToString();
  EXPECT_EQ(Floats((*answer)[0]), (std::vector<float>{11, 22}));
  std::filesystem::remove(directory_.path() + "/weights.bin");
  std::filesystem::create_symlink("/etc/passwd", directory_.path() + "/weights.bin");
  EXPECT_EQ(Start(OnnxModelFile(graph.Write())).error().code, Code::kPermissionDenied);
  Write("short.bin", "abc");
  graph.initializers = {OnnxExternal("w", {2}, "short.bin")};
  EXPECT_FALSE(Start(OnnxModelFile(graph.Write())).ok());
}

TEST_F(OnnxBackend, AFileThatIsNoModelIsRefusedInOneSentence) {
  const auto nonsense = Start("nonsense");
  EXPECT_EQ(nonsense.error().code, Code::kInvalidArgument);
  OnnxGraph graph;
  graph.nodes = {OnnxNode("NoSuchOperator", {"x"}, {"y"})};
  graph.inputs = {OnnxValue("x", kOnnxFloat, {-1})};
  graph.outputs = {OnnxValue("y", kOnnxFloat, {-1})};
  const auto unknown = Start(OnnxModelFile(graph.Write()));
  ASSERT_FALSE(unknown.ok());
  EXPECT_NE(unknown.error().message.find("NoSuchOperator"), std::string::npos) << unknown.error().ToString();
  NativeBackendOptions options;
  options.program = Cat(kBinaryDirectory, "/bin/mw-backend");
  EXPECT_EQ(StartOnnxBackend(directory_.path() + "/absent.onnx", options).error().code, Code::kNotFound);
  options.program = "/nonexistent/mw-backend";
  EXPECT_EQ(StartOnnxBackend(directory_.path() + "/model.onnx", options).error().code, Code::kNotFound);
}

TEST_F(OnnxBackend, TheEstimateIsNeitherTooLowNorFarTooHigh) {
  for (const std::string& model : {OnnxPerceptron({1'000, 1'000, 1'000, 1}), OnnxTrees(300, 8, 10)}) {
    const auto backend = Start(model);
    ASSERT_TRUE(backend.ok()) << backend.error().ToString();
    const auto estimate = EstimateBackendMemory(directory_.path() + "/model.onnx");
    ASSERT_TRUE(estimate.ok()) << estimate.error().ToString();
    EXPECT_LT(*estimate, 2 * (*backend)->info().memory_bytes);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    EXPECT_GT(*estimate, (*backend)->info().memory_bytes);
#endif
  }
  EXPECT_EQ(EstimateBackendMemory(directory_.path() + "/absent.onnx").error().code, Code::kNotFound);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // whose own memory counts
TEST_F(OnnxBackend, AModelThatWantsMoreMemoryThanItMayIsRefused) {
  NativeBackendOptions options;
  options.program = Cat(kBinaryDirectory, "/bin/mw-backend");
  options.memory_bytes_max = 40'000'000;
  const std::string path = Write("model.onnx", OnnxPerceptron({2'500, 2'500, 1}));
  EXPECT_FALSE(StartOnnxBackend(path, options).ok());
  options.memory_bytes_max = 1'000'000'000;
  EXPECT_TRUE(StartOnnxBackend(path, options).ok());
}
#endif

TEST_F(OnnxBackend, WhatTheLibraryRefusesIsAnErrorOfThatBatchAlone) {
  OnnxGraph graph;
  graph.nodes = {OnnxNode("Gather", {"table", "i"}, {"y"})};
  graph.initializers = {OnnxFloats("table", {2}, {5, 6})};
  graph.inputs = {OnnxValue("i", kOnnxInt64, {-1})};
  graph.outputs = {OnnxValue("y", kOnnxFloat, {-1})};
  const auto backend = Start(OnnxModelFile(graph.Write()));
  ASSERT_TRUE(backend.ok()) << backend.error().ToString();
  Runner* runner = (*backend)->runners()[0];
  const auto outside = runner->Run(OneTensor("i", Datatype::kInt64, {1}, Raw(std::vector<std::int64_t>{9})), kLongRun);
  ASSERT_FALSE(outside.ok());
  EXPECT_NE(outside.error().message.find("ONNX Runtime"), std::string::npos) << outside.error().ToString();
  const auto inside = runner->Run(OneTensor("i", Datatype::kInt64, {1}, Raw(std::vector<std::int64_t>{1})), kLongRun);
  ASSERT_TRUE(inside.ok());
  EXPECT_EQ(Floats((*inside)[0]), std::vector<float>{6});
}

TEST_F(OnnxBackend, TheOptimisedGraphIsKeptAndAnswersAlike) {
  std::vector<std::int64_t> deep(100, 16);  // small graphs are not kept
  deep.front() = 30;
  const std::string model = OnnxPerceptron(deep);
  const TensorList batch = OneTensor("x", Datatype::kFp32, {100, 30}, Raw(RandomRows(3'000, 3)));
  std::vector<std::string> answers;
  for (int i = 0; i < 3; ++i) {
    const auto backend = Start(model, /*cached=*/i > 0);
    ASSERT_TRUE(backend.ok()) << backend.error().ToString();
    const auto answer = (*backend)->runners()[0]->Run(batch, kLongRun);
    ASSERT_TRUE(answer.ok()) << answer.error().ToString();
    answers.emplace_back((*answer)[0].bytes);
  }
  EXPECT_EQ(answers[0], answers[1]);
  EXPECT_EQ(answers[0], answers[2]);
  std::vector<std::filesystem::path> kept;
  for (const auto& entry : std::filesystem::directory_iterator(directory_.path() + "/compiled"))
    kept.push_back(entry.path());
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].extension(), ".onnx");
  std::ofstream(kept[0], std::ios::binary) << "damaged";
  ASSERT_TRUE(Start(model, true).ok());
  EXPECT_GT(std::filesystem::file_size(kept[0]), 1'000U);  // made anew
}

}  // namespace
}  // namespace mw::serving
