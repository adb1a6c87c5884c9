// What monitoring says about an endpoint: windows, columns, findings, traffic, labels; one column's distribution
// against its baseline; and how the endpoint is to be monitored.
#include "api/native/routes.h"
#include "base/text.h"
#include "monitoring/monitoring.h"

namespace mw::api::native {
namespace {

using monitoring::Monitoring;
using net::Method;
using net::Permission;
using net::Request;
using net::Response;

/// "version" of the query; 0 when there is none. Errors: kInvalidArgument.
Result<std::int64_t> VersionOf(const Request& request) {
  const std::string* text = request.Query("version");
  if (text == nullptr) return std::int64_t{0};
  const std::optional<long long> version = ParseInt(*text);
  if (!version || *version < 1) return InvalidArgument("version ", Quoted(*text), " is no version; one is 1, 2, ...");
  return std::int64_t{*version};
}

Result<Timestamp> TimeOf(const Request& request, std::string_view name) {
  const std::string* text = request.Query(name);
  if (text == nullptr) return InvalidArgument("say ", name, "=TIME, as in from=2013-07-01&to=2013-07-08");
  return ParseTime(*text).In(name);
}

Task<Result<Response>> MonitoringReport(Monitoring& monitoring, Request& request) {
  const std::int64_t version = CO_TRY(VersionOf(request));
  co_return net::JsonResponse(CO_TRY(co_await monitoring.Report(request.params.at("name"), version)));
}

Task<Result<Response>> Feature(Monitoring& monitoring, Request& request) {
  const std::int64_t version = CO_TRY(VersionOf(request));
  const Timestamp from = CO_TRY(TimeOf(request, "from"));
  const Timestamp until = CO_TRY(TimeOf(request, "to"));
  if (until <= from) co_return InvalidArgument("to lies not after from");
  const std::string endpoint = request.params.at("name");
  const std::string feature = request.params.at("feature");
  co_return net::JsonResponse(CO_TRY(co_await monitoring.Feature(endpoint, version, feature, from, until)));
}

Task<Result<Response>> GetSettings(Monitoring& monitoring, Request& request) {
  co_return net::JsonResponse(ToJson(CO_TRY(co_await monitoring.SettingsOf(request.params.at("name")))));
}

Task<Result<Response>> PutSettings(Monitoring& monitoring, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  monitoring::Settings settings = CO_TRY(monitoring::SettingsFromJson(body));
  CO_TRY(co_await monitoring.PutSettings(request.params.at("name"), settings));
  co_return net::JsonResponse(ToJson(settings));
}

}  // namespace

void AddMonitoringRoutes(net::RouteTable& routes, Monitoring& monitoring) {
  routes.Add({Method::kGet, "/api/v1/endpoints/{name}/monitoring", Permission::kRead, 0,
              net::Simple([&monitoring](Request& request) { return MonitoringReport(monitoring, request); })});
  routes.Add({Method::kGet, "/api/v1/endpoints/{name}/monitoring/features/{feature}", Permission::kRead, 0,
              net::Simple([&monitoring](Request& request) { return Feature(monitoring, request); })});
  routes.Add({Method::kGet, "/api/v1/endpoints/{name}/monitoring/settings", Permission::kRead, 0,
              net::Simple([&monitoring](Request& request) { return GetSettings(monitoring, request); })});
  routes.Add({Method::kPut, "/api/v1/endpoints/{name}/monitoring/settings", Permission::kWrite, kJsonBodyBytesMax,
              net::Simple([&monitoring](Request& request) { return PutSettings(monitoring, request); })});
}

}  // namespace mw::api::native
