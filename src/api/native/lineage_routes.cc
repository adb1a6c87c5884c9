// What produced an artifact, and what it reached.
#include "api/native/handler.h"
#include "api/native/routes.h"
#include "base/text.h"
#include "lineage/lineage.h"

namespace mw::api::native {
namespace {

using lineage::Lineage;

Json ToJson(const lineage::Graph& graph) {
  Json artifacts = Json::MakeArray(), executions = Json::MakeArray(), events = Json::MakeArray();
  for (const lineage::Artifact& artifact : graph.artifacts) {
    artifacts.Append(Json::Make({{"id", artifact.id.text()},
                                 {"type", artifact.type},
                                 {"digest", artifact.digest},
                                 {"metadata", artifact.metadata},
                                 {"created", FormatTime(artifact.created)}}));
  }
  for (const lineage::Execution& execution : graph.executions) {
    executions.Append(Json::Make({{"id", execution.id.text()},
                                  {"type", execution.type},
                                  {"name", execution.name},
                                  {"state", lineage::StateName(execution.state)},
                                  {"code_version", execution.code_version},
                                  {"configuration", execution.configuration},
                                  {"environment", execution.environment},
                                  {"started", FormatTime(execution.started)},
                                  {"ended", FormatTime(execution.ended)}}));
  }
  for (const lineage::Event& event : graph.events) {
    events.Append(Json::Make({{"execution", event.execution.text()},
                              {"artifact", event.artifact.text()},
                              {"direction", event.direction == lineage::Direction::kInput ? "input" : "output"},
                              {"port", event.port}}));
  }
  return Json::Make({{"artifacts", std::move(artifacts)},
                     {"executions", std::move(executions)},
                     {"events", std::move(events)},
                     {"truncated", graph.truncated}});
}

Result<lineage::Graph> Walk(db::Snapshot& snapshot, const std::string& digest, bool downstream) {
  const lineage::Artifact artifact = TRY(Lineage::ArtifactByDigest(snapshot, kProject, digest));
  return downstream ? Lineage::Downstream(snapshot, artifact.id) : Lineage::Upstream(snapshot, artifact.id);
}

Task<Result<Response>> Get(db::Database& database, Request& request) {
  const std::string digest = request.params.at("digest");
  const std::string* direction = request.Query("direction");
  if (direction != nullptr && *direction != "upstream" && *direction != "downstream") {
    co_return InvalidArgument("direction is upstream or downstream, not ", Quoted(*direction));
  }
  const bool downstream = direction != nullptr && *direction == "downstream";
  const lineage::Graph graph =
      CO_TRY(co_await database.Read([&](db::Snapshot& snapshot) { return Walk(snapshot, digest, downstream); }));
  co_return net::JsonResponse(ToJson(graph));
}

}  // namespace

void AddLineageRoutes(net::RouteTable& routes, db::Database& database) {
  routes.Add({Method::kGet, "/api/v1/lineage/{digest}", Permission::kRead, 0,
              net::Simple([&database](Request& request) { return Get(database, request); })});
}

}  // namespace mw::api::native
