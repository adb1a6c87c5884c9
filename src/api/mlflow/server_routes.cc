// The server itself.
#include <utility>

#include "api/mlflow/answers.h"
#include "api/mlflow/routes.h"
#include "base/text.h"

namespace mw::api::mlflow {
namespace {

using net::Method;
using net::Permission;

/// Below the first version whose client would send spans here.
constexpr const char* kVersion = "3.3.0";

Task<Result<net::Response>> Version(net::Request&) {
  net::Response response;
  response.headers = {{"Content-Type", "text/plain; charset=utf-8"}};
  response.body = kVersion;
  co_return response;
}

/// Not RESOURCE_DOES_NOT_EXIST, which would be believed to be about a run or a model.
Task<Result<net::Response>> NotHere(net::Request& request) {
  const std::string message = Cat(net::MethodName(request.method), " ", request.path, " is not served here");
  co_return net::JsonResponse(Json::Make({{"error_code", "ENDPOINT_NOT_FOUND"}, {"message", message}}), 404);
}

}  // namespace

net::Response Refusal(std::string_view path, const Error& error) {
  for (const std::string_view prefix : {"/api/2.0/", "/api/3.0/", "/ajax-api/", "/get-artifact", "/model-versions/"}) {
    if (path.starts_with(prefix)) return ErrorAnswer(error);
  }
  return net::ErrorResponse(error);
}

void AddServerRoutes(net::RouteTable& routes) {
  routes.Add({Method::kGet, "/version", Permission::kPublic, 0, net::Simple(Version)});
  for (const std::string_view prefix :
       {"/api/{version}/mlflow", "/ajax-api/{version}/mlflow", "/api/2.0", "/ajax-api/2.0"}) {
    for (const Method method : {Method::kGet, Method::kPost, Method::kPut, Method::kPatch, Method::kDelete}) {
      routes.Add({method, Cat(prefix, "/{rest...}"), Permission::kRead, std::size_t{32} << 20, net::Simple(NotHere)});
    }
  }
}

}  // namespace mw::api::mlflow
