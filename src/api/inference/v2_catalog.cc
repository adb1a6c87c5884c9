// One function for each route.
#include "api/inference/v2_catalog.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "api/inference/catalog_view.h"
#include "api/inference/rest_reply.h"
#include "base/id.h"
#include "base/json.h"
#include "base/text.h"

namespace mw::api::inference {
namespace {

constexpr std::string_view kV2Models = "/v2/models/";
constexpr std::string_view kRepository = "/v2/repository/";
constexpr std::string_view kRepositoryModels = "/v2/repository/models/";

std::string_view NextPart(std::string_view& path) {
  const std::string_view part = path.substr(0, path.find('/'));
  path.remove_prefix(std::min(path.size(), part.size() + 1));
  return part;
}

Json ShapeOf(const serving::TensorSpec& tensor) { return Json(Json::Array(tensor.shape.begin(), tensor.shape.end())); }

Json ToJson(const std::vector<serving::TensorSpec>& tensors) {
  Json list = Json::MakeArray();
  for (const serving::TensorSpec& tensor : tensors) {
    list.Append(Json::Make({{"name", Json(tensor.name)},
                            {"datatype", Json(serving::DatatypeName(tensor.datatype))},
                            {"shape", ShapeOf(tensor)}}));
  }
  return list;
}

/// As the configuration's language names datatypes.
Json ConfigTensors(const std::vector<serving::TensorSpec>& tensors) {
  Json list = Json::MakeArray();
  for (const serving::TensorSpec& tensor : tensors) {
    const bool text = tensor.datatype == serving::Datatype::kBytes;
    list.Append(Json::Make(
        {{"name", Json(tensor.name)},
         {"data_type", Json(Cat("TYPE_", text ? std::string_view("STRING") : serving::DatatypeName(tensor.datatype)))},
         {"dims", ShapeOf(tensor)}}));
  }
  return list;
}

Json ToJson(const ModelConfiguration& configuration) {
  Json parameters = Json::MakeObject();
  for (const auto& [name, value] : configuration.parameters) {
    parameters[name] = Json::Make({{"string_value", Json(value)}});
  }
  return Json::Make({{"name", Json(configuration.name)},
                     {"platform", Json(configuration.platform)},
                     {"backend", Json(configuration.backend)},
                     {"max_batch_size", Json(configuration.max_batch_size)},
                     {"input", ConfigTensors(configuration.inputs)},
                     {"output", ConfigTensors(configuration.outputs)},
                     {"parameters", std::move(parameters)},
                     {"model_transaction_policy", Json::Make({{"decoupled", Json(false)}})}});
}

Json ToJson(std::uint64_t count) { return Json(static_cast<std::int64_t>(count)); }

Json ToJson(const CountedTime& time) { return Json::Make({{"count", ToJson(time.count)}, {"ns", ToJson(time.ns)}}); }

Json ToJson(const serving::ServedVersion& version, const VersionStatistics& statistics) {
  Json parts = Json::Make({{"success", ToJson(statistics.success)},
                           {"fail", ToJson(statistics.fail)},
                           {"queue", ToJson(statistics.queue)},
                           {"compute_input", ToJson(statistics.compute_input)},
                           {"compute_infer", ToJson(statistics.compute_infer)},
                           {"compute_output", ToJson(statistics.compute_output)},
                           {"cache_hit", ToJson(statistics.cache_hit)}});
  return Json::Make({{"name", Json(version.endpoint)},
                     {"version", Json(version.version_text)},
                     {"last_inference", ToJson(statistics.last_inference_ms)},
                     {"inference_count", ToJson(statistics.inference_count)},
                     {"execution_count", ToJson(statistics.execution_count)},
                     {"inference_stats", std::move(parts)},
                     {"batch_stats", Json::MakeArray()}});
}

void SendReady(net::ResponseWriter& out) { out.Json(R"({"ready":true})"); }

/// The protocol: 200 is true, 4xx is false.
void SendNotReady(net::ResponseWriter& out, std::string_view why) {
  out.Send(400, kJsonType, Json::Make({{"ready", Json(false)}, {"error", Json(why)}}).Dump());
}

void SendMetadata(const serving::ServedEndpoint& endpoint, const serving::ServedVersion& version,
                  net::ResponseWriter& out) {
  const serving::Model& model = *version.model;
  Json versions = Json::MakeArray();
  for (const serving::RoutedVersion& entry : endpoint.versions) versions.Append(Json(entry.version_text));
  Json parameters = Json::Make({{"live_version", Json(endpoint.live == nullptr ? "" : endpoint.live->version_text)},
                                {"source", Json(version.source)}});
  if (model.threshold()) parameters["threshold"] = Json(*model.threshold());
  if (!model.classes().empty()) {
    parameters["classes"] = Json(Json::Array(model.classes().begin(), model.classes().end()));
  }
  out.Json(Json::Make({{"name", Json(version.endpoint)},
                       {"versions", std::move(versions)},
                       {"platform", Json(model.platform())},
                       {"inputs", ToJson(model.inputs())},
                       {"outputs", ToJson(model.outputs())},
                       {"parameters", std::move(parameters)}})
               .Dump());
}

/// Answers when `done` is called, on whatever thread: the first is the reply's, the second who loads or unloads.
serving::Loaded DeferReply(net::ResponseWriter& out) {
  const auto outcome = std::make_shared<Status>();
  auto deferred = std::make_shared<net::Deferred>(out.Defer([outcome](net::ResponseWriter& later) {
    outcome->ok() ? later.Json("{}") : SendError(later, outcome->error(), Duration{0});
  }));
  return [outcome, deferred = std::move(deferred)](const Status& status) {
    *outcome = status;
    deferred->Resume();
  };
}

}  // namespace

bool ParseV2ModelPath(std::string_view path, V2ModelPath& out) {
  if (!path.starts_with(kV2Models)) return false;
  path.remove_prefix(kV2Models.size());
  out.model = NextPart(path);
  out.action = NextPart(path);
  if (out.action == "versions") {
    out.version = NextPart(path);
    out.action = NextPart(path);
    if (out.version.empty()) return false;
  }
  const bool statistics_of_all = out.model == "stats" && out.version.empty() && out.action.empty();
  return path.empty() && !out.model.empty() && !statistics_of_all;
}

Result<RepositoryRequest> ReadRepositoryRequest(std::string_view body) {
  RepositoryRequest request;
  if (Trim(body).empty()) return request;
  if (body.size() > kRepositoryRequestBytesMax) {
    return InvalidArgument("a request to the repository has at most ", kRepositoryRequestBytesMax, " bytes, this has ",
                           body.size());
  }
  const Json json = TRY(Json::Parse(body).In("the request"));
  if (!json.IsObject()) return InvalidArgument("the request must be a JSON object");
  if (const Json* ready = json.Find("ready"); ready != nullptr) {
    if (!ready->IsBool()) return InvalidArgument("ready must be true or false");
    request.ready = ready->AsBool();
  }
  const Json* const parameters = json.Find("parameters");
  if (parameters == nullptr) return request;
  if (!parameters->IsObject()) return InvalidArgument("parameters must be an object");
  for (const auto& [name, value] : parameters->AsObject()) {
    if (IsForeignContent(name)) return ForeignContent(name);
  }
  return request;
}

void V2Catalog::HandleModel(const net::RequestView& request, const V2ModelPath& path, net::ResponseWriter& out) {
  if (path.action == "stats" && IsRead(request)) return SendStatistics(path, out);
  if (path.action == "ready" && IsRead(request)) return SendModelReady(path, out);
  runner_.Read([&](const serving::Snapshot& snapshot) {
    const auto version = runner_.Find(snapshot, path.model, path.version);
    if (!version.ok()) return SendError(out, version.error(), Duration{0});
    const bool known =
        path.action.empty() || path.action == "ready" || path.action == "config" || path.action == "stats";
    if (!known) return SendNoSuchPath(out, request.path, "a model has /ready, /config, /stats and /infer");
    if (!IsRead(request)) return SendNotAllowed(out, request, "GET");
    if (path.action == "config") return out.Json(ToJson(ConfigurationOf(***version)).Dump());
    SendMetadata(*snapshot.Find(path.model), ***version, out);
  });
}

void V2Catalog::HandleServer(const net::RequestView& request, std::string_view body, net::ResponseWriter& out) {
  const std::string_view path = request.path;
  if (path.starts_with(kRepository)) return HandleRepository(request, body, out);
  const bool known = path == "/v2" || path == "/v2/" || path == "/v2/health/live" || path == "/v2/health/ready" ||
                     path == "/v2/models" || path == "/v2/models/stats";
  if (!known) return SendNoSuchPath(out, path, "start at /v2");
  if (!IsRead(request)) return SendNotAllowed(out, request, "GET");
  if (path == "/v2/health/live") return out.Json(R"({"live":true})");
  if (path == "/v2/models/stats") return SendStatistics({}, out);
  if (path == "/v2/health/ready") {
    const bool ready = runner_.Read([](const serving::Snapshot& snapshot) { return snapshot.ready; });
    return ready ? SendReady(out) : SendNotReady(out, WhyNotReady(runner_));
  }
  SendServer(out);
}

void V2Catalog::SendModelReady(const V2ModelPath& path, net::ResponseWriter& out) {
  const Status found = runner_.Read([&](const serving::Snapshot& snapshot) -> Status {
    const auto version = runner_.Find(snapshot, path.model, path.version);
    return version.ok() ? Ok() : Status(version.error());
  });
  found.ok() ? SendReady(out) : SendError(out, ModelNotReady(runner_, path.model, found.error()), Duration{0});
}

void V2Catalog::SendServer(net::ResponseWriter& out) {
  Json models = Json::MakeArray();
  runner_.Read([&models](const serving::Snapshot& snapshot) {
    for (const std::string& name : snapshot.names.names()) models.Append(Json(name));
  });
  const auto extensions = ServerExtensions();
  out.Json(Json::Make({{"name", Json("millwright")},
                       {"version", Json(program_version_)},
                       {"extensions", Json(Json::Array(extensions.begin(), extensions.end()))},
                       {"models", std::move(models)}})
               .Dump());
}

/// Of the versions in memory: of all models, of one, or the one that is named.
void V2Catalog::SendStatistics(const V2ModelPath& path, net::ResponseWriter& out) {
  runner_.Flush();
  runner_.Read([&](const serving::Snapshot& snapshot) {
    if (!path.model.empty()) {
      const auto found = runner_.Find(snapshot, path.model, path.version);
      if (!found.ok()) return SendError(out, found.error(), Duration{0});
    }
    Json list = Json::MakeArray();
    for (const serving::ServedEndpoint& endpoint : snapshot.endpoints) {
      if (!path.model.empty() && path.model != endpoint.name) continue;
      for (const serving::RoutedVersion& entry : endpoint.versions) {
        if (entry.served == nullptr || !(path.version.empty() || path.version == entry.version_text)) continue;
        list.Append(ToJson(*entry.served, StatisticsOf(runner_, *entry.served)));
      }
    }
    out.Json(Json::Make({{"model_stats", std::move(list)}}).Dump());
  });
}

void V2Catalog::HandleRepository(const net::RequestView& request, std::string_view body, net::ResponseWriter& out) {
  const bool index = request.path == "/v2/repository/index";
  if (!index && !request.path.starts_with(kRepositoryModels)) {
    return SendNoSuchPath(out, request.path, "there is /v2/repository/index and /v2/repository/models/NAME/load");
  }
  if (request.method != net::Method::kPost) return SendNotAllowed(out, request, "POST");
  index ? SendIndex(body, out) : HandleControl(request, body, out);
}

void V2Catalog::SendIndex(std::string_view body, net::ResponseWriter& out) {
  const Result<RepositoryRequest> asked = ReadRepositoryRequest(body);
  if (!asked.ok()) return SendError(out, asked.error(), Duration{0});
  Json list = Json::MakeArray();
  for (const serving::RepositoryEntry& entry : IndexOf(runner_, asked->ready)) {
    Json model = Json::Make({{"name", Json(entry.name)}});
    if (!entry.version.empty()) model["version"] = Json(entry.version);
    model["state"] = Json(entry.state);
    model["reason"] = Json(entry.reason);
    list.Append(std::move(model));
  }
  out.Json(list.Dump());
}

void V2Catalog::HandleControl(const net::RequestView& request, std::string_view body, net::ResponseWriter& out) {
  std::string_view path = request.path.substr(kRepositoryModels.size());
  const std::string model(NextPart(path));
  if (path != "load" && path != "unload") return SendNoSuchPath(out, request.path, "a model has /load and /unload");
  serving::ModelControl* const control = runner_.control();
  const Status allowed =
      control == nullptr ? Status(NoModelControl()) : control->Check(request.Header("authorization"));
  if (!allowed.ok()) return SendError(out, allowed.error(), Duration{0});
  const Result<RepositoryRequest> asked = ReadRepositoryRequest(body);
  if (!asked.ok()) return SendError(out, asked.error(), Duration{0});
  if (!IsName(model)) return SendError(out, NoModelName(model), Duration{0});
  path == "load" ? control->Load(model, DeferReply(out)) : control->Unload(model, DeferReply(out));
}

}  // namespace mw::api::inference
