// A run's process says that it lives: POST /api/v1/runs/{id}/heartbeat {"interval_seconds": 30}
#include <cmath>

#include "api/native/handler.h"
#include "api/native/routes.h"
#include "base/text.h"

namespace mw::api::native {
namespace {

using tracking::Heartbeats;

Result<Duration> IntervalOf(const Json& body) {
  const Json* given = body.IsObject() ? body.Find("interval_seconds") : nullptr;
  if (given == nullptr || !given->IsNumber()) {
    return InvalidArgument("a heartbeat is {\"interval_seconds\": SECONDS}, within which the next one comes");
  }
  const double seconds = given->AsDouble();
  const double most = std::chrono::duration<double>(Heartbeats::kIntervalMax).count();
  if (!(seconds > 0) || seconds > most) {
    return InvalidArgument("interval_seconds is above 0 and at most ", most, ", not ", given->Dump());
  }
  return Duration(static_cast<std::int64_t>(std::ceil(seconds * 1e6)));
}

Task<Result<Response>> Beat(Heartbeats& heartbeats, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  const Duration interval = CO_TRY(IntervalOf(body));
  CO_TRY(co_await heartbeats.Beat(tracking::RunId(request.params.at("id")), interval));
  co_return net::JsonResponse(Json::MakeObject());
}

}  // namespace

void AddHeartbeatRoutes(net::RouteTable& routes, Heartbeats& heartbeats) {
  routes.Add({Method::kPost, "/api/v1/runs/{id}/heartbeat", Permission::kWrite, kJsonBodyBytesMax,
              net::Simple([&heartbeats](Request& request) { return Beat(heartbeats, request); })});
}

}  // namespace mw::api::native
