// mw-backend: the program of worker processes. It runs models with libraries that are not ours, so that their faults
// are not the model server's; started by it, with a socket as descriptor 3 (worker_protocol.h).
//
//   mw-backend onnx MODEL [CACHE_DIRECTORY]
//   mw-backend xgboost MODEL
//   mw-backend echo                        answers every batch with itself: what the way there and back costs
//   mw-backend confine LIMITS PROGRAM...   confines itself, then becomes PROGRAM (confine.h)
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "serving/backend/confine.h"
#include "serving/backend/foreign/onnx_model.h"
#include "serving/backend/foreign/xgboost_model.h"
#include "serving/backend/worker_loop.h"

namespace mw::serving {
namespace {

class EchoModel final : public WorkerModel {
 public:
  EchoModel() {
    info_.platform = "echo";
    info_.library = "Millwright";
    info_.inputs = info_.outputs = {TensorSpec{"x", Datatype::kFp32, {-1, -1}}};
  }
  [[nodiscard]] const BackendInfo& info() const override { return info_; }
  Status Run(std::span<const TensorView> inputs, TensorList& outputs) override {
    outputs.Append(inputs[0]);
    return Ok();
  }

 private:
  BackendInfo info_;
};

Result<std::unique_ptr<WorkerModel>> Load(std::string_view kind, const std::vector<std::string>& arguments) {
  if (kind == "confine") return ConfineAndExecute(arguments);
  if (kind == "echo") return std::make_unique<EchoModel>();
  if (kind == "onnx" && !arguments.empty()) {
    return LoadOnnxModel({arguments[0], arguments.size() > 1 ? arguments[1] : ""});
  }
  if (kind == "xgboost" && !arguments.empty()) return LoadXgboostModel(arguments[0]);
  return InvalidArgument("mw-backend ", kind, " is not known; it is started by millwright serve");
}

}  // namespace
}  // namespace mw::serving

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("mw-backend runs models in processes that millwright serve starts; it is not for use by hand\n", stderr);
    return 2;
  }
  return mw::serving::ServeWorker(mw::serving::Load(argv[1], {argv + 2, argv + argc}));
}
