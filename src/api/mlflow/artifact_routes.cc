// The artifact proxy, and artifacts of runs and of model versions. Bytes go from and to the peer piece by piece.
#include <utility>

#include "api/mlflow/answers.h"
#include "api/mlflow/registry_words.h"
#include "api/mlflow/routes.h"
#include "api/mlflow/validation.h"
#include "base/text.h"

namespace mw::api::mlflow {
namespace {

using net::Method;
using net::Permission;
using tracking::Artifact;
using tracking::ArtifactEntry;
using tracking::Artifacts;
using tracking::LoggedModels;
using tracking::Tracking;

constexpr std::size_t kArtifactBytesMax = std::size_t{1} << 40;
constexpr std::string_view kScheme = "mlflow-artifacts:/";

Task<Result<net::Response>> PutArtifact(Artifacts& artifacts, BlobDoor door, net::Request& request) {
  const std::string path = request.params.at("path");
  CO_TRY(Artifacts::CheckPath(path));
  const StoredBlob stored = CO_TRY(co_await ReceiveBlob(door, request));
  Artifact artifact{path, stored.digest, static_cast<std::int64_t>(stored.size)};
  CO_TRY(co_await artifacts.Put(std::move(artifact)));
  net::Response response = net::JsonResponse(Json::MakeObject());
  for (auto& header : DigestHeaders(stored.digest)) response.headers.push_back(std::move(header));
  co_return response;
}

Task<void> Send(Artifacts& artifacts, BlobDoor door, std::string path, net::Request& request,
                net::Responder& responder) {
  auto found = co_await artifacts.Find(path);
  if (!found.ok()) {
    static_cast<void>(co_await responder.Send(ErrorAnswer(found.error())));
    co_return;
  }
  StoredBlob stored{found->digest, static_cast<std::uint64_t>(found->size)};
  std::string name = path.substr(path.rfind('/') + 1);
  co_await SendBlob(door, std::move(stored), std::move(name), request, responder, ErrorAnswer);
}

Json EntriesJson(const std::vector<ArtifactEntry>& entries, std::string_view prefix) {
  Json files = Json::MakeArray();
  for (const ArtifactEntry& entry : entries) {
    Json file = Json::Make({{"path", Cat(prefix, entry.name)}, {"is_dir", entry.is_directory}});
    if (!entry.is_directory) file["file_size"] = entry.size;
    files.Append(std::move(file));
  }
  return files;
}

Task<Result<net::Response>> List(Artifacts& artifacts, net::Request& request) {
  const std::string* path = request.Query("path");
  std::string directory = path == nullptr ? "" : *path;
  const std::vector<ArtifactEntry> entries = CO_TRY(co_await artifacts.List(std::move(directory)));
  co_return net::JsonResponse(ListJson("files", EntriesJson(entries, "")));
}

Task<Result<net::Response>> Delete(Artifacts& artifacts, net::Request& request) {
  std::string path = request.params.at("path");
  CO_TRY(co_await artifacts.Delete(std::move(path)));
  co_return net::JsonResponse(Json::MakeObject());
}

/// Below the proxy's root. Errors: kUnimplemented for artifacts that lie elsewhere.
Result<std::string> PlaceOf(std::string_view uri, const std::string& path) {
  if (!uri.starts_with(kScheme)) return Unimplemented("these artifacts lie at ", uri);
  std::string place(uri.substr(kScheme.size()));
  while (place.starts_with('/')) place.erase(0, 1);
  if (path.empty()) return place;
  TRY(Artifacts::CheckPath(path));
  return Cat(place, "/", path);
}

Task<Result<std::string>> PlaceInRun(Tracking& tracking, const Parameters& parameters) {
  std::string id = CO_TRY(parameters.RunId());
  const std::string path = CO_TRY(parameters.Text("path"));
  const tracking::RunDetails details = CO_TRY(co_await tracking.GetRun(tracking::RunId(std::move(id))));
  co_return PlaceOf(details.run.artifact_uri, path);
}

/// Of a run or a model: what lies at `path` below its artifacts, where that is.
Task<Result<Json>> ListBelow(Artifacts& artifacts, std::string place, std::string path) {
  const std::string root =
      Cat(kScheme, std::string_view(place).substr(0, place.size() - (path.empty() ? 0 : path.size() + 1)));
  const std::vector<ArtifactEntry> entries = CO_TRY(co_await artifacts.List(std::move(place)));
  Json answer = ListJson("files", EntriesJson(entries, path.empty() ? "" : Cat(path, "/")));
  answer["root_uri"] = root;
  co_return answer;
}

Task<Result<Json>> ListOfRun(Tracking& tracking, Artifacts& artifacts, const Parameters& parameters) {
  std::string place = CO_TRY(co_await PlaceInRun(tracking, parameters));
  std::string path = CO_TRY(parameters.Text("path"));
  co_return co_await ListBelow(artifacts, std::move(place), std::move(path));
}

Task<Result<std::string>> PlaceInVersion(registry::Registry& registry, const Parameters& parameters) {
  const registry::ModelName name = CO_TRY(RequiredModelName(parameters));
  const std::int64_t number = CO_TRY(RequiredVersion(parameters));
  const std::string path = CO_TRY(parameters.RequiredText("path"));
  auto found = co_await registry.GetVersion(name, Cat(number));
  const registry::ModelVersion version = CO_TRY(Worded(std::move(found), NoSuchVersion(name, number)));
  const std::string& files = version.FilesUri();
  co_return PlaceOf(files.empty() ? SourceOfVersion(version) : files, path);
}

/// Sends the file that the request's parameters name, by `place_of`.
template <typename PlaceOfParameters>
Task<void> SendNamed(PlaceOfParameters place_of, Artifacts& artifacts, BlobDoor door, net::Request& request,
                     net::Responder& responder) {
  const auto parameters = co_await Parameters::Read(request);
  Result<std::string> place = std::string();
  if (parameters.ok()) {
    place = co_await place_of(*parameters);
  } else {
    place = parameters.error();
  }
  if (place.ok()) {
    co_await Send(artifacts, door, *std::move(place), request, responder);
  } else {
    static_cast<void>(co_await responder.Send(ErrorAnswer(place.error())));
  }
}

// ---- of logged models ----

Task<Result<std::string>> PlaceInModel(LoggedModels& models, const net::Request& request, std::string path) {
  const tracking::LoggedModelDetails details =
      CO_TRY(co_await models.Get(tracking::LoggedModelId(request.params.at("model_id"))));
  co_return PlaceOf(details.model.artifact_uri, path);
}

Task<Result<Json>> ListOfModel(LoggedModels& models, Artifacts& artifacts, const Parameters& parameters,
                               const net::Request& request) {
  std::string path = CO_TRY(parameters.Text("artifact_directory_path"));
  std::string place = CO_TRY(co_await PlaceInModel(models, request, path));
  co_return co_await ListBelow(artifacts, std::move(place), std::move(path));
}

Task<void> SendOfModel(LoggedModels& models, Artifacts& artifacts, BlobDoor door, net::Request& request,
                       net::Responder& responder) {
  const std::string* path = request.Query("artifact_file_path");
  Result<std::string> place = InvalidArgument("Request must include the \"artifact_file_path\" query parameter.");
  if (path != nullptr && !path->empty()) place = co_await PlaceInModel(models, request, *path);
  if (place.ok()) {
    co_await Send(artifacts, door, *std::move(place), request, responder);
  } else {
    static_cast<void>(co_await responder.Send(ErrorAnswer(place.error())));
  }
}

void AddProxy(net::RouteTable& routes, std::string_view prefix, Artifacts& artifacts, BlobDoor door) {
  const std::string all = Cat(prefix, "/artifacts"), one = Cat(all, "/{path...}");
  routes.Add({Method::kGet, all, Permission::kRead, 0,
              Answering([&artifacts](net::Request& request) { return List(artifacts, request); })});
  routes.Add(
      {Method::kGet, one, Permission::kRead, 0, [&artifacts, door](net::Request& request, net::Responder& responder) {
         return Send(artifacts, door, request.params.at("path"), request, responder);
       }});
  routes.Add({Method::kPut, one, Permission::kWrite, kArtifactBytesMax,
              Answering([&artifacts, door](net::Request& request) { return PutArtifact(artifacts, door, request); })});
  routes.Add({Method::kDelete, one, Permission::kWrite, 0,
              Answering([&artifacts](net::Request& request) { return Delete(artifacts, request); })});
}

}  // namespace

void AddArtifactRoutes(net::RouteTable& routes, Tracking& tracking, registry::Registry& registry, Artifacts& artifacts,
                       BlobDoor door) {
  for (const std::string_view prefix : kProxyPrefixes) AddProxy(routes, prefix, artifacts, door);
  AddRpc(routes, Method::kGet, "/artifacts/list", Permission::kRead,
         [&](const Parameters& parameters, net::Request&) { return ListOfRun(tracking, artifacts, parameters); });
  const auto add = [&](std::string_view path, auto place_of) {
    routes.Add({Method::kGet, std::string(path), Permission::kRead, 0,
                [&artifacts, door, place_of](net::Request& request, net::Responder& responder) {
                  return SendNamed(place_of, artifacts, door, request, responder);
                }});
  };
  add("/get-artifact", [&tracking](const Parameters& parameters) { return PlaceInRun(tracking, parameters); });
  add("/model-versions/get-artifact",
      [&registry](const Parameters& parameters) { return PlaceInVersion(registry, parameters); });
}

void AddLoggedModelArtifactRoutes(net::RouteTable& routes, LoggedModels& models, Artifacts& artifacts, BlobDoor door) {
  AddRpc(routes, Method::kGet, "/logged-models/{model_id}/artifacts/directories", Permission::kRead,
         [&](const Parameters& parameters, net::Request& request) {
           return ListOfModel(models, artifacts, parameters, request);
         });
  routes.Add({Method::kGet, "/ajax-api/2.0/mlflow/logged-models/{model_id}/artifacts/files", Permission::kRead, 0,
              [&models, &artifacts, door](net::Request& request, net::Responder& responder) {
                return SendOfModel(models, artifacts, door, request, responder);
              }});
}

}  // namespace mw::api::mlflow
