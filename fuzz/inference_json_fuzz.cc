// Inference requests of any bytes: no crash, no read beyond them, nothing accepted that is no JSON, and
// the decoder that remembers earlier requests agrees with one that has seen none.
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "api/inference/json_parameter.h"
#include "api/inference/request_decoder.h"
#include "base/assert.h"
#include "json_oracle.h"
#include "serving/test_model.h"

namespace {

using mw::api::inference::RequestDecoder;

std::shared_ptr<const mw::serving::Model> LoadModel() {
  const mw::serving::testing::TestDirectory directory;
  mw::serving::testing::WriteTestPackage(directory / "p", 1);
  auto model = mw::serving::Model::Load(directory / "p");
  MW_ASSERT(model.ok());
  return *model;
}

bool SameBits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::shared_ptr<const mw::serving::Model> model = LoadModel();
  static RequestDecoder remembering;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  mw::api::inference::JsonParameter parameter;
  MW_ASSERT(parameter.Find(body, "user").size() <= body.size());
  const mw::wire::ServingLimits limits{.rows_max = 1000, .body_bytes_max = 1 << 20};
  RequestDecoder fresh;
  const mw::Status decoded = fresh.Decode(body, *model, limits);
  const mw::Status again = remembering.Decode(body, *model, limits);
  MW_ASSERT(decoded.ok() == again.ok());
  if (!decoded.ok()) {
    MW_ASSERT(decoded.error().ToString() == again.error().ToString());
    return 0;
  }
  MW_ASSERT(SameBits(fresh.features(), remembering.features()) && fresh.id() == remembering.id());
  mw::api::inference::InferenceRequest told, told_again;
  fresh.Tell(told);
  remembering.Tell(told_again);
  MW_ASSERT(told.timeout == told_again.timeout && told.priority == told_again.priority);
  MW_ASSERT(told.classifications.size() == told_again.classifications.size());
  MW_ASSERT(fresh.binary_outputs().Wants("probability") == remembering.binary_outputs().Wants("probability"));
  MW_ASSERT(fresh.features().size() == fresh.rows() * model->num_features());
  MW_ASSERT(MayBeAccepted(body));
  return 0;
}
