// Artifacts, executions and contexts over HTTP. A path's last part may end in ":verb", as custom methods are written.
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "api/metadata/resources.h"
#include "api/metadata/routes.h"
#include "base/text.h"
#include "lineage/lineage.h"
#include "lineage/metadata.h"

namespace mw::api::metadata {
namespace {

using lineage::Metadata;
using net::Method;
using net::Permission;
using net::Request;
using net::Response;

constexpr std::size_t kBodyBytesMax = std::size_t{4} << 20;
constexpr std::string_view kPath = "/v1/projects/{project}/locations/{location}/metadataStores";

/// A mask that names every field.
const std::vector<std::string> kAll;

/// The parts of "ID:verb".
struct Target {
  std::string id, verb;
};
Target TargetOf(const Request& request) {
  const std::string& last = request.params.at("id");
  const std::size_t colon = last.find(':');
  if (colon == std::string::npos) return {last, ""};
  return {last.substr(0, colon), last.substr(colon + 1)};
}

Error NoVerb(const Request& request, const Target& target) {
  return NotFound("there is no method ", Quoted(target.verb), " of ", request.path.substr(0, request.path.find(':')));
}

Status CheckStore(const Request& request) {
  const auto store = request.params.find("store");
  if (request.params.at("project") != "default") {
    return NotFound("there is no project ", Quoted(request.params.at("project")), "; there is \"default\"");
  }
  if (store == request.params.end() || store->second == "default") return Ok();
  return NotFound("there is no metadata store ", Quoted(store->second), "; there is \"default\"");
}

/// Errors in the form that the protocol's clients read.
Response ErrorAnswer(const Error& error) {
  const int status = HttpStatus(error.code);
  return net::JsonResponse(
      Json::Make(
          {{"error", Json::Make({{"code", status}, {"message", error.ToString()}, {"status", CodeName(error.code)}})}}),
      status);
}

Result<lineage::ListQuery> QueryOf(const Request& request) {
  lineage::ListQuery query;
  const auto text = [&](std::string_view name, std::string& out) {
    if (const std::string* value = request.Query(name)) out = *value;
  };
  text("filter", query.filter);
  text("orderBy", query.order_by);
  text("pageToken", query.page_token);
  if (const std::string* size = request.Query("pageSize"); size != nullptr && *size != "0") {
    const std::optional<long long> number = ParseInt(*size);
    if (!number) return InvalidArgument("pageSize is a number, not ", Quoted(*size));
    query.page_size = *number;
  }
  return query;
}

template <typename Noun>
Json PageJson(std::string_view nouns, const lineage::Page<Noun>& page) {
  Json entries = Json::MakeArray();
  for (const Noun& entry : page.entries) entries.Append(ToJson(entry));
  Json json = Json::MakeObject();
  json[nouns] = std::move(entries);
  if (!page.next_page_token.empty()) json["nextPageToken"] = page.next_page_token;
  return json;
}

std::vector<std::string> MaskOf(const Request& request) {
  std::vector<std::string> mask;
  const std::string* text = request.Query("updateMask");
  if (text == nullptr || text->empty() || *text == "*") return mask;
  for (const std::string_view field : Split(*text, ',')) {
    std::string name;
    for (std::size_t i = 0; i < field.size(); ++i) {  // display_name is displayName
      const bool hump = field[i] == '_' && i + 1 < field.size() && field[i + 1] >= 'a' && field[i + 1] <= 'z';
      name.push_back(hump ? static_cast<char>(field[++i] - 'a' + 'A') : field[i]);
    }
    mask.push_back(std::move(name));
  }
  return mask;
}

template <typename IdType>
Result<std::vector<IdType>> IdsOf(const Json& body, std::string_view field) {
  std::vector<IdType> ids;
  const Json* list = body.Find(field);
  if (list == nullptr || list->IsNull()) return ids;
  if (!list->IsArray()) return InvalidArgument(field, " must be a list of names");
  if (list->AsArray().size() > lineage::Lineage::kPortsMax) {
    return InvalidArgument("at most ", lineage::Lineage::kPortsMax, " ", field, " at once");
  }
  for (const Json& name : list->AsArray()) {
    if (!name.IsString()) return InvalidArgument(field, " must be a list of names");
    ids.emplace_back(IdOf(name.AsString()));
  }
  return ids;
}

/// The handlers; one for all routes. Everything outlives it.
class MetadataApi {
 public:
  MetadataApi(db::Database& database, const Clock& clock) : database_(database), metadata_(clock) {}

