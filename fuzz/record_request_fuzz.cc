// Bodies of v1 and of MLflow's scoring of any bytes: no crash, no read beyond them, nothing accepted that is no JSON, a
// reader that remembers earlier requests agrees with one that has seen none, and what is accepted is what a row model
// and a tensor model take.
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "api/inference/record_request.h"
#include "api/inference/test_backend.h"
#include "base/assert.h"
#include "json_oracle.h"
#include "serving/test_model.h"

namespace {

using mw::api::inference::ExtraColumns;
using mw::api::inference::InferenceRequest;
using mw::api::inference::RecordRequest;
using mw::serving::Model;

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

void CheckTaken(const InferenceRequest& request, const InferenceRequest& again, const Model& model) {
  MW_ASSERT(request.rows > 0 && request.rows == again.rows && request.id == again.id);
  MW_ASSERT(request.keys.empty() || request.keys.size() == request.rows);
  MW_ASSERT(request.event_times_us.size() <= 1 || request.event_times_us.size() == request.rows);
  if (model.takes_rows()) {
    MW_ASSERT(request.features.size() == request.rows * model.num_features());
    MW_ASSERT(std::memcmp(request.features.data(), again.features.data(), request.features.size_bytes()) == 0);
    return;
  }
  MW_ASSERT(request.tensors->size() == model.inputs().size());
  for (std::size_t i = 0; i < request.tensors->size(); ++i) {
    MW_ASSERT(mw::serving::CheckAgainst(model.inputs()[i], (*request.tensors)[i]).ok());
    MW_ASSERT((*request.tensors)[i].bytes == (*again.tensors)[i].bytes);
  }
}

void Decode(std::string_view body, const Model& model, ExtraColumns extra) {
  static RecordRequest remembering;
  const mw::wire::ServingLimits limits{.rows_max = 1000, .body_bytes_max = 1 << 20};
  RecordRequest fresh;
  InferenceRequest request, again;
  const mw::Status decoded = fresh.Decode(body, model, limits, extra, request);
  const mw::Status decoded_again = remembering.Decode(body, model, limits, extra, again);
  MW_ASSERT(decoded.ok() == decoded_again.ok());
  if (!decoded.ok()) {
    MW_ASSERT(decoded.error().ToString() == decoded_again.error().ToString());
    return;
  }
  CheckTaken(request, again, model);
  MW_ASSERT(MayBeAccepted(body));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::shared_ptr<const Model> models[] = {RowModel(), TensorModel(true), TensorModel(false)};
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  for (const auto& model : models) {
    Decode(body, *model, ExtraColumns::kRefused);
    Decode(body, *model, ExtraColumns::kIgnored);
  }
  return 0;
}
