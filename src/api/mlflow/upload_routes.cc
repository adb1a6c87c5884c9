// Uploads in parts, as MLflow's client does them for large files: create gives it an address for each part, to which it
// sends them side by side, and complete names their ETags. A part is sent again alone; which parts are there can be
// asked, so that an upload goes on where it stopped.
#include <algorithm>
#include <utility>

#include "api/mlflow/answers.h"
#include "api/mlflow/routes.h"
#include "base/offload.h"
#include "base/text.h"

namespace mw::api::mlflow {
namespace {

using net::Method;
using net::Permission;
using tracking::Artifact;
using tracking::Upload;
using tracking::UploadPart;
using tracking::Uploads;

constexpr std::size_t kStepBodyBytesMax = std::size_t{4} << 20;
constexpr std::size_t kPartBytesMax = std::size_t{5} << 30;
constexpr std::size_t kCopyBytes = std::size_t{256} << 10;

/// The address names the directory, the body the file, with or without the client's own directories.
Result<std::string> PathOf(const net::Request& request, const Json& body) {
  const std::string file = TRY(body.GetString("path"));
  const auto directory = request.params.find("path");
  const std::string name = file.substr(file.rfind('/') + 1);
  return directory == request.params.end() ? name : Cat(directory->second, "/", name);
}

/// Where the client reaches us, and how it may: with what it came with.
struct Caller {
  std::string root;
  Json headers = Json::MakeObject();
};
/// `end`: of what comes before the call in its address.
Caller CallerOf(const net::Request& request, std::size_t end) {
  const std::string* scheme = net::FindHeader(request.headers, "X-Forwarded-Proto");
  const std::string* host = net::FindHeader(request.headers, "Host");
  Caller caller;
  caller.root = Cat(scheme != nullptr && *scheme == "https" ? "https" : "http", "://", host == nullptr ? "" : *host,
                    std::string_view(request.path).substr(0, end));
  if (const std::string* grant = net::FindHeader(request.headers, "Authorization")) {
    caller.headers["Authorization"] = *grant;
  }
  return caller;
}

Task<Result<net::Response>> Create(Uploads& uploads, net::Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  std::string path = CO_TRY(PathOf(request, body));
  const std::int64_t parts = body.IntOr("num_parts", 1);
  const Upload upload = CO_TRY(co_await uploads.Begin(std::move(path), parts));
  const Caller caller = CallerOf(request, request.path.find("/mpu/"));
  Json credentials = Json::MakeArray();
  for (std::int64_t number = 1; number <= parts; ++number) {
    credentials.Append(Json::Make({{"url", Cat(caller.root, "/mpu/part/", upload.id, "/", number)},
                                   {"part_number", number},
                                   {"headers", caller.headers}}));
  }
  co_return net::JsonResponse(Json::Make({{"upload_id", upload.id}, {"credentials", std::move(credentials)}}));
}

Task<Result<net::Response>> PutPart(Uploads& uploads, BlobDoor door, net::Request& request) {
  UploadPart part;
  part.number = ParseInt(request.params.at("number")).value_or(0);
  std::string id = request.params.at("upload");
  CO_TRY(co_await uploads.Find(id));
  const StoredBlob stored = CO_TRY(co_await ReceiveBlob(door, request));
  part.digest = stored.digest;
  part.size = static_cast<std::int64_t>(stored.size);
  CO_TRY(co_await uploads.PutPart(std::move(id), std::move(part)));
  net::Response response = net::JsonResponse(Json::MakeObject());
  for (auto& header : DigestHeaders(stored.digest)) response.headers.push_back(std::move(header));
  co_return response;
}

Task<Result<net::Response>> Parts(Uploads& uploads, net::Request& request) {
  const Upload upload = CO_TRY(co_await uploads.Find(request.params.at("upload")));
  Json parts = Json::MakeArray();
  for (const UploadPart& part : upload.parts) {
    parts.Append(
        Json::Make({{"part_number", part.number}, {"etag", Cat("\"", part.digest, "\"")}, {"size", part.size}}));
  }
  co_return net::JsonResponse(
      Json::Make({{"path", upload.path}, {"completed", !upload.completed.empty()}, {"parts", std::move(parts)}}));
}

/// The parts that the client names, in order: all of them have arrived, with these ETags, and none is missing between.
Result<std::vector<UploadPart>> PartsNamed(const Upload& upload, const Json& body) {
  const Json* named = body.Find("parts");
  if (named == nullptr || !named->IsArray() || named->AsArray().empty()) {
    return InvalidArgument("parts is a list of {\"part_number\",\"etag\"}");
  }
  std::vector<UploadPart> parts;
  for (const Json& name : named->AsArray()) {
    const std::int64_t number = TRY(name.GetInt("part_number"));
    const std::string etag = TRY(name.GetString("etag"));
    const auto known = std::find_if(upload.parts.begin(), upload.parts.end(),
                                    [number](const UploadPart& part) { return part.number == number; });
    if (known == upload.parts.end()) return InvalidArgument("part ", number, " has not arrived; send it again");
    if (etag != Cat("\"", known->digest, "\"") && etag != known->digest) {
      return InvalidArgument("part ", number, " has the ETag \"", known->digest, "\", not ", etag, "; send it again");
    }
    parts.push_back(*known);
  }
  std::sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a.number < b.number; });
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].number != static_cast<std::int64_t>(i) + 1)
      return InvalidArgument("part ", i + 1, " is not named once");
  }
  return parts;
}