  // ---- lists ----

  Task<Result<Response>> ListArtifacts(Request& request) {
    const lineage::ListQuery query = CO_TRY(QueryOf(request));
    const auto page =
        CO_TRY(co_await database_.Read([&](db::Snapshot& s) { return Metadata::ListArtifacts(s, query); }));
    co_return net::JsonResponse(PageJson("artifacts", page));
  }
  Task<Result<Response>> ListExecutions(Request& request) {
    const lineage::ListQuery query = CO_TRY(QueryOf(request));
    const auto page =
        CO_TRY(co_await database_.Read([&](db::Snapshot& s) { return Metadata::ListExecutions(s, query); }));
    co_return net::JsonResponse(PageJson("executions", page));
  }
  Task<Result<Response>> ListContexts(Request& request) {
    const lineage::ListQuery query = CO_TRY(QueryOf(request));
    const auto page =
        CO_TRY(co_await database_.Read([&](db::Snapshot& s) { return Metadata::ListContexts(s, query); }));
    co_return net::JsonResponse(PageJson("contexts", page));
  }

  // ---- making ----

  Task<Result<Response>> CreateArtifact(Request& request) {
    const Json body = CO_TRY(co_await request.ReadJson());
    lineage::Artifact artifact;
    artifact.project = "default";
    artifact.type = CO_TRY(TypeOf(body, "artifacts"));
    if (const std::string* id = request.Query("artifactId")) artifact.id = lineage::ArtifactId(*id);
    CO_TRY(Take(body, kAll, artifact));
    const auto made =
        CO_TRY(co_await database_.Write([&](db::Transaction& t) { return metadata_.Create(t, artifact); }));
    co_return net::JsonResponse(ToJson(made));
  }
  Task<Result<Response>> CreateExecution(Request& request) {
    const Json body = CO_TRY(co_await request.ReadJson());
    lineage::Execution execution;
    execution.project = "default";
    execution.state = lineage::ExecutionState::kNew;
    execution.type = CO_TRY(TypeOf(body, "executions"));
    if (const std::string* id = request.Query("executionId")) execution.id = lineage::ExecutionId(*id);
    CO_TRY(Take(body, kAll, execution));
    const auto made =
        CO_TRY(co_await database_.Write([&](db::Transaction& t) { return metadata_.Create(t, execution); }));
    co_return net::JsonResponse(ToJson(made));
  }
  Task<Result<Response>> CreateContext(Request& request) {
    const Json body = CO_TRY(co_await request.ReadJson());
    lineage::Context context;
    context.name.type = CO_TRY(TypeOf(body, "contexts"));
    if (const std::string* id = request.Query("contextId")) context.id = lineage::ContextId(*id);
    CO_TRY(Take(body, kAll, context));
    context.parents = CO_TRY(IdsOf<lineage::ContextId>(body, "parentContexts"));
    const auto made =
        CO_TRY(co_await database_.Write([&](db::Transaction& t) { return metadata_.Create(t, context); }));
    co_return net::JsonResponse(ToJson(made));
  }

  // ---- looking ----

