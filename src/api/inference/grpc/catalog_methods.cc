// One function for each method, from its request to its response.
#include "api/inference/grpc/catalog_methods.h"

#include <algorithm>
#include <array>

#include "api/inference/catalog_view.h"
#include "base/id.h"
#include "base/text.h"
#include "open_inference.pb.h"

namespace mw::api::inference {
namespace {

namespace proto = ::inference;
using serving::Datatype;
using serving::TensorSpec;

Status ServerLive(const Served&, const proto::ServerLiveRequest&, proto::ServerLiveResponse& response) {
  response.set_live(true);
  return Ok();
}

Status ServerReady(const Served& served, const proto::ServerReadyRequest&, proto::ServerReadyResponse& response) {
  response.set_ready(served.runner.Read([](const serving::Snapshot& snapshot) { return snapshot.ready; }));
  return Ok();
}

/// A model that is not there is not ready: clients wait for it this way. One that was unloaded is brought back.
Status ModelReady(const Served& served, const proto::ModelReadyRequest& request, proto::ModelReadyResponse& response) {
  response.set_ready(served.runner.Read([&](const serving::Snapshot& snapshot) {
    return snapshot.Find(request.name()) != nullptr &&
           served.runner.Find(snapshot, request.name(), request.version()).ok();
  }));
  return Ok();
}

Status ServerMetadata(const Served& served, const proto::ServerMetadataRequest&,
                      proto::ServerMetadataResponse& response) {
  response.set_name("millwright");
  response.set_version(std::string(served.program_version));
  for (const std::string_view extension : ServerExtensions()) response.add_extensions(std::string(extension));
  return Ok();
}

/// Calls `use` with the endpoint and the version that a request names.
template <typename Request, typename Use>
Status WithVersion(const Served& served, const Request& request, const Use& use) {
  return served.runner.Read([&](const serving::Snapshot& snapshot) -> Status {
    const InferenceRunner::Shared* const version = TRY(served.runner.Find(snapshot, request.name(), request.version()));
    use(*snapshot.Find(request.name()), **version);
    return Ok();
  });
}

void SetTensor(const TensorSpec& spec, proto::ModelMetadataResponse::TensorMetadata& tensor) {
  tensor.set_name(spec.name);
  tensor.set_datatype(std::string(serving::DatatypeName(spec.datatype)));
  tensor.mutable_shape()->Add(spec.shape.begin(), spec.shape.end());
}

Status ModelMetadata(const Served& served, const proto::ModelMetadataRequest& request,
                     proto::ModelMetadataResponse& response) {
  return WithVersion(served, request,
                     [&](const serving::ServedEndpoint& endpoint, const serving::ServedVersion& version) {
                       response.set_name(version.endpoint);
                       for (const serving::RoutedVersion& entry : endpoint.versions)
                         response.add_versions(entry.version_text);
                       response.set_platform(version.model->platform());
                       for (const TensorSpec& input : version.model->inputs()) SetTensor(input, *response.add_inputs());
                       for (const TensorSpec& output : version.model->outputs())
                         SetTensor(output, *response.add_outputs());
                     });
}

proto::DataType ConfigType(Datatype datatype) {
  switch (datatype) {
    case Datatype::kBool: return proto::TYPE_BOOL;
    case Datatype::kUint8: return proto::TYPE_UINT8;
    case Datatype::kUint16: return proto::TYPE_UINT16;
    case Datatype::kUint32: return proto::TYPE_UINT32;
    case Datatype::kUint64: return proto::TYPE_UINT64;
    case Datatype::kInt8: return proto::TYPE_INT8;
    case Datatype::kInt16: return proto::TYPE_INT16;
    case Datatype::kInt32: return proto::TYPE_INT32;
    case Datatype::kInt64: return proto::TYPE_INT64;
    case Datatype::kFp16: return proto::TYPE_FP16;
    case Datatype::kBf16: return proto::TYPE_BF16;
    case Datatype::kFp32: return proto::TYPE_FP32;
    case Datatype::kFp64: return proto::TYPE_FP64;
    case Datatype::kBytes: return proto::TYPE_STRING;
  }
  return proto::TYPE_INVALID;
}

template <typename Tensor>
void SetConfigTensor(const TensorSpec& spec, Tensor& tensor) {
  tensor.set_name(spec.name);
  tensor.set_data_type(ConfigType(spec.datatype));
  tensor.mutable_dims()->Add(spec.shape.begin(), spec.shape.end());
}

Status ModelConfig(const Served& served, const proto::ModelConfigRequest& request,
                   proto::ModelConfigResponse& response) {
  return WithVersion(served, request, [&](const serving::ServedEndpoint&, const serving::ServedVersion& version) {
    const ModelConfiguration configuration = ConfigurationOf(version);
    proto::ModelConfig& config = *response.mutable_config();
    config.set_name(configuration.name);
    config.set_platform(configuration.platform);
    config.set_backend(configuration.backend);
    config.set_max_batch_size(
        static_cast<std::int32_t>(std::min<std::int64_t>(configuration.max_batch_size, INT32_MAX)));
    for (const TensorSpec& input : configuration.inputs) SetConfigTensor(input, *config.add_input());
    for (const TensorSpec& output : configuration.outputs) SetConfigTensor(output, *config.add_output());
    for (const auto& [name, value] : configuration.parameters) {
      (*config.mutable_parameters())[name].set_string_value(value);
    }
    config.mutable_model_transaction_policy()->set_decoupled(false);
  });
}

void SetDuration(const CountedTime& time, proto::StatisticDuration& duration) {
  duration.set_count(time.count);
  duration.set_ns(time.ns);
}

void SetStatistics(const Served& served, const serving::ServedVersion& version, proto::ModelStatistics& out) {
  const VersionStatistics statistics = StatisticsOf(served.runner, version);
  out.set_name(version.endpoint);
  out.set_version(version.version_text);
  out.set_last_inference(statistics.last_inference_ms);
  out.set_inference_count(statistics.inference_count);
  out.set_execution_count(statistics.execution_count);
  proto::InferStatistics& parts = *out.mutable_inference_stats();
  SetDuration(statistics.success, *parts.mutable_success());
  SetDuration(statistics.fail, *parts.mutable_fail());
  SetDuration(statistics.queue, *parts.mutable_queue());
  SetDuration(statistics.compute_input, *parts.mutable_compute_input());
  SetDuration(statistics.compute_infer, *parts.mutable_compute_infer());
  SetDuration(statistics.compute_output, *parts.mutable_compute_output());
  SetDuration(statistics.cache_hit, *parts.mutable_cache_hit());
}

/// Of the versions in memory; all, or the one that is named.
void AddStatistics(const Served& served, const serving::ServedEndpoint& endpoint, std::string_view version,
                   proto::ModelStatisticsResponse& response) {
  for (const serving::RoutedVersion& entry : endpoint.versions) {
    if (entry.served == nullptr || !(version.empty() || version == entry.version_text)) continue;
    SetStatistics(served, *entry.served, *response.add_model_stats());
  }
}

Status ModelStatistics(const Served& served, const proto::ModelStatisticsRequest& request,
                       proto::ModelStatisticsResponse& response) {
  served.runner.Flush();
  return served.runner.Read([&](const serving::Snapshot& snapshot) -> Status {
    if (!request.name().empty()) {
      TRY(served.runner.Find(snapshot, request.name(), request.version()));
      AddStatistics(served, *snapshot.Find(request.name()), request.version(), response);
      return Ok();
    }
    for (const serving::ServedEndpoint& endpoint : snapshot.endpoints) AddStatistics(served, endpoint, "", response);
    return Ok();
  });
}

Status RepositoryIndex(const Served& served, const proto::RepositoryIndexRequest& request,
                       proto::RepositoryIndexResponse& response) {
  for (const serving::RepositoryEntry& entry : IndexOf(served.runner, request.ready())) {
    proto::RepositoryIndexResponse::ModelIndex& index = *response.add_models();
    index.set_name(entry.name);
    index.set_version(entry.version);
    index.set_state(entry.state);
    index.set_reason(entry.reason);
  }
  return Ok();
}

/// The model that a request to load or unload names, when it may be done. `control` may be null.
template <typename Request>
Result<std::string> ControlledModel(const serving::ModelControl* control, std::string_view authorization,
                                    std::string_view bytes, std::string_view method) {
  Request request;
  if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return InvalidArgument("the request is no valid ", method, "Request");
  }
  if (control == nullptr) return NoModelControl();
  TRY(control->Check(authorization));
  for (const auto& entry : request.parameters()) {
    if (IsForeignContent(entry.first)) return ForeignContent(entry.first);
  }
  if (!IsName(request.model_name())) return NoModelName(request.model_name());
  return request.model_name();
}

template <typename Request, typename Response>
Result<std::string> CallMethod(Status (*method)(const Served&, const Request&, Response&), std::string_view method_name,
                               const Served& served, std::string_view bytes) {
  Request request;
  if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return InvalidArgument("the request is no valid ", method_name, "Request");
  }
  Response response;
  TRY(method(served, request, response));
  return response.SerializeAsString();
}

