// Requests over gRPC of any bytes, whole and in pieces: no crash, no read beyond them, the same in whatever pieces, and
// nothing is accepted that protobuf's own parser refuses or reads otherwise. What was accepted is fitted to a model.
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/inference/grpc/infer_message.h"
#include "base/assert.h"
#include "open_inference.pb.h"
#include "serving/test_model.h"

namespace {

using mw::api::inference::InferMessage;
using mw::serving::TensorView;

std::shared_ptr<const mw::serving::Model> LoadModel() {
  const mw::serving::testing::TestDirectory directory;
  mw::serving::testing::WriteTestPackage(directory / "p", 1);
  auto model = mw::serving::Model::Load(directory / "p");
  MW_ASSERT(model.ok());
  return *model;
}

/// Pieces of lengths that the bytes themselves decide, each in memory of its own, so that a read beyond one is seen.
std::vector<std::string> PiecesOf(std::string_view bytes) {
  std::vector<std::string> pieces;
  for (std::size_t at = 0; at < bytes.size(); at += pieces.back().size()) {
    const std::size_t length = 1 + static_cast<unsigned char>(bytes[bytes.size() - 1 - at]) % 23;
    pieces.emplace_back(bytes.substr(at, length));
    pieces.back().shrink_to_fit();
  }
  return pieces;
}

bool Same(const TensorView& a, const TensorView& b) {
  return a.name == b.name && a.datatype == b.datatype && a.bytes == b.bytes &&
         std::equal(a.shape.begin(), a.shape.end(), b.shape.begin(), b.shape.end());
}

void CompareWithProtobuf(const InferMessage& message, std::string_view bytes) {
  inference::ModelInferRequest known;
  MW_ASSERT(known.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  MW_ASSERT(known.model_name() == message.target().model && known.model_version() == message.target().version);
  MW_ASSERT(known.id() == message.request().id);
  MW_ASSERT(static_cast<std::size_t>(known.inputs_size()) == message.request().inputs.size());
  MW_ASSERT(static_cast<std::size_t>(known.outputs_size()) == message.request().outputs.size());
  for (int i = 0; i < known.inputs_size(); ++i) {
    const TensorView& input = message.request().inputs[static_cast<std::size_t>(i)];
    MW_ASSERT(known.inputs(i).name() == input.name);
    MW_ASSERT(std::equal(known.inputs(i).shape().begin(), known.inputs(i).shape().end(), input.shape.begin(),
                         input.shape.end()));
    if (known.raw_input_contents_size() > 0) MW_ASSERT(known.raw_input_contents(i) == input.bytes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::shared_ptr<const mw::serving::Model> model = LoadModel();
  static InferMessage whole, torn;
  static mw::api::inference::TensorResolver resolver;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> own = PiecesOf(bytes);
  const std::vector<std::string_view> pieces(own.begin(), own.end());
  const mw::Status read = whole.Read(std::span(&bytes, 1));
  const mw::Status again = torn.Read(pieces);
  MW_ASSERT(read.ok() == again.ok());
  if (!read.ok()) {
    MW_ASSERT(read.error().ToString() == again.error().ToString());
    return 0;
  }
  const auto& inputs = whole.request().inputs;
  MW_ASSERT(std::equal(inputs.begin(), inputs.end(), torn.request().inputs.begin(), torn.request().inputs.end(), Same));
  CompareWithProtobuf(whole, bytes);
  mw::api::inference::InferenceRequest request;
  const mw::wire::ServingLimits limits{.rows_max = 1000, .body_bytes_max = 1 << 20};
  if (resolver.Resolve(torn.request(), *model, limits, request).ok()) {
    MW_ASSERT(request.features.size() == request.rows * model->num_features());
  }
  return 0;
}