  Task<Result<Response>> GetArtifact(Request& request) {
    const Target target = TargetOf(request);
    const lineage::ArtifactId id(target.id);
    if (target.verb.empty()) {
      co_return net::JsonResponse(ToJson(
          CO_TRY(co_await database_.Read([&](db::Snapshot& s) { return lineage::Lineage::ArtifactById(s, id); }))));
    }
    if (target.verb != "queryArtifactLineageSubgraph") co_return NoVerb(request, target);
    std::int64_t hops = lineage::Reach().hops_max;
    if (const std::string* text = request.Query("maxHops")) {
      const std::optional<long long> number = ParseInt(*text);
      if (!number) co_return InvalidArgument("maxHops is a number, not ", Quoted(*text));
      hops = *number;
    }
    const std::string* filter = request.Query("filter");
    const std::string wanted = filter == nullptr ? "" : *filter;
    co_return net::JsonResponse(ToJson(CO_TRY(
        co_await database_.Read([&](db::Snapshot& s) { return Metadata::ArtifactSubgraph(s, id, hops, wanted); }))));
  }
  Task<Result<Response>> GetExecution(Request& request) {
    const Target target = TargetOf(request);
    const lineage::ExecutionId id(target.id);
    if (target.verb.empty()) {
      co_return net::JsonResponse(ToJson(
          CO_TRY(co_await database_.Read([&](db::Snapshot& s) { return lineage::Lineage::ExecutionById(s, id); }))));
    }
    if (target.verb != "queryExecutionInputsAndOutputs") co_return NoVerb(request, target);
    co_return net::JsonResponse(
        ToJson(CO_TRY(co_await database_.Read([&](db::Snapshot& s) { return Metadata::InputsAndOutputs(s, id); }))));
  }
  Task<Result<Response>> GetContext(Request& request) {
    const Target target = TargetOf(request);
    const lineage::ContextId id(target.id);
    if (target.verb.empty()) {
      co_return net::JsonResponse(
          ToJson(CO_TRY(co_await database_.Read([&](db::Snapshot& s) { return Metadata::ContextById(s, id); }))));
    }
    if (target.verb != "queryContextLineageSubgraph") co_return NoVerb(request, target);
    co_return net::JsonResponse(
        ToJson(CO_TRY(co_await database_.Read([&](db::Snapshot& s) { return Metadata::ContextSubgraph(s, id); }))));
  }

  // ---- changing ----

  Task<Result<Response>> PatchArtifact(Request& request) {
    const Json body = CO_TRY(co_await request.ReadJson());
    const lineage::ArtifactId id(request.params.at("id"));
    const std::vector<std::string> mask = MaskOf(request);
    const auto change = [&](db::Transaction& t) -> Result<lineage::Artifact> {
      lineage::Artifact artifact = TRY(lineage::Lineage::ArtifactById(t, id));
      TRY(Take(body, mask, artifact));
      return metadata_.Update(t, std::move(artifact));
    };
    co_return net::JsonResponse(ToJson(CO_TRY(co_await database_.Write(change))));
  }
  Task<Result<Response>> PatchExecution(Request& request) {
    const Json body = CO_TRY(co_await request.ReadJson());
    const lineage::ExecutionId id(request.params.at("id"));
    const std::vector<std::string> mask = MaskOf(request);
    const auto change = [&](db::Transaction& t) -> Result<lineage::Execution> {
      lineage::Execution execution = TRY(lineage::Lineage::ExecutionById(t, id));
      TRY(Take(body, mask, execution));
      return metadata_.Update(t, std::move(execution));
    };
    co_return net::JsonResponse(ToJson(CO_TRY(co_await database_.Write(change))));
  }
  Task<Result<Response>> PatchContext(Request& request) {
    const Json body = CO_TRY(co_await request.ReadJson());
    const lineage::ContextId id(request.params.at("id"));
    const std::vector<std::string> mask = MaskOf(request);
    const auto change = [&](db::Transaction& t) -> Result<lineage::Context> {
      lineage::Context context = TRY(Metadata::ContextById(t, id));
      TRY(Take(body, mask, context));
      return metadata_.Update(t, std::move(context));
    };
    co_return net::JsonResponse(ToJson(CO_TRY(co_await database_.Write(change))));
  }

  // ---- tying ----

  Task<Result<Response>> PostExecution(Request& request) {
    const Target target = TargetOf(request);
    if (target.verb != "addExecutionEvents") co_return NoVerb(request, target);
    const Json body = CO_TRY(co_await request.ReadJson());
    const std::vector<lineage::Event> events = CO_TRY(EventsOf(body));
    const lineage::ExecutionId id(target.id);
    CO_TRY(co_await database_.Write([&](db::Transaction& t) { return metadata_.AddEvents(t, id, events); }));
    co_return net::JsonResponse(Json::MakeObject());
  }
  Task<Result<Response>> PostContext(Request& request) {
    const Target target = TargetOf(request);
    const Json body = CO_TRY(co_await request.ReadJson());
    const lineage::ContextId id(target.id);
    if (target.verb == "addContextArtifactsAndExecutions") {
      const auto artifacts = CO_TRY(IdsOf<lineage::ArtifactId>(body, "artifacts"));
      const auto executions = CO_TRY(IdsOf<lineage::ExecutionId>(body, "executions"));
      CO_TRY(co_await database_.Write(
          [&](db::Transaction& t) { return Metadata::AddToContext(t, id, artifacts, executions); }));
      co_return net::JsonResponse(Json::MakeObject());
    }
    const auto children = CO_TRY(IdsOf<lineage::ContextId>(body, "childContexts"));
    if (target.verb == "addContextChildren") {
      CO_TRY(co_await database_.Write([&](db::Transaction& t) { return Metadata::AddChildren(t, id, children); }));
    } else if (target.verb == "removeContextChildren") {
      CO_TRY(co_await database_.Write([&](db::Transaction& t) { return Metadata::RemoveChildren(t, id, children); }));
    } else {
      co_return NoVerb(request, target);
    }
    co_return net::JsonResponse(Json::MakeObject());
  }