struct Method {
  std::string_view name;
  Result<std::string> (*answer)(const Served& served, std::string_view bytes);
};

#define MW_METHOD(name)                                                                                        \
  Method {                                                                                                     \
    #name, [](const Served& served, std::string_view bytes) { return CallMethod(name, #name, served, bytes); } \
  }
constexpr std::array kMethods = {MW_METHOD(ServerLive),      MW_METHOD(ServerReady),    MW_METHOD(ModelReady),
                                 MW_METHOD(ServerMetadata),  MW_METHOD(ModelMetadata),  MW_METHOD(ModelConfig),
                                 MW_METHOD(ModelStatistics), MW_METHOD(RepositoryIndex)};
#undef MW_METHOD

constexpr std::string_view kLoad = "RepositoryModelLoad", kUnload = "RepositoryModelUnload";

}  // namespace

bool IsControlMethod(std::string_view method) { return method == kLoad || method == kUnload; }

void StartControlMethod(serving::ModelControl* control, std::string_view method, std::string_view authorization,
                        std::string_view request, serving::Loaded done) {
  const bool loads = method == kLoad;
  const Result<std::string> model =
      loads ? ControlledModel<proto::RepositoryModelLoadRequest>(control, authorization, request, method)
            : ControlledModel<proto::RepositoryModelUnloadRequest>(control, authorization, request, method);
  if (!model.ok()) return done(model.error());
  loads ? control->Load(*model, std::move(done)) : control->Unload(*model, std::move(done));
}

Result<std::string> AnswerCatalogMethod(const Served& served, std::string_view method, std::string_view request) {
  for (const Method& known : kMethods) {
    if (known.name == method) return known.answer(served, request);
  }
  if (method.find("SharedMemory") != std::string_view::npos) return Unimplemented("shared memory is unsupported");
  if (method == "TraceSetting" || method == "LogSettings") return Unimplemented(method, " is unsupported");
  return Unimplemented("there is no method ", Quoted(method), " here");
}

}  // namespace mw::api::inference
