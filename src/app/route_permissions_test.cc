// Who may do what: every route of the control plane with its permission, written down by hand, and each of them asked
// by callers who may and who may not. The data plane's routes know no callers: it is guarded by where it listens.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "app/step_token_issuer.h"
#include "app/testing.h"
#include "base/file.h"
#include "base/text.h"
#include "net/http_client.h"

namespace mw::app {
namespace {

using net::Method;
using net::Permission;
using enum net::Permission;

struct Guarded {
  Method method;
  std::string_view pattern;
  Permission permission;
};

// Before a line is added: who is meant to call this, and what could a stolen token of theirs do with it?
constexpr Guarded kRoutes[] = {
    // Nothing to protect: the console's files, and whether and what this is.
    {Method::kGet, "/", kPublic},
    {Method::kGet, "/goals", kPublic},
    {Method::kGet, "/goals/{rest...}", kPublic},
    {Method::kGet, "/pipelines", kPublic},
    {Method::kGet, "/pipelines/{rest...}", kPublic},
    {Method::kGet, "/runs", kPublic},
    {Method::kGet, "/runs/{rest...}", kPublic},
    {Method::kGet, "/models", kPublic},
    {Method::kGet, "/models/{rest...}", kPublic},
    {Method::kGet, "/endpoints", kPublic},
    {Method::kGet, "/endpoints/{rest...}", kPublic},
    {Method::kGet, "/experiments", kPublic},
    {Method::kGet, "/experiments/{rest...}", kPublic},
    {Method::kGet, "/datasets", kPublic},
    {Method::kGet, "/datasets/{rest...}", kPublic},
    {Method::kGet, "/compare", kPublic},
    {Method::kGet, "/lineage", kPublic},
    {Method::kGet, "/assets/{file}", kPublic},
    {Method::kGet, "/health", kPublic},
    {Method::kGet, "/ready", kPublic},
    {Method::kGet, "/api/v1/version", kPublic},
    {Method::kGet, "/version", kPublic},
    // Looking.
    {Method::kGet, "/get-artifact", kRead},
    {Method::kGet, "/model-versions/get-artifact", kRead},
    {Method::kGet, "/metrics", kRead},
    {Method::kGet, "/api/v1/doctor", kRead},
    {Method::kGet, "/api/v1/events", kRead},
    {Method::kGet, "/api/v1/changes", kRead},
    {Method::kPost, "/api/v1/plan", kRead},
    {Method::kGet, "/api/v1/experiments/{id}/runs", kRead},
    {Method::kPost, "/api/v1/experiments/{id}/rows", kRead},
    {Method::kGet, "/api/v1/experiments/{id}/keys", kRead},
    {Method::kGet, "/api/v1/experiments/{id}/column", kRead},
    {Method::kPost, "/api/v1/experiments/{id}/matches", kRead},
    {Method::kGet, "/api/v1/experiments/{id}/views", kRead},
    {Method::kGet, "/api/v1/datasets", kRead},
    {Method::kGet, "/api/v1/datasets/made", kRead},
    {Method::kGet, "/api/v1/dataset", kRead},
    {Method::kPost, "/api/v1/charts", kRead},
    {Method::kGet, "/api/v1/goals", kRead},
    {Method::kGet, "/api/v1/goals/{name}", kRead},
    {Method::kGet, "/api/v1/goals/{name}/production", kRead},
    {Method::kGet, "/api/v1/pipelines", kRead},
    {Method::kGet, "/api/v1/runs", kRead},
    {Method::kGet, "/api/v1/runs/{id}", kRead},
    {Method::kGet, "/api/v1/runs/{id}/events", kRead},
    {Method::kGet, "/api/v1/runs/{id}/tasks/{step}/log", kRead},
    {Method::kGet, "/api/v1/runs/{id}/tracked", kRead},
    {Method::kGet, "/api/v1/runs/{id}/metrics/{metric}", kRead},
    {Method::kGet, "/api/v1/models", kRead},
    {Method::kGet, "/api/v1/models/{name}", kRead},
    {Method::kGet, "/api/v1/models/{name}/versions/{version}", kRead},
    {Method::kGet, "/api/v1/models/{name}/versions/{version}/report", kRead},
    {Method::kGet, "/api/v1/logged-models/{id}/versions", kRead},
    {Method::kGet, "/api/v1/artifacts/{digest}", kRead},
    {Method::kGet, "/api/v1/lineage", kRead},
    {Method::kGet, "/api/v1/lineage/{digest}", kRead},
    {Method::kGet, "/api/v1/lineage/origin", kRead},
    {Method::kGet, "/api/v1/lineage/impact", kRead},
    {Method::kGet, "/api/v1/compare", kRead},
    {Method::kGet, "/api/v1/runs/{id}/reproduce", kRead},
    {Method::kGet, "/api/v1/experiments/{id}/baseline", kRead},
    {Method::kGet, "/v1/projects/{project}/locations/{location}/metadataStores", kRead},
    {Method::kGet, "/v1/projects/{project}/locations/{location}/metadataStores/{store}", kRead},
    {Method::kGet, "/v1/projects/{project}/locations/{location}/metadataStores/{store}/artifacts", kRead},
    {Method::kGet, "/v1/projects/{project}/locations/{location}/metadataStores/{store}/artifacts/{id}", kRead},
    {Method::kGet, "/v1/projects/{project}/locations/{location}/metadataStores/{store}/executions", kRead},
    {Method::kGet, "/v1/projects/{project}/locations/{location}/metadataStores/{store}/executions/{id}", kRead},
    {Method::kGet, "/v1/projects/{project}/locations/{location}/metadataStores/{store}/contexts", kRead},
    {Method::kGet, "/v1/projects/{project}/locations/{location}/metadataStores/{store}/contexts/{id}", kRead},
    {Method::kGet, "/api/v1/limits", kRead},
    {Method::kGet, "/api/v1/storage", kRead},
    {Method::kGet, "/api/v1/export/logged-models", kRead},
    {Method::kGet, "/api/v1/export/model-metrics", kRead},
    {Method::kGet, "/api/v1/retention", kRead},
    {Method::kGet, "/ajax-api/2.0/mlflow/logged-models/{model_id}/artifacts/files", kRead},
    {Method::kGet, "/api/v1/endpoints", kRead},
    {Method::kGet, "/api/v1/endpoints/{name}", kRead},
    {Method::kGet, "/api/v1/endpoints/{name}/example", kRead},
    {Method::kGet, "/api/v1/endpoints/{name}/labels", kRead},
    {Method::kGet, "/api/v1/endpoints/{name}/windows", kRead},
    {Method::kGet, "/api/v1/endpoints/{name}/serving", kRead},
    {Method::kGet, "/api/v1/endpoints/{name}/predictions", kRead},
    {Method::kGet, "/api/v1/requests", kRead},
    {Method::kGet, "/api/v1/endpoints/{name}/monitoring", kRead},
    {Method::kGet, "/api/v1/endpoints/{name}/monitoring/features/{feature}", kRead},
    {Method::kGet, "/api/v1/endpoints/{name}/monitoring/settings", kRead},
    // Working: what people and steps do every day. Files that are applied say which programs run.
    {Method::kPost, "/api/v1/apply", kWrite},
    {Method::kPut, "/api/v1/experiments/{id}/views/{name...}", kWrite},
    {Method::kDelete, "/api/v1/experiments/{id}/views/{name...}", kWrite},
    {Method::kPost, "/api/v1/pipelines/{name}/runs", kWrite},
    {Method::kPost, "/api/v1/runs/{id}/cancel", kWrite},
    {Method::kPost, "/api/v1/runs/{id}/retry", kWrite},
    {Method::kPost, "/api/v1/runs/{id}/log", kWrite},
    {Method::kPost, "/api/v1/runs/{id}/heartbeat", kWrite},
    {Method::kPost, "/api/v1/lineage/records", kWrite},
    {Method::kPut, "/api/v1/experiments/{id}/baseline", kWrite},
    {Method::kDelete, "/api/v1/experiments/{id}/baseline", kWrite},
    {Method::kPost, "/v1/projects/{project}/locations/{location}/metadataStores/{store}/artifacts", kWrite},
    {Method::kPatch, "/v1/projects/{project}/locations/{location}/metadataStores/{store}/artifacts/{id}", kWrite},
    {Method::kPost, "/v1/projects/{project}/locations/{location}/metadataStores/{store}/executions", kWrite},
    {Method::kPost, "/v1/projects/{project}/locations/{location}/metadataStores/{store}/executions/{id}", kWrite},
    {Method::kPatch, "/v1/projects/{project}/locations/{location}/metadataStores/{store}/executions/{id}", kWrite},
    {Method::kPost, "/v1/projects/{project}/locations/{location}/metadataStores/{store}/contexts", kWrite},
    {Method::kPost, "/v1/projects/{project}/locations/{location}/metadataStores/{store}/contexts/{id}", kWrite},
    {Method::kPatch, "/v1/projects/{project}/locations/{location}/metadataStores/{store}/contexts/{id}", kWrite},
    {Method::kPost, "/api/v1/blobs", kWrite},
    {Method::kPost, "/api/v1/models/{name}/versions", kWrite},
    {Method::kPost, "/api/v1/endpoints/{name}/labels", kWrite},
    {Method::kPut, "/api/v1/endpoints/{name}/monitoring/settings", kWrite},
    // Taking away for good.
    {Method::kPut, "/api/v1/retention/{experiment}", kAdmin},
    {Method::kDelete, "/api/v1/retention/{experiment}", kAdmin},
    {Method::kPost, "/api/v1/gc", kAdmin},
    // What was sent to webhooks, and sending it again.
    {Method::kGet, "/api/v1/webhooks/{id}/deliveries", kAdmin},
    {Method::kPost, "/api/v1/webhooks/{id}/deliveries/{number}/redeliver", kAdmin},
    // Deciding what is answered in production.
    {Method::kPost, "/api/v1/limits", kDeploy},
    {Method::kDelete, "/api/v1/limits", kDeploy},
    {Method::kPut, "/api/v1/models/{name}/aliases/{alias}", kDeploy},
    {Method::kPost, "/api/v1/endpoints/{name}/deploy", kDeploy},
    {Method::kPost, "/api/v1/endpoints/{name}/split", kDeploy},
    {Method::kPost, "/api/v1/endpoints/{name}/rollback", kDeploy},
    {Method::kDelete, "/api/v1/endpoints/{name}", kDeploy},
    // Brings experiments and runs with any ids and dates.
    {Method::kPost, "/api/v1/import/experiments", kAdmin},
    {Method::kPost, "/api/v1/import/runs", kAdmin},
    {Method::kPost, "/api/v1/import/points", kAdmin},
    {Method::kPost, "/api/v1/import/finish", kAdmin},
    {Method::kPost, "/api/v1/import/models", kAdmin},
    {Method::kPost, "/api/v1/import/logged-models", kAdmin},
    {Method::kPost, "/api/v1/import/model-metrics", kAdmin},
    {Method::kPost, "/api/v1/import/finish-models", kAdmin},
    // A model server's own.
    {Method::kGet, "/api/v1/desired-state", kFollow},
    {Method::kGet, "/api/v1/blobs/{digest}", kFollow},
    {Method::kPost, "/api/v1/servers/{id}/status", kFollow},
    {Method::kPut, "/api/v1/servers/{id}/windows", kFollow},
    {Method::kPut, "/api/v1/lineage/batches/{id}", kFollow},
};

// MLflow's API: each of these under kMlflowPrefixes.
constexpr Guarded kMlflow[] = {
    {Method::kGet, "/experiments/get", kRead},
    {Method::kGet, "/experiments/get-by-name", kRead},
    {Method::kGet, "/experiments/search", kRead},
    {Method::kPost, "/experiments/search", kRead},
    {Method::kPost, "/experiments/create", kWrite},
    {Method::kPost, "/experiments/delete", kWrite},
    {Method::kPost, "/experiments/restore", kWrite},
    {Method::kPost, "/experiments/update", kWrite},
    {Method::kPost, "/experiments/set-experiment-tag", kWrite},
    {Method::kPost, "/experiments/delete-experiment-tag", kWrite},
    {Method::kGet, "/runs/get", kRead},
    {Method::kPost, "/runs/search", kRead},
    {Method::kPost, "/runs/create", kWrite},
    {Method::kPost, "/runs/update", kWrite},
    {Method::kPost, "/runs/delete", kWrite},
    {Method::kPost, "/runs/restore", kWrite},
    {Method::kPost, "/runs/log-metric", kWrite},
    {Method::kPost, "/runs/log-parameter", kWrite},
    {Method::kPost, "/runs/set-tag", kWrite},
    {Method::kPost, "/runs/delete-tag", kWrite},
    {Method::kPost, "/runs/log-batch", kWrite},
    {Method::kPost, "/runs/log-inputs", kWrite},
    {Method::kPost, "/runs/outputs", kWrite},
    {Method::kPost, "/experiments/search-datasets", kRead},
    {Method::kGet, "/artifacts/list", kRead},
    {Method::kPost, "/runs/log-model", kWrite},
    {Method::kPost, "/logged-models", kWrite},
    {Method::kPost, "/logged-models/search", kRead},
    {Method::kGet, "/logged-models/{model_id}", kRead},
    {Method::kPatch, "/logged-models/{model_id}", kWrite},
    {Method::kDelete, "/logged-models/{model_id}", kWrite},
    {Method::kPatch, "/logged-models/{model_id}/tags", kWrite},
    {Method::kDelete, "/logged-models/{model_id}/tags/{tag_key...}", kWrite},
    {Method::kPost, "/logged-models/{model_id}/params", kWrite},
    {Method::kGet, "/logged-models/{model_id}/artifacts/directories", kRead},
    {Method::kGet, "/metrics/get-history", kRead},
    {Method::kGet, "/metrics/get-history-bulk", kRead},
    {Method::kGet, "/metrics/get-history-bulk-interval", kRead},
    {Method::kGet, "/registered-models/get", kRead},
    {Method::kGet, "/registered-models/search", kRead},
    {Method::kGet, "/registered-models/get-latest-versions", kRead},
    {Method::kPost, "/registered-models/get-latest-versions", kRead},
    {Method::kGet, "/registered-models/alias", kRead},
    {Method::kPost, "/registered-models/create", kWrite},
    {Method::kPatch, "/registered-models/update", kWrite},
    {Method::kPost, "/registered-models/set-tag", kWrite},
    {Method::kDelete, "/registered-models/delete-tag", kWrite},
    {Method::kPost, "/registered-models/rename", kDeploy},
    {Method::kDelete, "/registered-models/delete", kDeploy},
    {Method::kPost, "/registered-models/alias", kDeploy},
    {Method::kDelete, "/registered-models/alias", kDeploy},
    {Method::kGet, "/model-versions/get", kRead},
    {Method::kGet, "/model-versions/search", kRead},
    {Method::kGet, "/model-versions/get-download-uri", kRead},
    {Method::kPost, "/model-versions/create", kWrite},
    {Method::kPatch, "/model-versions/update", kWrite},
    {Method::kPost, "/model-versions/set-tag", kWrite},
    {Method::kDelete, "/model-versions/delete-tag", kWrite},
    {Method::kPost, "/model-versions/transition-stage", kDeploy},
    {Method::kDelete, "/model-versions/delete", kDeploy},
    // Their URLs may be secrets, and what they are sent leaves the machine.
    {Method::kGet, "/webhooks", kAdmin},
    {Method::kPost, "/webhooks", kAdmin},
    {Method::kGet, "/webhooks/{webhook_id}", kAdmin},
    {Method::kPatch, "/webhooks/{webhook_id}", kAdmin},
    {Method::kDelete, "/webhooks/{webhook_id}", kAdmin},
    {Method::kPost, "/webhooks/{webhook_id}/test", kAdmin},
};
constexpr std::string_view kMlflowPrefixes[] = {"/api/2.0/mlflow", "/ajax-api/2.0/mlflow", "/api/2.0/preview/mlflow"};
// Its artifact proxy: each of these under kProxyPrefixes.
constexpr Guarded kProxy[] = {
    {Method::kGet, "/artifacts", kRead},
    {Method::kGet, "/artifacts/{path...}", kRead},
    {Method::kPut, "/artifacts/{path...}", kWrite},
    {Method::kDelete, "/artifacts/{path...}", kWrite},
    {Method::kPost, "/mpu/create", kWrite},
    {Method::kPost, "/mpu/create/{path...}", kWrite},
    {Method::kPost, "/mpu/complete", kWrite},
    {Method::kPost, "/mpu/complete/{path...}", kWrite},
    {Method::kPost, "/mpu/abort", kWrite},
    {Method::kPost, "/mpu/abort/{path...}", kWrite},
    {Method::kPut, "/mpu/part/{upload}/{number}", kWrite},
    {Method::kGet, "/mpu/parts/{upload}", kRead},
    {Method::kGet, "/presigned/{path...}", kRead},
};
constexpr std::string_view kProxyPrefixes[] = {"/api/2.0/mlflow-artifacts", "/ajax-api/2.0/mlflow-artifacts"};
// Where there is none of its endpoints, so that its client learns that.
constexpr std::string_view kNothingThere[] = {"/api/{version}/mlflow/{rest...}", "/ajax-api/{version}/mlflow/{rest...}",
                                              "/api/2.0/{rest...}", "/ajax-api/2.0/{rest...}"};

struct GuardedRoute {
  Method method;
  std::string pattern;
  Permission permission;
};

const std::vector<GuardedRoute>& AllRoutes() {
  static const std::vector<GuardedRoute> kAll = [] {
    std::vector<GuardedRoute> all;
    for (const Guarded& route : kRoutes) all.push_back({route.method, std::string(route.pattern), route.permission});
    for (const std::string_view prefix : kMlflowPrefixes) {
      for (const Guarded& route : kMlflow) all.push_back({route.method, Cat(prefix, route.pattern), route.permission});
    }
    for (const std::string_view prefix : kProxyPrefixes) {
      for (const Guarded& route : kProxy) all.push_back({route.method, Cat(prefix, route.pattern), route.permission});
    }
    for (const std::string_view pattern : kNothingThere) {
      for (const Method method : {Method::kGet, Method::kPost, Method::kPut, Method::kPatch, Method::kDelete}) {
        all.push_back({method, std::string(pattern), kRead});
      }
    }
    return all;
  }();
  return kAll;
}

constexpr Permission kGrantable[] = {kRead, kWrite, kDeploy, kFollow, kAdmin};

std::string Name(Method method, std::string_view pattern) { return Cat(net::MethodName(method), " ", pattern); }

// The path of a request that this route answers.
std::string PathOf(std::string_view pattern) {
  std::string path;
  for (const std::string_view part : Split(pattern.substr(1), '/')) {
    CatTo(path, "/", part.starts_with('{') ? "x" : part);
  }
  return path;
}

net::HttpClient ClientOf(const std::string& url, const std::string& token) {
  net::ClientOptions options;
  options.bearer_token = token;
  return *net::HttpClient::Make(url, options);
}

int StatusOf(net::HttpClient& client, Method method, std::string_view pattern) {
  const Result<net::Response> answer = client.Send(method, PathOf(pattern));
  EXPECT_TRUE(answer.ok()) << Name(method, pattern) << ": " << answer.error().ToString();
  return answer.ok() ? answer->status : 0;
}

// The same routes, behind which nothing happens: 204 tells that a request came through.
net::RouteTable WithoutHandlers(const net::RouteTable& routes) {
  net::RouteTable hollow;
  for (net::Route route : routes.routes()) {
    route.handler = net::Simple([](net::Request&) -> Task<Result<net::Response>> {
      co_return net::Response{204, {}, {}};
    });
    hollow.Add(std::move(route));
  }
  return hollow;
}

class RoutePermissionsTest : public testing::PlatformTest {
 protected:
  std::string Secret(const std::string& file) {
    return std::string(Trim(ReadFile(config_.home + "/" + file, 4096).value_or("")));
  }
  // The platform's routes without their handlers, for a guard of the test's own.
  std::string Guard(net::Authenticator& authenticator) {
    server_ = *net::StreamServer::Start({}, WithoutHandlers(platform_->routes()), authenticator, metrics_);
    return Cat("http://127.0.0.1:", server_->port());
  }

