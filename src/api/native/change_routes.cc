// Who changed what, and when: applied files, runs, versions, aliases, deployments and limits in one time line, read
// from the records that each of them leaves anyway. "Nothing" is an answer too.
#include <algorithm>

#include "api/native/handler.h"
#include "api/native/routes.h"
#include "base/text.h"
#include "base/yaml.h"

namespace mw::api::native {
namespace {

/// Of each kind, the latest.
constexpr int kChangesMax = 500;

struct Change {
  Timestamp at{};
  std::string kind;     ///< "goal", "pipeline", "run", "version", "alias", "deployment", "limits"
  std::string subject;  ///< the name of what changed
  std::string text;     ///< "version 3 is live"
  std::string by;       ///< empty: not recorded
};
using Changes = std::vector<Change>;

struct Sources {
  goals::Goals& goals;
  pipelines::Definitions& definitions;
  pipelines::Pipelines& pipelines;
  registry::Registry& registry;
  endpoints::Endpoints& endpoints;
  const Clock& clock;
};

Task<Status> AddFiles(const Sources& from, Timestamp since, Changes& out) {
  const auto goals = CO_TRY(co_await from.goals.AppliedSince(std::string(kProject), since, kChangesMax));
  for (const goals::StoredGoal& goal : goals) {
    out.push_back({goal.applied_at, "goal", goal.name, Cat("version ", goal.version, " applied"), ""});
  }
  const auto definitions = CO_TRY(co_await from.definitions.AppliedSince(since, kChangesMax));
  for (const pipelines::Definition& definition : definitions) {
    out.push_back({definition.applied_at, "pipeline", definition.name,
                   Cat("version ", definition.version, " applied from ", definition.base_directory), ""});
  }
  co_return Ok();
}

Task<Status> AddRuns(const Sources& from, Timestamp since, Changes& out) {
  pipelines::RunFilter filter;
  filter.limit = kChangesMax;
  for (const pipelines::RunRecord& run : CO_TRY(co_await from.pipelines.List(filter))) {
    const bool over = pipelines::IsFinal(run.state);
    if (run.created >= since) out.push_back({run.created, "run", run.pipeline, Cat("started, ", run.id.text()), ""});
    if (!over || run.ended < since) continue;
    std::string text = Cat(pipelines::Name(run.state), " after ", FormatDuration(run.ended - run.created),
                           run.cause.empty() ? "" : ": ", run.cause);
    out.push_back({run.ended, "run", run.pipeline, std::move(text), ""});
  }
  co_return Ok();
}

Task<Status> AddModels(const Sources& from, Timestamp since, Changes& out) {
  const auto changes = CO_TRY(co_await from.registry.ChangesSince(std::string(kProject), since, kChangesMax));
  for (const registry::ModelVersion& version : changes.versions) {
    std::string text = Cat("version ", version.version, " registered");
    out.push_back({version.created, "version", version.model, std::move(text),
                   version.run_id.empty() ? "" : Cat("run ", version.run_id)});
  }
  for (const registry::AliasChange& move : changes.moves) {
    std::string text = move.version == 0 ? Cat("alias ", move.alias, " removed from version ", move.previous)
                                         : Cat("alias ", move.alias, ": version ", move.version);
    if (move.version != 0 && move.previous != 0) CatTo(text, ", before ", move.previous);
    out.push_back({move.at, "alias", move.model, std::move(text), move.cause});
  }
  co_return Ok();
}

Task<Status> AddDeployments(const Sources& from, Timestamp since, Changes& out) {
  for (const endpoints::Deployment& one : CO_TRY(co_await from.endpoints.ChangedSince(since, kChangesMax))) {
    const std::string what = one.removed ? "nothing" : Cat(one.model, " ", TrafficText(one));
    if (one.created >= since) {
      out.push_back({one.created, "deployment", one.endpoint, Cat(what, " wanted: ", one.cause), one.requested_by});
    }
    if (one.ready && *one.ready >= since) {
      out.push_back({*one.ready, "deployment", one.endpoint, what + " is live", ""});
    }
  }
  co_return Ok();
}

Task<Status> AddLimits(const Sources& from, Timestamp since, Changes& out) {
  for (const endpoints::Admission& one : CO_TRY(co_await from.endpoints.AdmissionsSince(since, kChangesMax))) {
    out.push_back({one.created, "limits", "model servers", endpoints::RulesText(one.rules), one.requested_by});
  }
  co_return Ok();
}

/// "24h" before now, or a time.
Result<Timestamp> SinceOf(const Request& request, Timestamp now) {
  const std::string* since = request.Query("since");
  if (since == nullptr) return now - std::chrono::hours(24);
  if (const Result<Duration> ago = ParseDuration(*since); ago.ok()) return now - *ago;
  if (const Result<Timestamp> at = ParseTime(*since); at.ok()) return *at;
  return InvalidArgument("since=", Quoted(*since),
                         " is neither a duration (24h, 3d) nor a time (2013-07-01T00:00:00Z)");
}

Task<Result<Response>> List(const Sources& from, Request& request) {
  const Timestamp since = CO_TRY(SinceOf(request, from.clock.Now()));
  Changes changes;
  CO_TRY(co_await AddFiles(from, since, changes));
  CO_TRY(co_await AddRuns(from, since, changes));
  CO_TRY(co_await AddModels(from, since, changes));
  CO_TRY(co_await AddDeployments(from, since, changes));
  CO_TRY(co_await AddLimits(from, since, changes));
  std::stable_sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) { return a.at < b.at; });
  Json rows = Json::MakeArray();
  for (const Change& change : changes) {
    rows.Append(Json::Make({{"at", FormatTime(change.at)},
                            {"kind", change.kind},
                            {"subject", change.subject},
                            {"text", change.text},
                            {"by", change.by}}));
  }
  co_return net::JsonResponse(Json::Make({{"since", FormatTime(since)}, {"changes", std::move(rows)}}));
}

}  // namespace

void AddChangeRoutes(net::RouteTable& routes, goals::Goals& goals, pipelines::Definitions& definitions,
                     pipelines::Pipelines& pipelines, registry::Registry& registry, endpoints::Endpoints& endpoints,
                     const Clock& clock) {
  const Sources from{goals, definitions, pipelines, registry, endpoints, clock};
  routes.Add({Method::kGet, "/api/v1/changes", Permission::kRead, 0,
              net::Simple([from](Request& request) { return List(from, request); })});
}

}  // namespace mw::api::native
