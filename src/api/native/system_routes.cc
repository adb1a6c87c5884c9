// Health, readiness, metrics, version, and what doctor asks.
#include "api/native/handler.h"
#include "api/native/routes.h"

namespace mw::api::native {

void AddSystemRoutes(net::RouteTable& routes, const MetricsRegistry& metrics, std::string version,
                     std::function<Task<Json>()> checks) {
  const auto alive = [](Request&) -> Task<Result<Response>> {
    co_return net::JsonResponse(Json::Make({{"status", "ok"}}));
  };
  // In the words that MLflow's clients and probes expect.
  routes.Add({Method::kGet, "/health", Permission::kPublic, 0, net::Simple([](Request&) -> Task<Result<Response>> {
                co_return Response{200, {{"Content-Type", "text/plain; charset=utf-8"}}, "OK"};
              })});
  routes.Add({Method::kGet, "/ready", Permission::kPublic, 0, net::Simple(alive)});
  routes.Add({Method::kGet, "/api/v1/version", Permission::kPublic, 0,
              net::Simple([version](Request&) -> Task<Result<Response>> {
                co_return net::JsonResponse(Json::Make({{"version", version}}));
              })});
  routes.Add(
      {Method::kGet, "/metrics", Permission::kRead, 0, net::Simple([&metrics](Request&) -> Task<Result<Response>> {
         co_return Response{200, {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}}, metrics.Expose()};
       })});
  routes.Add({Method::kGet, "/api/v1/doctor", Permission::kRead, 0,
              net::Simple([checks = std::move(checks)](Request&) -> Task<Result<Response>> {
                Json result = co_await checks();
                co_return net::JsonResponse(Json::Make({{"checks", std::move(result)}}));
              })});
}

}  // namespace mw::api::native