  RealClock clock_;
  MetricsRegistry metrics_;
  std::unique_ptr<net::StreamServer> server_;
};

TEST_F(RoutePermissionsTest, EveryRouteIsInTheTable) {
  std::map<std::string, std::string> table, found;
  for (const GuardedRoute& route : AllRoutes()) {
    table[Name(route.method, route.pattern)] = net::PermissionName(route.permission);
  }
  for (const net::Route& route : platform_->routes().routes()) {
    found[Name(route.method, route.pattern)] = net::PermissionName(route.permission);
  }
  for (const auto& [name, permission] : found) {
    const auto known = table.find(name);
    if (known == table.end()) {
      ADD_FAILURE() << name << " is a new route with the permission \"" << permission
                    << "\": add its line to kRoutes, beside those that the same callers need";
    } else if (known->second != permission) {
      ADD_FAILURE() << name << " now wants the permission \"" << permission << "\" instead of \"" << known->second
                    << "\": if that is meant, change its line in kRoutes and say so in CHANGELOG.md";
    }
  }
  for (const auto& [name, permission] : table) {
    EXPECT_TRUE(found.contains(name)) << name << " is gone: take its line out of kRoutes";
  }
  EXPECT_EQ(table.size(), AllRoutes().size()) << "a route stands twice in kRoutes";
}

TEST_F(RoutePermissionsTest, OneWithoutAKnownTokenGetsToPublicRoutesOnly) {
  net::TokenAuthenticator nobody(clock_, std::nullopt);
  const std::string url = Guard(nobody);
  for (const std::string token : {"", "mw_admin_of_another_home"}) {
    net::HttpClient client = ClientOf(url, token);
    for (const GuardedRoute& route : AllRoutes()) {
      const int expected = route.permission == kPublic ? 204 : 401;
      EXPECT_EQ(StatusOf(client, route.method, route.pattern), expected) << Name(route.method, route.pattern);
      if (route.method != Method::kGet) continue;
      EXPECT_EQ(StatusOf(client, Method::kHead, route.pattern), expected) << Name(Method::kHead, route.pattern);
    }
  }
}

TEST_F(RoutePermissionsTest, APermissionOpensItsOwnRoutesAndNoOthers) {
  net::TokenAuthenticator authenticator(clock_, std::nullopt);
  for (const Permission held : kGrantable) {
    authenticator.Add(net::PermissionName(held), {std::string(net::PermissionName(held)), {held}});
  }
  const std::string url = Guard(authenticator);
  for (const Permission held : kGrantable) {
    net::HttpClient client = ClientOf(url, std::string(net::PermissionName(held)));
    for (const GuardedRoute& route : AllRoutes()) {
      const bool may = route.permission == kPublic || route.permission == held || held == kAdmin;
      EXPECT_EQ(StatusOf(client, route.method, route.pattern), may ? 204 : 403)
          << Name(route.method, route.pattern) << " with the permission " << net::PermissionName(held);
    }
  }
}

TEST_F(RoutePermissionsTest, AStepMayDoAllButFollowAndIsNobodyAfterIt) {
  net::TokenAuthenticator authenticator(clock_, std::nullopt);
  StepTokenIssuer issuer(authenticator, "secret");
  const std::string token = issuer.Issue(pipelines::RunId(NewIdText(clock_)), "attempt");
  net::HttpClient client = ClientOf(Guard(authenticator), token);
  for (const GuardedRoute& route : AllRoutes()) {
    const bool may = route.permission != kFollow && route.permission != kAdmin;
    EXPECT_EQ(StatusOf(client, route.method, route.pattern), may ? 204 : 403) << Name(route.method, route.pattern);
  }
  issuer.Revoke("attempt");
  EXPECT_EQ(StatusOf(client, Method::kGet, "/api/v1/goals"), 401);
}

TEST_F(RoutePermissionsTest, TheServersOwnTokenFollowsOnly) {
  const std::string token = Secret("follow_token");
  ASSERT_FALSE(token.empty());
  net::HttpClient client = ClientOf(platform_->url(), token);
  for (const GuardedRoute& route : AllRoutes()) {
    if (route.permission == kPublic || route.permission == kFollow) continue;
    EXPECT_EQ(StatusOf(client, route.method, route.pattern), 403) << Name(route.method, route.pattern);
  }
  EXPECT_EQ(StatusOf(client, Method::kGet, "/api/v1/blobs/{digest}"), 400);  // let in, and "x" is no digest
}

TEST_F(RoutePermissionsTest, OnThisMachineNoTokenIsTheLocalUserAndAWrongOneIsNobody) {
  net::HttpClient local = ClientOf(platform_->url(), "");
  EXPECT_EQ(StatusOf(local, Method::kGet, "/api/v1/goals"), 200);
  net::HttpClient admin = ClientOf(platform_->url(), Secret("token"));
  EXPECT_EQ(StatusOf(admin, Method::kGet, "/api/v1/goals"), 200);
  net::HttpClient wrong = ClientOf(platform_->url(), "mw_admin_of_another_home");
  for (const GuardedRoute& route : AllRoutes()) {
    if (route.permission == kPublic) continue;
    EXPECT_EQ(StatusOf(wrong, route.method, route.pattern), 401) << Name(route.method, route.pattern);
  }
}

}  // namespace
}  // namespace mw::app