/// One blob of them all.
Result<Artifact> Joined(blob::BlobStore& blobs, const std::string& path, const std::vector<UploadPart>& parts) {
  if (parts.size() == 1) return Artifact{path, parts[0].digest, parts[0].size};
  const std::unique_ptr<blob::Writer> writer = TRY(blobs.Create());
  Artifact artifact{path, "", 0};
  std::string piece(kCopyBytes, '\0');
  for (const UploadPart& part : parts) {
    for (std::uint64_t offset = 0; offset < static_cast<std::uint64_t>(part.size);) {
      const std::size_t got = TRY(blobs.ReadAt(part.digest, offset, piece));
      if (got == 0) return DataLoss("part ", part.number, " ends at byte ", offset);
      TRY(writer->Append(std::string_view(piece).substr(0, got)));
      offset += got;
    }
    artifact.size += part.size;
  }
  artifact.digest = TRY(writer->Commit());
  return artifact;
}

Task<Result<Upload>> UploadOf(Uploads& uploads, const net::Request& request, const Json& body) {
  const std::string path = CO_TRY(PathOf(request, body));
  std::string id = CO_TRY(body.GetString("upload_id"));
  Upload upload = CO_TRY(co_await uploads.Find(std::move(id)));
  if (upload.path != path) co_return InvalidArgument("this upload is of ", Quoted(upload.path), ", not ", Quoted(path));
  co_return upload;
}

Task<Result<net::Response>> Complete(Uploads& uploads, BlobDoor door, net::Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  const Upload upload = CO_TRY(co_await UploadOf(uploads, request, body));
  std::string digest = upload.completed;
  if (digest.empty()) {
    const std::vector<UploadPart> parts = CO_TRY(PartsNamed(upload, body));
    const auto join = [&] { return Joined(door.blobs, upload.path, parts); };
    Artifact artifact = CO_TRY(co_await Offload(door.workers, join));
    digest = artifact.digest;
    CO_TRY(co_await uploads.Finish(upload.id, std::move(artifact)));
  }
  net::Response response = net::JsonResponse(Json::MakeObject());
  for (auto& header : DigestHeaders(digest)) response.headers.push_back(std::move(header));
  co_return response;
}

Task<Result<net::Response>> Abort(Uploads& uploads, net::Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  Upload upload = CO_TRY(co_await UploadOf(uploads, request, body));
  CO_TRY(co_await uploads.Abort(std::move(upload.id)));
  co_return net::JsonResponse(Json::MakeObject());
}

/// Where a large file is fetched in ranges, side by side: here too, with what the client came with.
Task<Result<net::Response>> WhereToFetch(tracking::Artifacts& artifacts, net::Request& request) {
  const Artifact artifact = CO_TRY(co_await artifacts.Find(request.params.at("path")));
  const std::size_t at = request.path.find("/presigned/");
  Caller caller = CallerOf(request, at);
  std::string url = Cat(caller.root, "/artifacts");
  for (const std::string_view name : Split(artifact.path, '/')) CatTo(url, "/", net::PercentEncode(name));
  co_return net::JsonResponse(
      Json::Make({{"url", url}, {"headers", std::move(caller.headers)}, {"file_size", artifact.size}}));
}

}  // namespace

void AddUploadRoutes(net::RouteTable& routes, tracking::Artifacts& artifacts, Uploads& uploads, BlobDoor door) {
  for (const std::string_view prefix : kProxyPrefixes) {
    const auto post = [&](std::string_view step, const net::Handler& handler) {
      routes.Add({Method::kPost, Cat(prefix, "/mpu/", step), Permission::kWrite, kStepBodyBytesMax, handler});
      routes.Add(
          {Method::kPost, Cat(prefix, "/mpu/", step, "/{path...}"), Permission::kWrite, kStepBodyBytesMax, handler});
    };
    post("create", Answering([&uploads](net::Request& request) { return Create(uploads, request); }));
    post("complete", Answering([&uploads, door](net::Request& request) { return Complete(uploads, door, request); }));
    post("abort", Answering([&uploads](net::Request& request) { return Abort(uploads, request); }));
    routes.Add({Method::kPut, Cat(prefix, "/mpu/part/{upload}/{number}"), Permission::kWrite, kPartBytesMax,
                Answering([&uploads, door](net::Request& request) { return PutPart(uploads, door, request); })});
    routes.Add({Method::kGet, Cat(prefix, "/presigned/{path...}"), Permission::kRead, 0,
                Answering([&artifacts](net::Request& request) { return WhereToFetch(artifacts, request); })});
    routes.Add({Method::kGet, Cat(prefix, "/mpu/parts/{upload}"), Permission::kRead, 0,
                Answering([&uploads](net::Request& request) { return Parts(uploads, request); })});
  }
}

}  // namespace mw::api::mlflow
