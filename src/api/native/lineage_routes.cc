// What produced an artifact, what it reached, which live endpoints; what people record of it, and batches of their
// files.
#include <algorithm>
#include <limits>
#include <set>
#include <unordered_set>

#include "api/native/handler.h"
#include "api/native/lineage_place.h"
#include "api/native/routes.h"
#include "base/text.h"
#include "lineage/lineage.h"
#include "lineage/recorder.h"

namespace mw::api::native {
namespace {

using lineage::Lineage;

Json ToJson(const lineage::Artifact& artifact) {
  return Json::Make({{"id", artifact.id.text()},
                     {"type", artifact.type},
                     {"name", artifact.title},
                     {"digest", artifact.digest},
                     {"uri", artifact.uri},
                     {"state", lineage::StateName(artifact.state)},
                     {"metadata", artifact.metadata},
                     {"created", FormatTime(artifact.created)}});
}

Json ToJson(const lineage::Execution& execution) {
  return Json::Make({{"id", execution.id.text()},
                     {"type", execution.type},
                     {"name", execution.name},
                     {"state", lineage::StateName(execution.state)},
                     {"code_version", execution.code_version},
                     {"configuration", execution.configuration},
                     {"environment", execution.environment},
                     {"metadata", execution.metadata},
                     {"started", FormatTime(execution.started)},
                     {"ended", execution.ended == Timestamp{} ? Json() : Json(FormatTime(execution.ended))}});
}

template <typename IdType>
Json IdsJson(const std::vector<IdType>& ids) {
  Json json = Json::MakeArray();
  for (const IdType& id : ids) json.Append(id.text());
  return json;
}

Json NamesJson(const std::vector<std::string>& names) {
  Json json = Json::MakeArray();
  for (const std::string& name : names) json.Append(name);
  return json;
}

Json DigestsJson(const std::vector<TitledDigest>& digests) {
  Json json = Json::MakeArray();
  for (const TitledDigest& one : digests) {
    json.Append(Json::Make({{"artifact", one.artifact.id.text()},
                            {"digest", one.artifact.digest},
                            {"created", FormatTime(one.artifact.created)},
                            {"runs", NamesJson(one.runs)},
                            {"more_runs", one.more_runs}}));
  }
  return json;
}

Json PlaceJson(const LineagePlace& place) {
  Json json = Json::Make(
      {{"ref", place.reference}, {"artifacts", IdsJson(place.artifacts)}, {"executions", IdsJson(place.executions)}});
  if (!place.digests.empty()) json["digests"] = DigestsJson(place.digests);
  return json;
}

Json ToJson(const lineage::Graph& graph) {
  Json artifacts = Json::MakeArray(), executions = Json::MakeArray(), events = Json::MakeArray();
  for (const lineage::Artifact& artifact : graph.artifacts) artifacts.Append(ToJson(artifact));
  for (const lineage::Execution& execution : graph.executions) executions.Append(ToJson(execution));
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

Result<lineage::Way> WayOf(const Request& request, lineage::Way otherwise) {
  const std::string* direction = request.Query("direction");
  if (direction == nullptr) return otherwise;
  if (*direction == "upstream") return lineage::Way::kUpstream;
  if (*direction == "downstream") return lineage::Way::kDownstream;
  if (*direction == "both") return lineage::Way::kBoth;
  return InvalidArgument("direction is upstream, downstream or both, not ", Quoted(*direction));
}

Result<lineage::Reach> ReachOf(const Request& request) {
  lineage::Reach reach;
  const std::string* hops = request.Query("hops");
  if (hops == nullptr) return reach;
  const std::optional<long long> number = ParseInt(*hops);
  if (!number || *number < 0) return InvalidArgument("hops is 0 or more, not ", Quoted(*hops));
  reach.hops_max = *number;
  return reach;
}

std::string ReferenceOf(const Request& request) {
  const std::string* of = request.Query("of");
  return of == nullptr ? "" : *of;
}

Task<Result<Response>> Around(LineageParts parts, Request& request) {
  const lineage::Way way = CO_TRY(WayOf(request, lineage::Way::kBoth));
  const lineage::Reach reach = CO_TRY(ReachOf(request));
  const LineagePlace place = CO_TRY(co_await FindPlace(parts, ReferenceOf(request)));
  const auto walk = [&](db::Snapshot& snapshot) -> Result<lineage::Graph> {
    lineage::Graph found = TRY(Lineage::Walk(snapshot, place.artifacts, way, reach));
    for (const lineage::ExecutionId& id : place.executions) {  // one that read and made nothing is seen all the same
      const bool there = std::any_of(found.executions.begin(), found.executions.end(),
                                     [&](const lineage::Execution& execution) { return execution.id == id; });
      if (!there) found.executions.push_back(TRY(Lineage::ExecutionById(snapshot, id)));
    }
    return found;
  };
  const lineage::Graph graph = CO_TRY(co_await parts.database.Read(walk));
  Json json = ToJson(graph);
  json["of"] = PlaceJson(place);
  co_return net::JsonResponse(json);
}

Task<Result<Response>> OfDigest(db::Database& database, Request& request) {
  const std::string digest = request.params.at("digest");
  const lineage::Way way = CO_TRY(WayOf(request, lineage::Way::kUpstream));
  const lineage::Reach reach = CO_TRY(ReachOf(request));
  const auto walk = [&](db::Snapshot& snapshot) -> Result<lineage::Graph> {
    const lineage::Artifact artifact = TRY(Lineage::ArtifactByDigest(snapshot, kProject, digest));
    return Lineage::Walk(snapshot, {artifact.id}, way, reach);
  };
  const lineage::Graph graph = CO_TRY(co_await database.Read(walk));
  co_return net::JsonResponse(ToJson(graph));
}

// ---- what produced this ----

/// What nothing recorded made: files, datasets that were brought.
Json Beginnings(const lineage::Graph& graph) {
  std::unordered_set<std::string> made;
  for (const lineage::Event& event : graph.events) {
    if (event.direction == lineage::Direction::kOutput) made.insert(event.artifact.text());
  }
  Json data = Json::MakeArray();
  for (const lineage::Artifact& artifact : graph.artifacts) {
    if (!made.contains(artifact.id.text())) data.Append(ToJson(artifact));
  }
  return data;
}

Task<Result<Response>> Origin(LineageParts parts, Request& request) {
  const LineagePlace place = CO_TRY(co_await FindPlace(parts, ReferenceOf(request)));
  std::vector<std::string> runs;
  const auto walk = [&](db::Snapshot& snapshot) -> Result<lineage::Graph> {
    lineage::Graph graph = TRY(Lineage::Walk(snapshot, place.artifacts, lineage::Way::kUpstream, {}));
    std::vector<lineage::ExecutionId> ids;
    for (const lineage::Execution& execution : graph.executions) ids.push_back(execution.id);
    runs = TRY(Lineage::RunsOf(snapshot, ids));
    return graph;
  };
  const lineage::Graph graph = CO_TRY(co_await parts.database.Read(walk));
  Json executions = Json::MakeArray();
  for (const lineage::Execution& execution : graph.executions) executions.Append(ToJson(execution));
  Json json = Json::Make({{"of", PlaceJson(place)},
                          {"data", Beginnings(graph)},
                          {"runs", NamesJson(runs)},
                          {"executions", std::move(executions)},
                          {"truncated", graph.truncated}});
  co_return net::JsonResponse(json);
}

// ---- what did this reach ----

/// A version that answers at an endpoint now, or listens there.
struct LiveVersion {
  std::string endpoint, model;
  std::int64_t version = 0, generation = 0, weight = 0;
  std::string_view role;
};

std::vector<LiveVersion> LiveVersions(const std::vector<endpoints::EndpointView>& views) {
  std::vector<LiveVersion> live;
  for (const endpoints::EndpointView& view : views) {
    const endpoints::Deployment& current = view.current;
    if (current.removed) continue;
    const auto add = [&](std::int64_t version, std::int64_t weight, std::string_view role) {
      live.push_back({current.endpoint, current.model, version, current.generation, weight, role});
    };
    if (current.traffic.versions.empty()) add(current.version, wire::kWeightWhole, "primary");
    for (const wire::WeightedVersion& each : current.traffic.versions) {
      add(each.version, each.weight, each.version == current.version ? "primary" : "split");
    }
    if (current.traffic.shadow) add(current.traffic.shadow->version, current.traffic.shadow->share, "shadow");
  }
  return live;
}

struct Impact {
  std::vector<std::pair<lineage::ArtifactId, std::string>> versions;  ///< titles of those that were reached
  std::vector<std::string> runs;
  std::size_t artifacts = 0;
  bool truncated = false;
};

Result<Impact> ImpactOf(db::Snapshot& snapshot, const LineagePlace& place, const std::set<std::string>& live) {
  const Lineage::Ids below = TRY(Lineage::WalkIds(snapshot, place.artifacts, lineage::Way::kDownstream, {}));
  std::unordered_set<std::string> reached;
  for (const lineage::ArtifactId& id : below.artifacts) reached.insert(id.text());
  Impact impact;
  impact.artifacts = below.artifacts.size();
  impact.truncated = below.truncated;
  impact.runs = TRY(Lineage::RunsOf(snapshot, below.executions));
  std::vector<lineage::ArtifactId> unsure;
  const auto titles = TRY(Lineage::TitlesOf(snapshot, kProject, lineage::kVersion));
  for (const auto& titled : titles) {
    if (reached.contains(titled.first.text())) impact.versions.push_back(titled);
    if (below.truncated && !reached.contains(titled.first.text()) && live.contains(titled.second)) {
      unsure.push_back(titled.first);
    }
  }
  // What answers users is asked for itself where the walk was cut.
  const auto also =
      TRY(Lineage::Reached(snapshot, unsure.empty() ? std::vector<lineage::ArtifactId>() : place.artifacts, unsure));
  for (const auto& titled : titles) {
    if (std::find(also.begin(), also.end(), titled.first) != also.end()) impact.versions.push_back(titled);
  }
  return impact;
}

Json VersionsJson(const Impact& impact) {
  Json versions = Json::MakeArray();
  for (const auto& [id, title] : impact.versions) {
    const std::size_t at = title.rfind('@');
    versions.Append(Json::Make({{"model", title.substr(0, at)},
                                {"version", std::int64_t{ParseInt(title.substr(at + 1)).value_or(0)}},
                                {"artifact", id.text()}}));
  }
  return versions;
}

Json LiveJson(const Impact& impact, const std::vector<LiveVersion>& live) {
  Json endpoints = Json::MakeArray();
  for (const LiveVersion& one : live) {
    const std::string title = lineage::VersionTitle(one.model, one.version);
    const bool reached = std::any_of(impact.versions.begin(), impact.versions.end(),
                                     [&](const auto& titled) { return titled.second == title; });
    if (!reached) continue;
    endpoints.Append(Json::Make({{"endpoint", one.endpoint},
                                 {"model", one.model},
                                 {"version", one.version},
                                 {"generation", one.generation},
                                 {"role", one.role},
                                 {"weight", one.weight}}));
  }
  return endpoints;
}

Task<Result<Response>> Reached(LineageParts parts, Request& request) {
  const LineagePlace place = CO_TRY(co_await FindPlace(parts, ReferenceOf(request)));
  const std::vector<LiveVersion> live = LiveVersions(CO_TRY(co_await parts.endpoints.List()));
  std::set<std::string> titles;
  for (const LiveVersion& one : live) titles.insert(lineage::VersionTitle(one.model, one.version));
  const Impact impact =
      CO_TRY(co_await parts.database.Read([&](db::Snapshot& snapshot) { return ImpactOf(snapshot, place, titles); }));
  Json json = Json::Make({{"of", PlaceJson(place)},
                          {"versions", VersionsJson(impact)},
                          {"endpoints", LiveJson(impact, live)},
                          {"runs", NamesJson(impact.runs)},
                          {"artifacts", std::uint64_t{impact.artifacts}},
                          {"truncated", impact.truncated}});
  co_return net::JsonResponse(json);
}

// ---- records by hand ----

Task<Result<Response>> Record(LineageParts parts, const Clock& clock, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  lineage::ToldRecord record;
  record.type = CO_TRY(body.GetString("type"));
  record.by = body.StringOr("by", request.principal.name);
  record.note = body.StringOr("note", "");
  if (const Json* metadata = body.Find("metadata"); metadata != nullptr && metadata->IsObject()) {
    record.metadata = *metadata;
  }
  const Json* on = body.Find("on");
  if (on == nullptr || !on->IsArray()) co_return InvalidArgument("on must be a list of what the record is about");
  for (const Json& reference : on->AsArray()) {
    if (!reference.IsString()) co_return InvalidArgument("on must be a list of texts");
    const LineagePlace place = CO_TRY(co_await FindPlace(parts, reference.AsString()));
    record.on.insert(record.on.end(), place.artifacts.begin(), place.artifacts.end());
  }
  const lineage::ExecutionId id = CO_TRY(co_await parts.database.Write(
      [&](db::Transaction& transaction) { return lineage::RecordByHand(transaction, clock, record); }));
  co_return net::JsonResponse(Json::Make({{"execution", id.text()}}), 201);
}

// ---- files of predictions ----

constexpr std::size_t kBatchInputsMax = 100;

Result<lineage::ToldArtifact> FileOf(const Json& json) {
  lineage::ToldArtifact file;
  file.type = lineage::kFile;
  file.uri = TRY(json.GetString("uri"));
  file.digest = TRY(json.GetString("digest"));
  file.port = file.uri;
  if (file.digest.starts_with("sha256:")) return file;
  return InvalidArgument("the digest of ", file.uri, " is ", Quoted(file.digest), "; it begins with sha256:");
}

Result<lineage::ToldPredictions> BatchOf(const std::string& id, const Json& body) {
  lineage::ToldPredictions told;
  told.id = Cat("batch-", id);
  told.title = id;
  told.model = TRY(body.GetString("model"));
  told.version = TRY(body.GetInt("version"));
  const Json* output = body.Find("output");
  const Json* inputs = body.Find("inputs");
  if (output == nullptr || inputs == nullptr || !inputs->IsArray() || inputs->AsArray().size() > kBatchInputsMax) {
    return InvalidArgument("a batch has an output and a list of at most ", kBatchInputsMax, " inputs");
  }
  const lineage::ToldArtifact file = TRY(FileOf(*output));
  told.digest = file.digest;
  told.uri = file.uri;
  for (const Json& input : inputs->AsArray()) told.inputs.push_back(TRY(FileOf(input)));
  told.metadata = Json::Make({{"model", told.model},
                              {"version", told.version},
                              {"rows", body.IntOr("rows", 0)},
                              {"bad_rows", body.IntOr("bad_rows", 0)}});
  told.started = FromMicros(TRY(body.GetInt("started_us")));
  told.ended = FromMicros(TRY(body.GetInt("ended_us")));
  return told;
}

Task<Result<Response>> PutBatch(LineageParts parts, const Clock& clock, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  const lineage::ToldPredictions told = CO_TRY(BatchOf(request.params.at("id"), body));
  std::string version = lineage::VersionTitle(told.model, told.version);
  CO_TRY(co_await FindPlace(parts, std::move(version)));
  CO_TRY(co_await parts.database.Write(
      [&](db::Transaction& transaction) { return lineage::RecordPredictions(transaction, clock, told); }));
  co_return net::JsonResponse(Json::Make({{"execution", told.id}}));
}

}  // namespace

void AddLineageRoutes(net::RouteTable& routes, db::Database& database, registry::Registry& registry,
                      endpoints::Endpoints& endpoints, const Clock& clock) {
  const LineageParts parts{database, registry, endpoints};
  routes.Add({Method::kGet, "/api/v1/lineage", Permission::kRead, 0,
              net::Simple([parts](Request& request) { return Around(parts, request); })});
  routes.Add({Method::kGet, "/api/v1/lineage/{digest}", Permission::kRead, 0,
              net::Simple([&database](Request& request) { return OfDigest(database, request); })});
  routes.Add({Method::kGet, "/api/v1/lineage/origin", Permission::kRead, 0,
              net::Simple([parts](Request& request) { return Origin(parts, request); })});
  routes.Add({Method::kGet, "/api/v1/lineage/impact", Permission::kRead, 0,
              net::Simple([parts](Request& request) { return Reached(parts, request); })});
  routes.Add({Method::kPost, "/api/v1/lineage/records", Permission::kWrite, kJsonBodyBytesMax,
              net::Simple([parts, &clock](Request& request) { return Record(parts, clock, request); })});
  routes.Add({Method::kPut, "/api/v1/lineage/batches/{id}", Permission::kFollow, kJsonBodyBytesMax,
              net::Simple([parts, &clock](Request& request) { return PutBatch(parts, clock, request); })});
}

}  // namespace mw::api::native
