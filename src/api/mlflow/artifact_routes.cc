// The artifact proxy, and listings of a run's artifacts. Bytes go from and to the peer piece by piece.
#include <utility>

#include "api/mlflow/answers.h"
#include "api/mlflow/byte_range.h"
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
using tracking::Tracking;

constexpr std::size_t kPieceBytes = std::size_t{1} << 18;
constexpr std::size_t kArtifactBytesMax = std::size_t{1} << 40;
constexpr std::string_view kScheme = "mlflow-artifacts:/";

Task<Result<net::Response>> Upload(Artifacts& artifacts, blob::BlobStore& blobs, net::Request& request) {
  Artifact artifact;
  artifact.path = request.params.at("path");
  CO_TRY(Artifacts::CheckPath(artifact.path));
  const std::unique_ptr<blob::Writer> writer = CO_TRY(blobs.Create());
  std::string piece(kPieceBytes, '\0');
  while (true) {
    const std::size_t got = CO_TRY(co_await request.Read(piece));
    if (got == 0) break;
    CO_TRY(writer->Append(std::string_view(piece).substr(0, got)));
    artifact.size += static_cast<std::int64_t>(got);
  }
  artifact.digest = CO_TRY(writer->Commit());
  CO_TRY(co_await artifacts.Put(std::move(artifact)));
  co_return net::JsonResponse(Json::MakeObject());
}

struct Download {
  Artifact artifact;
  std::optional<ByteRange> range;
};

Result<Download> DownloadOf(Artifact artifact, const net::Request& request) {
  Download download{std::move(artifact), {}};
  if (const std::string* header = net::FindHeader(request.headers, "Range")) {
    download.range = TRY(ParseRange(*header, static_cast<std::uint64_t>(download.artifact.size)));
  }
  return download;
}

net::Headers HeadersOf(const Download& download) {
  const std::string& path = download.artifact.path;
  const std::string name = net::PercentEncode(path.substr(path.rfind('/') + 1));
  net::Headers headers = {{"Content-Type", "application/octet-stream"},
                          {"Content-Disposition", Cat("attachment; filename*=UTF-8''", name)},
                          {"X-Content-Type-Options", "nosniff"},
                          {"Accept-Ranges", "bytes"},
                          {"ETag", Cat("\"", download.artifact.digest, "\"")}};
  if (download.range) {
    headers.emplace_back("Content-Range", Cat("bytes ", download.range->begin, "-", download.range->end - 1, "/",
                                              download.artifact.size));
  }
  return headers;
}

Task<Status> Stream(blob::BlobStore& blobs, Download download, net::Responder& responder) {
  const ByteRange range = download.range.value_or(ByteRange{0, static_cast<std::uint64_t>(download.artifact.size)});
  const net::Headers headers = HeadersOf(download);
  const int status = download.range ? 206 : 200;
  CO_TRY(co_await responder.Begin(status, headers, range.end - range.begin));
  std::string piece(kPieceBytes, '\0');
  for (std::uint64_t offset = range.begin; offset < range.end;) {
    const std::span<char> room(piece.data(), std::min<std::uint64_t>(piece.size(), range.end - offset));
    const std::size_t got = CO_TRY(blobs.ReadAt(download.artifact.digest, offset, room));
    if (got == 0) co_return DataLoss("the artifact ", download.artifact.path, " ends at byte ", offset);
    CO_TRY(co_await responder.Write(std::string_view(piece).substr(0, got)));
    offset += got;
  }
  co_return co_await responder.End();
}

