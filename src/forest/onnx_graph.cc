// The messages of onnx.proto that matter, by their field numbers.
#include "forest/onnx_graph.h"

#include <algorithm>

#include "base/text.h"
#include "forest/limits.h"
#include "forest/protobuf_reader.h"

namespace mw::forest {
namespace {

constexpr std::size_t kGraphNodesMax = 1'000;

Status ReadTensorData(OnnxTensor& tensor, std::string_view raw) {
  if (tensor.data_type == kOnnxFloat && !raw.empty()) return AppendFloats({0, true, 0, raw}, tensor.floats);
  if (tensor.data_type == kOnnxUint8) {
    for (const char byte : raw) tensor.ints.push_back(static_cast<unsigned char>(byte));
  }
  return Ok();
}

Result<OnnxTensor> ReadTensor(std::string_view message) {
  OnnxTensor tensor;
  std::string_view raw;
  bool external = false;
  TRY(ForEachField(message, [&](const ProtoField& field) -> Status {
    switch (field.number) {
      case 2: tensor.data_type = static_cast<std::int64_t>(field.value); break;
      case 4: return AppendFloats(field, tensor.floats);
      case 5: return AppendVarints(field, tensor.ints);
      case 8: tensor.name = field.bytes; break;
      case 9: raw = field.bytes; break;
      case 13: external = true; break;
      case 14: external |= field.value != 0; break;
      default: break;
    }
    return Ok();
  }));
  if (external) return Unimplemented("tensor ", Quoted(tensor.name), " keeps its data outside the file");
  TRY(ReadTensorData(tensor, raw));
  return tensor;
}

Result<OnnxAttribute> ReadAttribute(std::string_view message) {
  OnnxAttribute attribute;
  TRY(ForEachField(message, [&](const ProtoField& field) -> Status {
    switch (field.number) {
      case 1: attribute.name = field.bytes; break;
      case 3: attribute.i = static_cast<std::int64_t>(field.value); break;
      case 4: attribute.s = field.bytes; break;
      case 5: attribute.tensor = TRY(ReadTensor(field.bytes)); break;
      case 7: return AppendFloats(field, attribute.floats);
      case 8: return AppendVarints(field, attribute.ints);
      case 9: attribute.strings.push_back(field.bytes); break;
      default: break;
    }
    return Ok();
  }));
  const std::size_t most = std::max({attribute.floats.size(), attribute.ints.size(), attribute.strings.size()});
  if (most > kNodesMax) {
    return ResourceExhausted("attribute ", Quoted(attribute.name), " has more than ", kNodesMax, " elements");
  }
  return attribute;
}

Result<OnnxNode> ReadNode(std::string_view message) {
  OnnxNode node;
  TRY(ForEachField(message, [&](const ProtoField& field) -> Status {
    switch (field.number) {
      case 1: node.inputs.push_back(field.bytes); break;
      case 2: node.outputs.push_back(field.bytes); break;
      case 3: node.name = field.bytes; break;
      case 4: node.op_type = field.bytes; break;
      case 5: node.attributes.push_back(TRY(ReadAttribute(field.bytes))); break;
      case 7: node.domain = field.bytes; break;
      default: break;
    }
    return Ok();
  }));
  return node;
}

Status ReadShape(std::string_view message, OnnxValue& value) {
  return ForEachField(message, [&](const ProtoField& field) -> Status {
    if (field.number != 1) return Ok();
    std::int64_t size = -1;
    TRY(ForEachField(field.bytes, [&](const ProtoField& dimension) {
      if (dimension.number == 1) size = static_cast<std::int64_t>(dimension.value);
      return Ok();
    }));
    value.shape.push_back(size);
    return Ok();
  });
}

Result<OnnxValue> ReadValue(std::string_view message) {
  OnnxValue value;
  const auto read_tensor_type = [&](const ProtoField& field) -> Status {
    if (field.number == 1) value.element_type = static_cast<std::int64_t>(field.value);
    return field.number == 2 ? ReadShape(field.bytes, value) : Ok();
  };
  const auto read_type = [&](const ProtoField& field) -> Status {
    return field.number == 1 ? ForEachField(field.bytes, read_tensor_type) : Ok();
  };
  TRY(ForEachField(message, [&](const ProtoField& field) -> Status {
    if (field.number == 1) value.name = field.bytes;
    return field.number == 2 ? ForEachField(field.bytes, read_type) : Ok();
  }));
  return value;
}

Status ReadGraph(std::string_view message, OnnxGraph& graph) {
  TRY(ForEachField(message, [&](const ProtoField& field) -> Status {
    switch (field.number) {
      case 1: graph.nodes.push_back(TRY(ReadNode(field.bytes))); break;
      case 5: graph.initializers.push_back(TRY(ReadTensor(field.bytes))); break;
      case 11: graph.inputs.push_back(TRY(ReadValue(field.bytes))); break;
      case 12: graph.outputs.push_back(TRY(ReadValue(field.bytes))); break;
      default: break;
    }
    if (graph.nodes.size() > kGraphNodesMax) {
      return Unimplemented("the graph has more than ", kGraphNodesMax, " nodes; it is more than a tree ensemble");
    }
    return Ok();
  }));
  // Old files list their initializers among the inputs.
  std::erase_if(graph.inputs, [&](const OnnxValue& input) {
    return std::any_of(graph.initializers.begin(), graph.initializers.end(),
                       [&](const OnnxTensor& tensor) { return tensor.name == input.name; });
  });
  return Ok();
}

}  // namespace

const OnnxAttribute* OnnxNode::Find(std::string_view attribute) const {
  const auto found = std::find_if(attributes.begin(), attributes.end(),
                                  [&](const OnnxAttribute& one) { return one.name == attribute; });
  return found == attributes.end() ? nullptr : &*found;
}

std::string OnnxNode::Describe() const {
  return Cat("node ", Quoted(name.empty() && !outputs.empty() ? outputs[0] : name), " (", Quoted(op_type), ")");
}

Result<OnnxGraph> ReadOnnxGraph(std::string_view bytes) {
  if (bytes.size() > kModelBytesMax) {
    return ResourceExhausted("the model has ", bytes.size(), " bytes; at most ", kModelBytesMax);
  }
  OnnxGraph graph;
  bool has_graph = false;
  TRY(ForEachField(bytes, [&](const ProtoField& field) -> Status {
        if (field.number != 7 || has_graph) return Ok();
        has_graph = true;
        return ReadGraph(field.bytes, graph);
      }).In("the model is no ONNX file"));
  if (!has_graph) return InvalidArgument("the model is no ONNX file: it has no graph");
  return graph;
}

}  // namespace mw::forest
