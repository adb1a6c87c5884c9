// ONNX files for tests, benchmarks and seeds, written field by field of onnx.proto, so that no other program is needed
// to make them: a perceptron of several layers, ensembles of trees, and the pieces to write others with.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/text.h"

namespace mw::serving::testing {

// Protobuf's wire format.
inline std::string Varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<char>(value | 0x80));
  bytes.push_back(static_cast<char>(value));
  return bytes;
}
inline std::string Number(int field, std::int64_t value) {
  return Varint(static_cast<std::uint64_t>(field) << 3) + Varint(static_cast<std::uint64_t>(value));
}
inline std::string Bytes(int field, std::string_view bytes) {
  return Varint(static_cast<std::uint64_t>(field) << 3 | 2) + Varint(bytes.size()) + std::string(bytes);
}
template <typename T>
std::string Raw(const std::vector<T>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

// onnx.proto's TensorProto.DataType and AttributeProto.AttributeType.
inline constexpr int kOnnxFloat = 1, kOnnxInt64 = 7, kOnnxString = 8;

inline std::string OnnxTensor(std::string_view name, const std::vector<std::int64_t>& dims, int type,
                              std::string_view raw) {
  std::string tensor;
  for (const std::int64_t size : dims) tensor += Number(1, size);
  return tensor + Number(2, type) + Bytes(8, name) + Bytes(9, raw);
}
inline std::string OnnxFloats(std::string_view name, const std::vector<std::int64_t>& dims,
                              const std::vector<float>& values) {
  return OnnxTensor(name, dims, kOnnxFloat, Raw(values));
}
/// A tensor whose bytes lie in the file `location`.
inline std::string OnnxExternal(std::string_view name, const std::vector<std::int64_t>& dims,
                                std::string_view location) {
  std::string tensor;
  for (const std::int64_t size : dims) tensor += Number(1, size);
  return tensor + Number(2, kOnnxFloat) + Bytes(8, name) + Bytes(13, Bytes(1, "location") + Bytes(2, location)) +
         Number(14, 1);
}

inline std::string IntAttribute(std::string_view name, std::int64_t value) {
  return Bytes(5, Bytes(1, name) + Number(3, value) + Number(20, 2));
}
inline std::string TextAttribute(std::string_view name, std::string_view value) {
  return Bytes(5, Bytes(1, name) + Bytes(4, value) + Number(20, 3));
}
inline std::string TensorAttribute(std::string_view name, std::string_view tensor) {
  return Bytes(5, Bytes(1, name) + Bytes(5, tensor) + Number(20, 4));
}
inline std::string GraphAttribute(std::string_view name, std::string_view graph) {
  return Bytes(5, Bytes(1, name) + Bytes(6, graph) + Number(20, 5));
}
inline std::string FloatsAttribute(std::string_view name, const std::vector<float>& values) {
  return Bytes(5, Bytes(1, name) + Bytes(7, Raw(values)) + Number(20, 6));
}
inline std::string IntsAttribute(std::string_view name, const std::vector<std::int64_t>& values) {
  std::string packed;
  for (const std::int64_t value : values) packed += Varint(static_cast<std::uint64_t>(value));
  return Bytes(5, Bytes(1, name) + Bytes(8, packed) + Number(20, 7));
}
inline std::string TextsAttribute(std::string_view name, const std::vector<std::string>& values) {
  std::string texts;
  for (const std::string& value : values) texts += Bytes(9, value);
  return Bytes(5, Bytes(1, name) + texts + Number(20, 8));
}

/// `attributes`: what the functions above gave, one after the other.
inline std::string OnnxNode(std::string_view op_type, const std::vector<std::string>& inputs,
                            const std::vector<std::string>& outputs, std::string_view attributes = "",
                            std::string_view domain = "") {
  std::string node;
  for (const std::string& input : inputs) node += Bytes(1, input);
  for (const std::string& output : outputs) node += Bytes(2, output);
  node += Bytes(3, Cat(op_type, "_", outputs[0])) + Bytes(4, op_type) + std::string(attributes);
  return domain.empty() ? node : node + Bytes(7, domain);
}
/// A graph's input or output; -1 is a dynamic axis.
inline std::string OnnxValue(std::string_view name, int type, const std::vector<std::int64_t>& shape) {
  std::string dims;
  for (const std::int64_t size : shape) dims += Bytes(1, size < 0 ? Bytes(2, "rows") : Number(1, size));
  return Bytes(1, name) + Bytes(2, Bytes(1, Number(1, type) + Bytes(2, dims)));
}

struct OnnxGraph {
  std::vector<std::string> nodes, initializers, inputs, outputs;
  [[nodiscard]] std::string Write() const {
    std::string graph;
    for (const std::string& node : nodes) graph += Bytes(1, node);
    graph += Bytes(2, "graph");
    for (const std::string& tensor : initializers) graph += Bytes(5, tensor);
    for (const std::string& input : inputs) graph += Bytes(11, input);
    for (const std::string& output : outputs) graph += Bytes(12, output);
    return graph;
  }
};

inline std::string OnnxOpset(std::string_view domain, std::int64_t version) {
  return Bytes(8, Bytes(1, domain) + Number(2, version));
}
inline std::string OnnxModelFile(std::string_view graph, std::string_view more = "") {
  return Number(1, 8) + Bytes(7, graph) + OnnxOpset("", 17) + OnnxOpset("ai.onnx.ml", 3) + std::string(more);
}

/// Layers of random weights with Relu between and Sigmoid at the end: input "x" [-1, sizes.front()], output "y"
/// [-1, sizes.back()].
inline std::string OnnxPerceptron(const std::vector<std::int64_t>& sizes, std::uint64_t seed = 1) {
  Random random(seed);
  OnnxGraph graph;
  std::string from = "x";
  for (std::size_t layer = 1; layer < sizes.size(); ++layer) {
    const auto inputs = static_cast<std::size_t>(sizes[layer - 1]), outputs = static_cast<std::size_t>(sizes[layer]);
    std::vector<float> weights(inputs * outputs), bias(outputs);
    for (float& weight : weights) weight = static_cast<float>(random.Normal() * 1.2 / static_cast<double>(inputs));
    for (float& value : bias) value = static_cast<float>(random.Normal() * 0.1);
    graph.initializers.push_back(OnnxFloats(Cat("w", layer), {sizes[layer - 1], sizes[layer]}, weights));
    graph.initializers.push_back(OnnxFloats(Cat("b", layer), {sizes[layer]}, bias));
    const bool last = layer + 1 == sizes.size();
    graph.nodes.push_back(OnnxNode("Gemm", {from, Cat("w", layer), Cat("b", layer)}, {Cat("z", layer)}));
    from = last ? "y" : Cat("a", layer);
    graph.nodes.push_back(OnnxNode(last ? "Sigmoid" : "Relu", {Cat("z", layer)}, {from}));
  }
  graph.inputs = {OnnxValue("x", kOnnxFloat, {-1, sizes.front()})};
  graph.outputs = {OnnxValue("y", kOnnxFloat, {-1, sizes.back()})};
  return OnnxModelFile(graph.Write());
}

/// Complete random trees, as converters write boosted ones: input "x" [-1, features], output "y" [-1, 1].
inline std::string OnnxTrees(std::size_t trees, int depth, std::size_t features, std::uint64_t seed = 1) {
  Random random(seed);
  std::vector<std::int64_t> ids, nodes, feature, yes, no, target_tree, target_node, target;
  std::vector<float> thresholds, weights;
  std::vector<std::string> modes;
  const std::int64_t inner = (std::int64_t{1} << depth) - 1, all = 2 * inner + 1;
  for (std::size_t tree = 0; tree < trees; ++tree) {
    for (std::int64_t node = 0; node < all; ++node) {
      const bool leaf = node >= inner;
      ids.push_back(static_cast<std::int64_t>(tree));
      nodes.push_back(node);
      feature.push_back(leaf ? 0 : static_cast<std::int64_t>(random.Below(features)));
      thresholds.push_back(leaf ? 0.0F : static_cast<float>(random.Normal()));
      modes.emplace_back(leaf ? "LEAF" : "BRANCH_LT");
      yes.push_back(leaf ? 0 : 2 * node + 1);
      no.push_back(leaf ? 0 : 2 * node + 2);
      if (!leaf) continue;
      target_tree.push_back(static_cast<std::int64_t>(tree));
      target_node.push_back(node);
      target.push_back(0);
      weights.push_back(static_cast<float>(random.Normal() * 0.05));
    }
  }
  const std::string attributes = IntAttribute("n_targets", 1) + IntsAttribute("nodes_treeids", ids) +
                                 IntsAttribute("nodes_nodeids", nodes) + IntsAttribute("nodes_featureids", feature) +
                                 FloatsAttribute("nodes_values", thresholds) + TextsAttribute("nodes_modes", modes) +
                                 IntsAttribute("nodes_truenodeids", yes) + IntsAttribute("nodes_falsenodeids", no) +
                                 IntsAttribute("target_treeids", target_tree) +
                                 IntsAttribute("target_nodeids", target_node) + IntsAttribute("target_ids", target) +
                                 FloatsAttribute("target_weights", weights) + TextAttribute("post_transform", "NONE");
  OnnxGraph graph;
  graph.nodes = {OnnxNode("TreeEnsembleRegressor", {"x"}, {"y"}, attributes, "ai.onnx.ml")};
  graph.inputs = {OnnxValue("x", kOnnxFloat, {-1, static_cast<std::int64_t>(features)})};
  graph.outputs = {OnnxValue("y", kOnnxFloat, {-1, 1})};
  return OnnxModelFile(graph.Write());
}

}  // namespace mw::serving::testing
