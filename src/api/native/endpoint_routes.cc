// Endpoints: what answers, deploying, sharing requests among versions, rolling back, removing, limits; and the
// questions of a model server: what should I serve, give me that package, this is what I serve.
#include "api/native/handler.h"
#include "api/native/package_example.h"
#include "api/native/routes.h"
#include "base/id.h"
#include "base/offload.h"
#include "base/text.h"
#include "base/yaml.h"
#include "wire/package.h"

namespace mw::api::native {
namespace {

using endpoints::Endpoints;

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

/// In ten-thousandths.
Result<std::int64_t> WeightOf(const Json& body, std::string_view key) {
  const std::int64_t weight = TRY(body.GetInt(key));
  if (weight >= 0 && weight <= wire::kWeightWhole) return weight;
  return InvalidArgument(key, " is ", weight, "; it is 0 to ", wire::kWeightWhole, " ten-thousandths");
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
  if (body.Find("weight") != nullptr) deploy.weight = CO_TRY(WeightOf(body, "weight"));
  co_return net::JsonResponse(ToJson(CO_TRY(co_await endpoints.Deploy(std::move(deploy)))));
}

Result<endpoints::VersionShare> ShareOf(const Json& value, std::string_view key) {
  endpoints::VersionShare share;
  share.version = TRY(VersionOf(value));
  share.share = TRY(WeightOf(value, key));
  return share;
}

/// Null makes a setting what it is when nobody sets it.
Status TakeSettings(const Json& body, endpoints::SharingRequest& out) {
  const wire::EndpointSettings settings = TRY(wire::ParseSettings(body));
  if (body.Find("sticky") != nullptr) out.sticky = settings.sticky;
  if (body.Find("cache") != nullptr) out.cache = settings.cache;
  if (body.Find("limits") != nullptr) out.limits = settings.limits;
  return Ok();
}

Result<endpoints::SharingRequest> SharingOf(const Json& body) {
  endpoints::SharingRequest out;
  if (const Json* versions = body.Find("versions")) {
    if (!versions->IsArray() || versions->AsArray().size() > wire::kSplitVersionsMax) {
      return InvalidArgument("versions is a list of at most ", wire::kSplitVersionsMax, " {\"version\",\"weight\"}");
    }
    for (const Json& version : versions->AsArray()) out.versions.push_back(TRY(ShareOf(version, "weight")));
  }
  if (const Json* shadow = body.Find("shadow")) {
    out.shadow = endpoints::VersionShare();
    if (!shadow->IsNull()) out.shadow = TRY(ShareOf(*shadow, "share"));
  }
  TRY(TakeSettings(body, out));
  out.idempotency_key = body.StringOr("attempt_id", "");
  return out;
}

Task<Result<Response>> SetSplit(Endpoints& endpoints, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  endpoints::SharingRequest sharing = CO_TRY(SharingOf(body));
  sharing.endpoint = request.params.at("name");
  sharing.requested_by = request.principal.name;
  const endpoints::Deployment deployment = CO_TRY(co_await endpoints.Share(std::move(sharing)));
  co_return net::JsonResponse(ToJson(deployment));
}

Task<Result<Response>> Remove(Endpoints& endpoints, Request& request) {
  const std::string* attempt = request.Query("attempt_id");
  const std::string key = attempt == nullptr ? "" : *attempt;
  const endpoints::Deployment deployment =
      CO_TRY(co_await endpoints.Remove(request.params.at("name"), request.principal.name, key));
  co_return net::JsonResponse(ToJson(deployment));
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

/// {"client_header","shares":[{"client","rows_per_second"}],"rows_per_second_max","rows_in_flight_max"}: what is absent
/// stays as it is.
Result<endpoints::AdmissionRequest> AdmissionOf(const Json& body) {
  endpoints::AdmissionRequest out;
  out.shares = TRY(wire::ParseAdmission(&body))
  .shares;
  if (body.Find("client_header") != nullptr) out.client_header = TRY(body.GetString("client_header"));
  if (body.Find("rows_per_second_max") != nullptr) out.rows_per_second_max = TRY(body.GetInt("rows_per_second_max"));
  if (body.Find("rows_in_flight_max") != nullptr) out.rows_in_flight_max = TRY(body.GetInt("rows_in_flight_max"));
  out.idempotency_key = body.StringOr("attempt_id", "");
  return out;
}

Task<Result<Response>> SetLimits(Endpoints& endpoints, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  endpoints::AdmissionRequest wanted = CO_TRY(AdmissionOf(body));
  wanted.requested_by = request.principal.name;
  co_return net::JsonResponse(ToJson(CO_TRY(co_await endpoints.SetAdmission(std::move(wanted)))));
}

Task<Result<Response>> RemoveLimits(Endpoints& endpoints, Request& request) {
  endpoints::AdmissionRequest wanted;
  wanted.from_nothing = true;
  wanted.requested_by = request.principal.name;
  co_return net::JsonResponse(ToJson(CO_TRY(co_await endpoints.SetAdmission(std::move(wanted)))));
}

Task<Result<Response>> GetLimits(Endpoints& endpoints) {
  co_return net::JsonResponse(ToJson(endpoints.CurrentAdmission()));
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

Task<Result<Response>> TakeStatusReport(Endpoints& endpoints, Request& request) {
  const std::string text = CO_TRY(co_await request.ReadAll());
  wire::StatusReport report = CO_TRY(wire::ParseStatusReport(text));
  CO_TRY(co_await endpoints.Report(std::move(report)));
  co_return net::JsonResponse(Json::MakeObject());
}

Result<StoredBlob> Stored(blob::BlobStore& blobs, const std::string& digest) {
  const std::uint64_t size = TRY(blobs.Size(digest));
  return StoredBlob{digest, size};
}

Task<void> SendByDigest(BlobDoor door, Request& request, Responder& responder) {
  const std::string digest = request.params.at("digest");
  const auto look = [&] { return Stored(door.blobs, digest); };
  Result<StoredBlob> stored = co_await Offload(door.workers, look);
  if (stored.ok()) {
    co_await SendBlob(door, *std::move(stored), digest, request, responder, net::ErrorResponse);
  } else {
    static_cast<void>(co_await responder.Send(net::ErrorResponse(stored.error())));
  }
}

/// Bytes into the store: {"digest"}. A package's files come before the version that is made of them.
Task<Result<Response>> StoreBlob(BlobDoor door, Request& request) {
  const StoredBlob stored = CO_TRY(co_await ReceiveBlob(door, request));
  Response response = net::JsonResponse(Json::Make({{"digest", stored.digest}}), 201);
  for (auto& header : DigestHeaders(stored.digest)) response.headers.push_back(std::move(header));
  co_return response;
}

}  // namespace

void AddEndpointRoutes(net::RouteTable& routes, Endpoints& endpoints, BlobDoor door) {
  routes.Add({Method::kGet, "/api/v1/endpoints", Permission::kRead, 0,
              net::Simple([&endpoints](Request&) { return List(endpoints); })});
  routes.Add({Method::kGet, "/api/v1/endpoints/{name}", Permission::kRead, 0,
              net::Simple([&endpoints](Request& request) { return Get(endpoints, request.params.at("name")); })});
  routes.Add({Method::kGet, "/api/v1/endpoints/{name}/example", Permission::kRead, 0,
              net::Simple([&endpoints, &blobs = door.blobs](Request& request) {
                return Example(endpoints, blobs, request.params.at("name"));
              })});
  routes.Add({Method::kPost, "/api/v1/endpoints/{name}/deploy", Permission::kDeploy, kJsonBodyBytesMax,
              net::Simple([&endpoints](Request& request) { return Deploy(endpoints, request); })});
  routes.Add({Method::kPost, "/api/v1/endpoints/{name}/split", Permission::kDeploy, kJsonBodyBytesMax,
              net::Simple([&endpoints](Request& request) { return SetSplit(endpoints, request); })});
  routes.Add({Method::kDelete, "/api/v1/endpoints/{name}", Permission::kDeploy, 0,
              net::Simple([&endpoints](Request& request) { return Remove(endpoints, request); })});
  routes.Add({Method::kPost, "/api/v1/endpoints/{name}/rollback", Permission::kDeploy, kJsonBodyBytesMax,
              net::Simple([&endpoints](Request& request) { return Rollback(endpoints, request); })});
  routes.Add({Method::kGet, "/api/v1/limits", Permission::kRead, 0,
              net::Simple([&endpoints](Request&) { return GetLimits(endpoints); })});
  routes.Add({Method::kPost, "/api/v1/limits", Permission::kDeploy, kJsonBodyBytesMax,
              net::Simple([&endpoints](Request& request) { return SetLimits(endpoints, request); })});
  routes.Add({Method::kDelete, "/api/v1/limits", Permission::kDeploy, 0,
              net::Simple([&endpoints](Request& request) { return RemoveLimits(endpoints, request); })});
  routes.Add(
      {Method::kGet, "/api/v1/desired-state", Permission::kFollow, 0,
       [&endpoints](Request& request, Responder& responder) { return DesiredState(endpoints, request, responder); }});
  routes.Add({Method::kPost, "/api/v1/servers/{id}/status", Permission::kFollow, kJsonBodyBytesMax,
              net::Simple([&endpoints](Request& request) { return TakeStatusReport(endpoints, request); })});
  // The same bytes for two kinds of callers: a model server may fetch packages and read nothing else; a step
  // or a person may read artifacts and cannot speak for a model server.
  const auto send = [door](Request& request, Responder& responder) { return SendByDigest(door, request, responder); };
  routes.Add({Method::kGet, "/api/v1/blobs/{digest}", Permission::kFollow, 0, send});
  routes.Add({Method::kPost, "/api/v1/blobs", Permission::kWrite, wire::kModelBytesMax,
              net::Simple([door](Request& request) { return StoreBlob(door, request); })});
  routes.Add({Method::kGet, "/api/v1/artifacts/{digest}", Permission::kRead, 0, send});
}

}  // namespace mw::api::native
