// What a model repository's config.pbtxt asks for, as far as this server does it, and the names of what it does not do.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "serving/model.h"
#include "serving/tensor.h"

namespace mw::serving {

/// One input of a request by which a model is warmed up.
struct WarmUpInput {
  enum class Data : std::uint8_t { kZero, kRandom, kFile };
  TensorSpec spec;  ///< with the rows first where max_batch_size is not 0
  Data data = Data::kZero;
  std::string file{};   ///< in the model's directory `warmup`: the tensor's bytes as they are
  std::string bytes{};  ///< of that file, once it was read
};

/// model_warmup: a request that is made, `count` times, before the model answers anybody.
struct WarmUpSample {
  std::string name{};
  std::int64_t batch_size = 0;
  std::int64_t count = 1;
  std::vector<WarmUpInput> inputs{};
};

struct ModelConfig {
  std::string name{};                           ///< empty: the directory's
  std::string platform{};                       ///< "onnxruntime_onnx"; empty: by the file
  std::string backend{};                        ///< "onnxruntime", "fil"
  std::string default_model_filename{};         ///< in each version's directory; empty: model_repository.h
  std::int64_t max_batch_size = 0;              ///< rows of a request, and of a batch; 0: no bound of its own
  std::vector<TensorSpec> inputs{}, outputs{};  ///< shapes with the rows first where max_batch_size is not 0
  std::optional<std::int64_t> max_queue_delay_us{};
  std::int64_t instances = 0;  ///< workers; 0: as the server does
  struct VersionPolicy {
    enum class Kind : std::uint8_t { kLatest, kAll, kSpecific };
    Kind kind = Kind::kLatest;
    std::int64_t latest = 1;
    std::vector<std::int64_t> specific{};
  } versions{};
  std::vector<WarmUpSample> warm_up{};
  std::vector<std::string> not_honoured{};  ///< fields that are there and change nothing, e.g. "ensemble_scheduling"
};

/// Errors: kInvalidArgument with the line, or the field and its value.
Result<ModelConfig> ParseModelConfig(std::string_view text);

/// Those of `available` that the policy takes, newest first.
std::vector<std::int64_t> ChooseVersions(const ModelConfig::VersionPolicy& policy, std::vector<std::int64_t> available);

/// Whether a model that was loaded takes and gives what the configuration says. Of a model of rows one FP32 input of
/// as many columns as it has features may have any name, and outputs may have other names: TensorsNotHonoured. Errors:
/// kInvalidArgument naming the tensor.
Status CheckTensors(const ModelConfig& config, const Model& model);

/// Tensors of a model of rows that the configuration calls otherwise than the model does, with the names that hold.
std::vector<std::string> TensorsNotHonoured(const ModelConfig& config, const Model& model);

}  // namespace mw::serving