Task<void> Send(Artifacts& artifacts, blob::BlobStore& blobs, std::string path, net::Request& request,
                net::Responder& responder) {
  auto found = co_await artifacts.Find(std::move(path));
  Result<Download> download = found.ok() ? DownloadOf(*std::move(found), request) : Result<Download>(found.error());
  if (!download.ok()) {
    net::Response refusal = ErrorAnswer(download.error());
    if (download.error().code == Code::kOutOfRange) refusal.status = 416;
    static_cast<void>(co_await responder.Send(std::move(refusal)));
    co_return;
  }
  // Once the head has left, all that is possible is to end the connection early.
  static_cast<void>(co_await Stream(blobs, *std::move(download), responder));
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
Result<std::string> PlaceOf(const tracking::Run& run, const std::string& path) {
  const std::string_view uri = run.artifact_uri;
  if (!uri.starts_with(kScheme)) return Unimplemented("the artifacts of this run lie at ", uri);
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
  co_return PlaceOf(details.run, path);
}

Task<Result<Json>> ListOfRun(Tracking& tracking, Artifacts& artifacts, const Parameters& parameters) {
  std::string place = CO_TRY(co_await PlaceInRun(tracking, parameters));
  const std::string path = CO_TRY(parameters.Text("path"));
  const std::string root =
      Cat(kScheme, std::string_view(place).substr(0, place.size() - (path.empty() ? 0 : path.size() + 1)));
  const std::vector<ArtifactEntry> entries = CO_TRY(co_await artifacts.List(std::move(place)));
  Json answer = ListJson("files", EntriesJson(entries, path.empty() ? "" : Cat(path, "/")));
  answer["root_uri"] = root;
  co_return answer;
}

Task<Result<std::string>> PlaceAsked(Tracking& tracking, net::Request& request) {
  const Parameters parameters = CO_TRY(co_await Parameters::Read(request));
  co_return co_await PlaceInRun(tracking, parameters);
}

Task<void> SendOfRun(Tracking& tracking, Artifacts& artifacts, blob::BlobStore& blobs, net::Request& request,
                     net::Responder& responder) {
  auto place = co_await PlaceAsked(tracking, request);
  if (place.ok()) {
    co_await Send(artifacts, blobs, *std::move(place), request, responder);
  } else {
    static_cast<void>(co_await responder.Send(ErrorAnswer(place.error())));
  }
}

/// An answer, or its error in MLflow's form.
template <typename Call>
net::Handler Answering(Call call) {
  return net::Simple([call](net::Request& request) -> Task<Result<net::Response>> {
    auto answer = co_await call(request);
    if (answer.ok()) co_return *std::move(answer);
    co_return ErrorAnswer(answer.error());
  });
}

Task<Result<net::Response>> NoMultipart(net::Request&) {
  co_return Unimplemented("Multipart upload is not supported for the current artifact repository");
}

void AddProxy(net::RouteTable& routes, std::string_view prefix, Artifacts& artifacts, blob::BlobStore& blobs) {
  const std::string all = Cat(prefix, "/artifacts"), one = Cat(all, "/{path...}");
  routes.Add({Method::kGet, all, Permission::kRead, 0,
              Answering([&artifacts](net::Request& request) { return List(artifacts, request); })});
  routes.Add({Method::kGet, one, Permission::kRead, 0, [&](net::Request& request, net::Responder& responder) {
                return Send(artifacts, blobs, request.params.at("path"), request, responder);
              }});
  routes.Add({Method::kPut, one, Permission::kWrite, kArtifactBytesMax,
              Answering([&](net::Request& request) { return Upload(artifacts, blobs, request); })});
  routes.Add({Method::kDelete, one, Permission::kWrite, 0,
              Answering([&artifacts](net::Request& request) { return Delete(artifacts, request); })});
  for (const std::string_view step : {"create", "complete", "abort"}) {
    routes.Add({Method::kPost, Cat(prefix, "/mpu/", step, "/{path...}"), Permission::kWrite, kPieceBytes,
                Answering(NoMultipart)});
  }
}

}  // namespace

void AddArtifactRoutes(net::RouteTable& routes, Tracking& tracking, Artifacts& artifacts, blob::BlobStore& blobs) {
  AddProxy(routes, "/api/2.0/mlflow-artifacts", artifacts, blobs);
  AddProxy(routes, "/ajax-api/2.0/mlflow-artifacts", artifacts, blobs);
  AddRpc(routes, Method::kGet, "/artifacts/list", Permission::kRead,
         [&](const Parameters& parameters, net::Request&) { return ListOfRun(tracking, artifacts, parameters); });
  routes.Add(
      {Method::kGet, "/get-artifact", Permission::kRead, 0, [&](net::Request& request, net::Responder& responder) {
         return SendOfRun(tracking, artifacts, blobs, request, responder);
       }});
}

}  // namespace mw::api::mlflow