 private:
  db::Database& database_;
  const Metadata metadata_;
};

Json StoreJson() {
  return Json::Make(
      {{"name", kStore}, {"description", "what this Millwright recorded"}, {"state", Json::MakeObject()}});
}

Task<Result<Response>> ListStores() {
  Json stores = Json::MakeArray();
  stores.Append(StoreJson());
  co_return net::JsonResponse(Json::Make({{"metadataStores", std::move(stores)}}));
}

Task<Result<Response>> GetStore() { co_return net::JsonResponse(StoreJson()); }

using Work = std::function<Task<Result<Response>>(Request&)>;

Task<Result<Response>> Answer(const Work& work, Request& request) {
  const Status store = CheckStore(request);
  if (!store.ok()) co_return ErrorAnswer(store.error());
  Result<Response> answer = co_await work(request);
  if (!answer.ok()) co_return ErrorAnswer(answer.error());
  co_return std::move(answer);
}

void Add(net::RouteTable& routes, Method method, std::string_view path, Work work) {
  const bool reads = method == Method::kGet;
  routes.Add({method, Cat(kPath, path), reads ? Permission::kRead : Permission::kWrite, reads ? 0 : kBodyBytesMax,
              net::Simple([work = std::move(work)](Request& request) { return Answer(work, request); })});
}

}  // namespace

void AddMetadataRoutes(net::RouteTable& routes, db::Database& database, const Clock& clock) {
  const auto api = std::make_shared<MetadataApi>(database, clock);
  const auto of = [api](Task<Result<Response>> (MetadataApi::*handler)(Request&)) {
    return [api, handler](Request& request) { return ((*api).*handler)(request); };
  };
  Add(routes, Method::kGet, "", [](Request&) { return ListStores(); });
  Add(routes, Method::kGet, "/{store}", [](Request&) { return GetStore(); });
  Add(routes, Method::kGet, "/{store}/artifacts", of(&MetadataApi::ListArtifacts));
  Add(routes, Method::kPost, "/{store}/artifacts", of(&MetadataApi::CreateArtifact));
  Add(routes, Method::kGet, "/{store}/artifacts/{id}", of(&MetadataApi::GetArtifact));
  Add(routes, Method::kPatch, "/{store}/artifacts/{id}", of(&MetadataApi::PatchArtifact));
  Add(routes, Method::kGet, "/{store}/executions", of(&MetadataApi::ListExecutions));
  Add(routes, Method::kPost, "/{store}/executions", of(&MetadataApi::CreateExecution));
  Add(routes, Method::kGet, "/{store}/executions/{id}", of(&MetadataApi::GetExecution));
  Add(routes, Method::kPost, "/{store}/executions/{id}", of(&MetadataApi::PostExecution));
  Add(routes, Method::kPatch, "/{store}/executions/{id}", of(&MetadataApi::PatchExecution));
  Add(routes, Method::kGet, "/{store}/contexts", of(&MetadataApi::ListContexts));
  Add(routes, Method::kPost, "/{store}/contexts", of(&MetadataApi::CreateContext));
  Add(routes, Method::kGet, "/{store}/contexts/{id}", of(&MetadataApi::GetContext));
  Add(routes, Method::kPost, "/{store}/contexts/{id}", of(&MetadataApi::PostContext));
  Add(routes, Method::kPatch, "/{store}/contexts/{id}", of(&MetadataApi::PatchContext));
}

}  // namespace mw::api::metadata
