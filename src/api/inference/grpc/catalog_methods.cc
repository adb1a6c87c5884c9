// One function for each method, from its request to its response.
#include "api/inference/grpc/catalog_methods.h"

#include <algorithm>
#include <array>

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
  for (const char* extension : {"model_repository", "model_configuration", "statistics"}) {
    response.add_extensions(extension);
  }
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

/// max_batch_size stays 0: the dims are whole shapes, rows included.
Status ModelConfig(const Served& served, const proto::ModelConfigRequest& request,
                   proto::ModelConfigResponse& response) {
  return WithVersion(served, request, [&](const serving::ServedEndpoint&, const serving::ServedVersion& version) {
    proto::ModelConfig& config = *response.mutable_config();
    config.set_name(version.endpoint);
    config.set_platform(version.model->platform());
    config.set_backend("millwright");
    for (const TensorSpec& input : version.model->inputs()) SetConfigTensor(input, *config.add_input());
    for (const TensorSpec& output : version.model->outputs()) SetConfigTensor(output, *config.add_output());
    (*config.mutable_parameters())["source"].set_string_value(version.source);
    if (version.model->threshold()) {
      (*config.mutable_parameters())["threshold"].set_string_value(Cat(*version.model->threshold()));
    }
    config.mutable_model_transaction_policy()->set_decoupled(false);
  });
}

void SetDuration(const Histogram& seconds, proto::StatisticDuration& duration) {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i <= seconds.bounds().size(); ++i) count += seconds.Count(i);
  duration.set_count(count);
  duration.set_ns(static_cast<std::uint64_t>(seconds.Sum() * 1e9));
}

void SetStatistics(const serving::ServedVersion& version, proto::ModelStatistics& statistics) {
  const serving::VersionMetrics& metrics = version.metrics;
  statistics.set_name(version.endpoint);
  statistics.set_version(version.version_text);
  statistics.set_inference_count(metrics.rows.Value());
  proto::InferStatistics& parts = *statistics.mutable_inference_stats();
  SetDuration(metrics.seconds, *parts.mutable_success());
  statistics.set_execution_count(parts.success().count());
  parts.mutable_fail()->set_count(metrics.refused.Value() + metrics.failures.Value());
  SetDuration(metrics.queue_seconds, *parts.mutable_queue());
  SetDuration(metrics.decode_seconds, *parts.mutable_compute_input());
  SetDuration(metrics.compute_seconds, *parts.mutable_compute_infer());
  SetDuration(metrics.encode_seconds, *parts.mutable_compute_output());
}

/// Of the versions in memory; all, or the one that is named.
void AddStatistics(const serving::ServedEndpoint& endpoint, std::string_view version,
                   proto::ModelStatisticsResponse& response) {
  for (const serving::RoutedVersion& entry : endpoint.versions) {
    if (entry.served == nullptr || !(version.empty() || version == entry.version_text)) continue;
    SetStatistics(*entry.served, *response.add_model_stats());
  }
}

Status ModelStatistics(const Served& served, const proto::ModelStatisticsRequest& request,
                       proto::ModelStatisticsResponse& response) {
  served.runner.Flush();
  return served.runner.Read([&](const serving::Snapshot& snapshot) -> Status {
    if (!request.name().empty()) {
      TRY(served.runner.Find(snapshot, request.name(), request.version()));
      AddStatistics(*snapshot.Find(request.name()), request.version(), response);
      return Ok();
    }
    for (const serving::ServedEndpoint& endpoint : snapshot.endpoints) AddStatistics(endpoint, "", response);
    return Ok();
  });
}

/// In the protocol's words, which has none for a version that failed or was unloaded.
std::string_view StateName(wire::VersionState state) {
  switch (state) {
    case wire::VersionState::kReady: return "READY";
    case wire::VersionState::kNew:
    case wire::VersionState::kLoading: return "LOADING";
    case wire::VersionState::kUnloading: return "UNLOADING";
    case wire::VersionState::kFailed:
    case wire::VersionState::kUnloaded: break;
  }
  return "UNAVAILABLE";
}

Status RepositoryIndex(const Served& served, const proto::RepositoryIndexRequest& request,
                       proto::RepositoryIndexResponse& response) {
  served.runner.Read([&](const serving::Snapshot& snapshot) {
    for (const serving::ServedEndpoint& endpoint : snapshot.endpoints) {
      for (const serving::RoutedVersion& entry : endpoint.versions) {
        if (request.ready() && entry.state != wire::VersionState::kReady) continue;
        proto::RepositoryIndexResponse::ModelIndex& index = *response.add_models();
        index.set_name(endpoint.name);
        index.set_version(entry.version_text);
        index.set_state(std::string(StateName(entry.state)));
        index.set_reason(entry.state == wire::VersionState::kUnloaded ? "unloaded" : entry.error);
      }
    }
  });
  return Ok();
}

Error NoRepositoryControl() {
  return Unimplemented("this server loads what its control plane or its command line says; deploy a version there");
}

Status RepositoryModelLoad(const Served&, const proto::RepositoryModelLoadRequest&,
                           proto::RepositoryModelLoadResponse&) {
  return NoRepositoryControl();
}

Status RepositoryModelUnload(const Served&, const proto::RepositoryModelUnloadRequest&,
                             proto::RepositoryModelUnloadResponse&) {
  return NoRepositoryControl();
}

template <typename Request, typename Response>
Result<std::string> Call(Status (*method)(const Served&, const Request&, Response&), std::string_view method_name,
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

#define MW_METHOD(name)                                                                                  \
  Method {                                                                                               \
    #name, [](const Served& served, std::string_view bytes) { return Call(name, #name, served, bytes); } \
  }
constexpr std::array kMethods = {MW_METHOD(ServerLive),          MW_METHOD(ServerReady),
                                 MW_METHOD(ModelReady),          MW_METHOD(ServerMetadata),
                                 MW_METHOD(ModelMetadata),       MW_METHOD(ModelConfig),
                                 MW_METHOD(ModelStatistics),     MW_METHOD(RepositoryIndex),
                                 MW_METHOD(RepositoryModelLoad), MW_METHOD(RepositoryModelUnload)};
#undef MW_METHOD

}  // namespace

Result<std::string> AnswerCatalogMethod(const Served& served, std::string_view method, std::string_view request) {
  for (const Method& known : kMethods) {
    if (known.name == method) return known.answer(served, request);
  }
  if (method.find("SharedMemory") != std::string_view::npos) return Unimplemented("shared memory is unsupported");
  if (method == "TraceSetting" || method == "LogSettings") return Unimplemented(method, " is unsupported");
  return Unimplemented("there is no method ", Quoted(method), " here");
}

}  // namespace mw::api::inference
