// Endpoints: what answers, deploying and rolling back; and the three questions of a model server: what
// should I serve, give me that package, this is what I serve.
#include "api/native/handler.h"
#include "api/native/package_example.h"
#include "api/native/routes.h"
#include "base/id.h"
#include "base/text.h"
#include "base/yaml.h"

namespace mw::api::native {
namespace {

using endpoints::Endpoints;

constexpr std::size_t kBlobPieceBytes = std::size_t{256} << 10;
constexpr Duration kLongPollMax = std::chrono::seconds(30);
constexpr int kHistoryMax = 100;

Task<Result<Response>> List(Endpoints& endpoints) {
  Json rows = Json::MakeArray();
  for (const endpoints::EndpointView& view : CO_TRY(co_await endpoints.List())) rows.Append(ToJson(view));
  co_return net::JsonResponse(Json::Make({{"endpoints", std::move(rows)}}));
}

Task<Result<Response>> Get(Endpoints& endpoints, std::string name) {
  const endpoints::EndpointView view = CO_TRY(co_await endpoints.Get(name));
  Json out = ToJson(view);
  Json history = Json::MakeArray();
  for (const endpoints::Deployment& deployment : CO_TRY(co_await endpoints.History(name, kHistoryMax))) {
    history.Append(ToJson(deployment));
  }
  out["history"] = std::move(history);
  co_return net::JsonResponse(out);
}

/// A version is a number or an alias, in JSON a number or text.
Result<std::string> VersionOf(const Json& body) {
  const Json* version = body.Find("version");
  if (version != nullptr && version->IsInt()) return Cat(version->AsInt());
  return body.GetString("version");
}

Task<Result<Response>> Deploy(Endpoints& endpoints, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  endpoints::DeployRequest deploy;
  deploy.endpoint = request.params.at("name");
  deploy.model = CO_TRY(body.GetString("model"));
  deploy.version = CO_TRY(VersionOf(body));
  deploy.requested_by = request.principal.name;
  deploy.idempotency_key = body.StringOr("attempt_id", "");
  co_return net::JsonResponse(ToJson(CO_TRY(co_await endpoints.Deploy(std::move(deploy)))));
}

Task<Result<Response>> Rollback(Endpoints& endpoints, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  std::optional<std::int64_t> to;
  if (body.Find("to") != nullptr) to = CO_TRY(body.GetInt("to"));
  const endpoints::Deployment deployment = CO_TRY(
      co_await endpoints.Rollback(request.params.at("name"), to, body.StringOr("reason", ""), request.principal.name));
  co_return net::JsonResponse(ToJson(deployment));
}

Task<Result<Response>> Example(Endpoints& endpoints, blob::BlobStore& blobs, std::string name) {
  const endpoints::EndpointView view = CO_TRY(co_await endpoints.Get(name));
  Json request = CO_TRY(ExampleRequest(blobs, view.current.package));
  co_return net::JsonResponse(Json::Make({{"endpoint", name}, {"request", std::move(request)}}));
}

/// Answers when there is a newer generation, else after `wait` with the one there is.
Task<void> DesiredState(Endpoints& endpoints, Request& request, Responder& responder) {
  const std::string* after = request.Query("after");
  const std::string* wait = request.Query("wait");
  const std::int64_t known = after == nullptr ? -1 : ParseInt(*after).value_or(-1);
  const Duration hold =
      wait == nullptr ? Duration(0) : std::min(ParseDuration(*wait).value_or(Duration(0)), kLongPollMax);
  const Endpoints::Watch watch(endpoints, responder.Waker());
  if (hold > Duration(0) && endpoints.generation() <= known) {
    static_cast<void>(co_await responder.Sleep(std::chrono::duration_cast<std::chrono::milliseconds>(hold)));
  }
  // A peer that has gone is noticed by its next poll.
  static_cast<void>(co_await responder.Send(net::JsonResponse(wire::ToJson(endpoints.Desired()))));
}

Task<Result<Response>> Report(Endpoints& endpoints, Request& request) {
  const std::string text = CO_TRY(co_await request.ReadAll());
  wire::StatusReport report = CO_TRY(wire::ParseStatusReport(text));
  CO_TRY(co_await endpoints.Report(std::move(report)));
  co_return net::JsonResponse(Json::MakeObject());
}

Task<Status> StreamBlob(blob::BlobStore& blobs, const std::string& digest, Responder& responder) {
  const std::uint64_t size = CO_TRY(blobs.Size(digest));
  const net::Headers headers = {{"Content-Type", "application/octet-stream"}};
  CO_TRY(co_await responder.Begin(200, headers, size));
  std::string piece(kBlobPieceBytes, '\0');
  for (std::uint64_t offset = 0; offset < size;) {
    const std::size_t got = CO_TRY(blobs.ReadAt(digest, offset, piece));
    if (got == 0) co_return DataLoss("the blob ", digest, " ends at byte ", offset, " of ", size);
    CO_TRY(co_await responder.Write(std::string_view(piece).substr(0, got)));
    offset += got;
  }
  co_return co_await responder.End();
}

Task<void> SendBlob(blob::BlobStore& blobs, Request& request, Responder& responder) {
  const std::string digest = request.params.at("digest");
  if (!blob::IsDigest(digest)) {
    static_cast<void>(co_await responder.Send(net::ErrorResponse(
        InvalidArgument(Quoted(digest), " is no digest; one is sha256: and 64 hexadecimal digits"))));
    co_return;
  }
  if (const auto size = blobs.Size(digest); !size.ok()) {
    static_cast<void>(co_await responder.Send(net::ErrorResponse(size.error())));
    co_return;
  }
  const Status sent = co_await StreamBlob(blobs, digest, responder);
  static_cast<void>(sent);  // the head has left: all that is possible is to end the connection early
}

}  // namespace

void AddEndpointRoutes(net::RouteTable& routes, Endpoints& endpoints, blob::BlobStore& blobs) {
  routes.Add({Method::kGet, "/api/v1/endpoints", Permission::kRead, 0,
              net::Simple([&endpoints](Request&) { return List(endpoints); })});
  routes.Add({Method::kGet, "/api/v1/endpoints/{name}", Permission::kRead, 0,
              net::Simple([&endpoints](Request& request) { return Get(endpoints, request.params.at("name")); })});
  routes.Add({Method::kGet, "/api/v1/endpoints/{name}/example", Permission::kRead, 0,
              net::Simple([&endpoints, &blobs](Request& request) {
                return Example(endpoints, blobs, request.params.at("name"));
              })});
  routes.Add({Method::kPost, "/api/v1/endpoints/{name}/deploy", Permission::kDeploy, kJsonBodyBytesMax,
              net::Simple([&endpoints](Request& request) { return Deploy(endpoints, request); })});
  routes.Add({Method::kPost, "/api/v1/endpoints/{name}/rollback", Permission::kDeploy, kJsonBodyBytesMax,
              net::Simple([&endpoints](Request& request) { return Rollback(endpoints, request); })});
  routes.Add(
      {Method::kGet, "/api/v1/desired-state", Permission::kFollow, 0,
       [&endpoints](Request& request, Responder& responder) { return DesiredState(endpoints, request, responder); }});
  routes.Add({Method::kPost, "/api/v1/servers/{id}/status", Permission::kFollow, kJsonBodyBytesMax,
              net::Simple([&endpoints](Request& request) { return Report(endpoints, request); })});
  // The same bytes for two kinds of callers: a model server may fetch packages and read nothing else; a step
  // or a person may read artifacts and cannot speak for a model server.
  const auto send = [&blobs](Request& request, Responder& responder) { return SendBlob(blobs, request, responder); };
  routes.Add({Method::kGet, "/api/v1/blobs/{digest}", Permission::kFollow, 0, send});
  routes.Add({Method::kGet, "/api/v1/artifacts/{digest}", Permission::kRead, 0, send});
}

}  // namespace mw::api::native
