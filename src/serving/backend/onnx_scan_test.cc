// ONNX files that try something: each place where a tensor may stand, every way to name a file, custom operators,
// sizes that lie.
#include "serving/backend/onnx_scan.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "serving/backend/test_onnx.h"
#include "serving/test_model.h"

namespace mw::serving {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the writer's words

std::string Identity() { return OnnxNode("Identity", {"x"}, {"y"}); }

std::string ModelWith(OnnxGraph graph, std::string_view more = "") {
  if (graph.nodes.empty()) graph.nodes = {Identity()};
  return OnnxModelFile(graph.Write(), more);
}

/// A model with the tensor at each place where onnx.proto has one.
std::vector<std::string> EverywhereATensorMayStand(const std::string& tensor) {
  OnnxGraph inner;
  inner.nodes = {Identity()};
  inner.initializers = {tensor};
  const std::string sparse_values = Bytes(1, tensor), sparse_indices = Bytes(2, tensor);
  const auto attribute = [](int field, const std::string& bytes) {
    OnnxGraph graph;
    graph.nodes = {OnnxNode("Constant", {}, {"c"}, Bytes(5, Bytes(1, "a") + Bytes(field, bytes)))};
    return ModelWith(graph);
  };
  OnnxGraph deep;
  deep.nodes = {OnnxNode("Loop", {}, {"l"}, GraphAttribute("body", [&] {
                           OnnxGraph branch;
                           branch.nodes = {OnnxNode("If", {}, {"i"}, GraphAttribute("then_branch", inner.Write()))};
                           return branch.Write();
                         }()))};
  return {ModelWith(inner),
          attribute(5, tensor),                               // t
          attribute(10, tensor),                              // tensors
          attribute(6, inner.Write()),                        // g
          attribute(11, inner.Write()),                       // graphs
          attribute(22, sparse_values),                       // sparse_tensor
          attribute(22, sparse_indices),                      //
          attribute(23, sparse_values),                       // sparse_tensors
          ModelWith(deep),                                    // If in Loop
          ModelWith({}, Bytes(20, Bytes(1, inner.Write()))),  // training: initialization
          ModelWith({}, Bytes(20, Bytes(2, inner.Write()))),  // training: algorithm
          ModelWith({}, Bytes(25, Bytes(1, "f") + Bytes(10, "d") +
                                      Bytes(7, OnnxNode("Constant", {}, {"c"}, TensorAttribute("value", tensor))))),
          ModelWith({}, Bytes(25, Bytes(1, "f") + Bytes(11, Bytes(1, "a") + Bytes(5, tensor)))),  // a default
          OnnxModelFile(inner.Write() + Bytes(15, sparse_values)),                                // sparse_initializer
          OnnxModelFile(OnnxGraph{{Identity()}, {}, {}, {}}.Write() + Bytes(15, sparse_indices))};
}

TEST(OnnxScan, AnOrdinaryModelPasses) {
  const auto scan = ScanOnnx(OnnxPerceptron({30, 16, 1}));
  ASSERT_TRUE(scan.ok()) << scan.error().ToString();
  EXPECT_EQ(scan->ir_version, 8);
  EXPECT_EQ(scan->nodes, 4U);
  EXPECT_EQ(scan->tensors, 4U);
  EXPECT_EQ(scan->weight_bytes, 4U * (30 * 16 + 16 + 16 + 1));
  EXPECT_TRUE(scan->external.empty());
  EXPECT_TRUE(ScanOnnx(OnnxTrees(3, 2, 4)).ok());
}

TEST(OnnxScan, ATensorInAFileOfTheModelsDirectoryIsFoundWhereverItStands) {
  for (const std::string& model : EverywhereATensorMayStand(OnnxExternal("w", {2}, "weights.bin"))) {
    const auto scan = ScanOnnx(model);
    ASSERT_TRUE(scan.ok()) << scan.error().ToString();
    EXPECT_EQ(scan->external, std::vector<std::string>{"weights.bin"});
  }
}

TEST(OnnxScan, ATensorInAnyOtherFileIsRefusedWhereverItStands) {
  const std::string_view locations[] = {"../weights.bin",
                                        "/etc/passwd",
                                        "a/../../b",
                                        "sub/weights.bin",
                                        "..",
                                        ".",
                                        ".hidden",
                                        "",
                                        "a\\b",
                                        "file:///etc/passwd",
                                        std::string_view("a\0b", 3)};
  for (const std::string_view location : locations) {
    for (const std::string& model : EverywhereATensorMayStand(OnnxExternal("w", {2}, location))) {
      EXPECT_EQ(ScanOnnx(model).error().code, Code::kPermissionDenied) << location;
    }
  }
}

TEST(OnnxScan, HalfAnExternalTensorIsNoWayAround) {
  const std::string entry = Bytes(13, Bytes(1, "location") + Bytes(2, "/etc/passwd"));
  const std::string plain = Bytes(13, Bytes(1, "location") + Bytes(2, "w.bin"));
  const std::string head = Number(1, 2) + Number(2, 1);
  for (const std::string& tensor : {
           head + entry,                          // not marked as external
           head + Number(14, 1),                  // marked, no location
           head + plain + entry + Number(14, 1),  // two locations
           head + entry + plain + Number(14, 1),  //
           head + entry + Number(14, 1) + Number(14, 0),
       }) {
    EXPECT_EQ(ScanOnnx(ModelWith({{}, {tensor}, {}, {}})).error().code, Code::kPermissionDenied);
  }
}

TEST(OnnxScan, ACustomOperatorIsRefusedByName) {
  OnnxGraph graph;
  graph.nodes = {OnnxNode("RunShell", {"x"}, {"y"}, "", "evil.ops")};
  const auto refused = ScanOnnx(ModelWith(graph));
  EXPECT_EQ(refused.error().code, Code::kUnimplemented);
  EXPECT_EQ(
      refused.error().message,
      "node \"RunShell_y\" is the operator \"RunShell\" of the domain \"evil.ops\"; only operators of ONNX and ONNX "
      "Runtime itself can be run, no custom ones");
  // The model's own function of that name is built of known operators.
  const std::string function = Bytes(25, Bytes(1, "RunShell") + Bytes(7, Identity()) + Bytes(10, "evil.ops"));
  EXPECT_TRUE(ScanOnnx(ModelWith(graph, function)).ok());
  graph.nodes = {OnnxNode("FusedGemm", {"x"}, {"y"}, "", "com.microsoft")};
  EXPECT_TRUE(ScanOnnx(ModelWith(graph)).ok());
}

TEST(OnnxScan, ASizeThatLiesIsRefused) {
  const auto with = [](const std::string& tensor) { return ScanOnnx(ModelWith({{}, {tensor}, {}, {}})); };
  EXPECT_TRUE(with(OnnxFloats("w", {2}, {1, 2})).ok());
  EXPECT_EQ(with(OnnxFloats("w", {3}, {1, 2})).error().code, Code::kInvalidArgument);
  EXPECT_EQ(with(OnnxFloats("w", {-2}, {1, 2})).error().code, Code::kResourceExhausted);
  EXPECT_EQ(with(Number(1, std::int64_t{1} << 62) + Number(2, 1)).error().code, Code::kResourceExhausted);
  EXPECT_EQ(with(Number(1, 1 << 20) + Number(1, 1 << 20) + Number(2, 1)).error().code, Code::kResourceExhausted);
}

TEST(OnnxScan, AGraphThatIsNestedWithoutEndIsRefused) {
  std::string graph = OnnxGraph{{Identity()}, {}, {}, {}}.Write();
  for (int i = 0; i < 40; ++i)
    graph = OnnxGraph{{OnnxNode("If", {}, {"i"}, GraphAttribute("g", graph))}, {}, {}, {}}.Write();
  EXPECT_EQ(ScanOnnx(OnnxModelFile(graph)).error().code, Code::kResourceExhausted);
}

TEST(OnnxScan, AFileThatIsCutOrDamagedIsRefused) {
  const std::string model = OnnxPerceptron({4, 3, 1});
  ASSERT_TRUE(ScanOnnx(model).ok());
  for (std::size_t size = 0; size < model.size(); ++size) {
    // Where a field ends exactly, what is left may be a model without the opset that follows: the library's business.
    if (ScanOnnx(model.substr(0, size)).ok()) {
      EXPECT_GT(size, model.size() - 40);
    }
  }
  EXPECT_FALSE(ScanOnnx("").ok());
  EXPECT_FALSE(ScanOnnx("PK\x03\x04 a zip file").ok());
  EXPECT_FALSE(ScanOnnx(model + Bytes(30, "a field that a later version brings")).ok());
  EXPECT_FALSE(ScanOnnx(model + "\x3b").ok());  // a group begins
}

TEST(OnnxScan, OnlyAPlainFileWithOneNameIsOpened) {
  const TestDirectory directory;
  const std::string& path = directory.path();
  ASSERT_TRUE(WriteFileDurably(path + "/plain", "x").ok());
  EXPECT_TRUE(OpenBesideModel(path, "plain").ok());
  ASSERT_EQ(symlink("/etc/passwd", (path + "/symbolic").c_str()), 0);
  EXPECT_EQ(OpenBesideModel(path, "symbolic").error().code, Code::kPermissionDenied);
  ASSERT_TRUE(WriteFileDurably(path + "/two", "x").ok());
  ASSERT_EQ(link((path + "/two").c_str(), (path + "/names").c_str()), 0);
  EXPECT_EQ(OpenBesideModel(path, "names").error().code, Code::kPermissionDenied);
  ASSERT_EQ(mkfifo((path + "/pipe").c_str(), 0600), 0);
  EXPECT_EQ(OpenBesideModel(path, "pipe").error().code, Code::kPermissionDenied);
  EXPECT_EQ(OpenBesideModel(path, "absent").error().code, Code::kNotFound);
}

}  // namespace
}  // namespace mw::serving
