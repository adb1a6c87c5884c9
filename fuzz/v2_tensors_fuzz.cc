// Bodies of Open Inference v2 of any bytes, with binary tensors or without: no crash, no read beyond them, a reader and
// a resolver that remember earlier requests agree with ones that have seen none, and what is accepted is what a row
// model and a tensor model take. The JSON ends at the input's first byte 0x1E, which no JSON has.
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "api/inference/test_backend.h"
#include "api/inference/v2_request.h"
#include "base/assert.h"
#include "json_oracle.h"
#include "serving/test_model.h"

namespace {

using mw::api::inference::InferenceRequest;
using mw::api::inference::TensorResolver;
using mw::api::inference::V2Request;
using mw::serving::Model;
using mw::serving::TensorView;

std::shared_ptr<const Model> RowModel() {
  const mw::serving::testing::TestDirectory directory;
  mw::serving::testing::WriteTestPackage(directory / "p", 1);
  auto model = Model::Load(directory / "p");
  MW_ASSERT(model.ok());
  return *model;
}

std::shared_ptr<const Model> TensorModel(bool batchable) {
  using namespace mw::api::inference::testing;
  return Model::OfBackend(std::make_unique<FakeBackend>(std::make_shared<FakeControl>(), batchable));
}

bool Same(const TensorView& a, const TensorView& b) {
  return a.name == b.name && a.datatype == b.datatype && a.bytes == b.bytes &&
         std::equal(a.shape.begin(), a.shape.end(), b.shape.begin(), b.shape.end());
}

bool SameBits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

void CheckTaken(const InferenceRequest& request, const InferenceRequest& again, const Model& model) {
  MW_ASSERT(request.rows > 0 && request.rows == again.rows && request.id == again.id);
  if (model.takes_rows()) {
    MW_ASSERT(request.features.size() == request.rows * model.num_features());
    MW_ASSERT(SameBits(request.features, again.features));
    return;
  }
  MW_ASSERT(request.tensors->size() == model.inputs().size());
  for (std::size_t i = 0; i < request.tensors->size(); ++i) {
    const TensorView tensor = (*request.tensors)[i];
    MW_ASSERT(mw::serving::CheckAgainst(model.inputs()[i], tensor).ok() && mw::serving::CheckTensor(tensor).ok());
    MW_ASSERT(Same(tensor, (*again.tensors)[i]));
  }
}

void Resolve(const V2Request& read, const Model& model) {
  static TensorResolver remembering;
  const mw::wire::ServingLimits limits{.rows_max = 1000, .body_bytes_max = 1 << 20};
  TensorResolver fresh;
  InferenceRequest request, again;
  const mw::Status resolved = fresh.Resolve(read.request(), model, limits, request);
  const mw::Status resolved_again = remembering.Resolve(read.request(), model, limits, again);
  MW_ASSERT(resolved.ok() == resolved_again.ok());
  if (resolved.ok()) return CheckTaken(request, again, model);
  MW_ASSERT(resolved.error().ToString() == resolved_again.error().ToString());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::shared_ptr<const Model> models[] = {RowModel(), TensorModel(true), TensorModel(false)};
  static V2Request remembering;
  std::string body(reinterpret_cast<const char*>(data), size);
  const std::size_t split = body.find('\x1e');
  if (split != std::string::npos) body.erase(split, 1);
  body.shrink_to_fit();
  const std::size_t json_bytes = std::min(split, body.size());
  V2Request fresh;
  const mw::Status read = fresh.Read(body, json_bytes);
  const mw::Status again = remembering.Read(body, json_bytes);
  MW_ASSERT(read.ok() == again.ok());
  if (!read.ok()) {
    MW_ASSERT(read.error().ToString() == again.error().ToString());
    return 0;
  }
  const auto& inputs = fresh.request().inputs;
  const auto& inputs_again = remembering.request().inputs;
  MW_ASSERT(std::equal(inputs.begin(), inputs.end(), inputs_again.begin(), inputs_again.end(), Same));
  for (const TensorView& input : inputs) MW_ASSERT(mw::serving::CheckTensor(input).ok());
  MW_ASSERT(MayBeAccepted(std::string_view(body).substr(0, json_bytes)));
  for (const auto& model : models) Resolve(remembering, *model);
  return 0;
}
