// Goals as they were applied and how their targets were last judged.
#include <algorithm>
#include <map>

#include "api/native/handler.h"
#include "api/native/routes.h"

namespace mw::api::native {
namespace {

constexpr int kVerdictsMax = 1000;

Json ToJson(const goals::StoredVerdict& verdict) {
  return Json::Make({{"target", verdict.target},
                     {"metric", verdict.metric},
                     {"stage", verdict.stage},
                     {"model", verdict.model},
                     {"model_version", verdict.model_version ? Json(*verdict.model_version) : Json()},
                     {"run_id", verdict.run_id},
                     {"outcome", verdict.outcome},
                     {"verdict", verdict.verdict},
                     {"recorded_at", FormatTime(verdict.recorded_at)}});
}

/// Those of the evaluation that was recorded last; how production does is said by its board.
std::vector<goals::StoredVerdict> Latest(const std::vector<goals::StoredVerdict>& history) {
  std::vector<goals::StoredVerdict> latest;
  for (auto verdict = history.rbegin(); verdict != history.rend(); ++verdict) {
    if (verdict->stage == goals::StageName(goals::Stage::kProduction)) continue;
    if (!latest.empty() && verdict->evaluation_id != latest.front().evaluation_id) break;
    latest.push_back(*verdict);
  }
  std::reverse(latest.begin(), latest.end());
  return latest;
}

/// "state" and "missed_in" of the goal's board; null where it cannot be told.
Task<Json> InProduction(monitoring::ProductionReconciler& production, std::string name) {
  const Result<monitoring::GoalBoard> board = co_await production.Board(std::move(name));
  if (!board.ok()) co_return Json();
  const Json all = monitoring::ToJson(*board);
  co_return Json::Make({{"state", all.StringOr("state", "unknown")}, {"missed_in", *all.Find("missed_in")}});
}

Task<Result<Json>> Row(goals::Goals& goals, monitoring::ProductionReconciler& production, goals::StoredGoal goal) {
  const auto latest = Latest(CO_TRY(co_await goals.History(std::string(kProject), goal.name, "", kVerdictsMax)));
  std::int64_t missed = 0;
  for (const goals::StoredVerdict& verdict : latest) missed += verdict.outcome == "missed" ? 1 : 0;
  const Json* targets = goal.parsed.Find("targets");
  Json in_production = co_await InProduction(production, goal.name);
  co_return Json::Make({{"name", goal.name},
                        {"model", goal.parsed.StringOr("model", "")},
                        {"outcome", goal.parsed.StringOr("outcome", "")},
                        {"version", goal.version},
                        {"targets", std::uint64_t{targets == nullptr ? 0 : targets->AsArray().size()}},
                        {"missed", missed},
                        {"judged", latest.empty() ? Json() : Json(FormatTime(latest.back().recorded_at))},
                        {"production", std::move(in_production)}});
}

Task<Result<Response>> List(goals::Goals& goals, monitoring::ProductionReconciler& production) {
  const std::vector<goals::StoredGoal> stored = CO_TRY(co_await goals.List(std::string(kProject)));
  Json rows = Json::MakeArray();
  for (const goals::StoredGoal& goal : stored) rows.Append(CO_TRY(co_await Row(goals, production, goal)));
  co_return net::JsonResponse(Json::Make({{"goals", std::move(rows)}}));
}

Task<Result<Response>> Get(goals::Goals& goals, std::string name) {
  const goals::StoredGoal goal = CO_TRY(co_await goals.Get(std::string(kProject), name));
  const auto history = CO_TRY(co_await goals.History(std::string(kProject), name, "", kVerdictsMax));
  Json verdicts = Json::MakeArray();
  for (const goals::StoredVerdict& verdict : Latest(history)) verdicts.Append(ToJson(verdict));
  co_return net::JsonResponse(Json::Make({{"goal", goal.parsed},
                                          {"version", goal.version},
                                          {"applied_at", FormatTime(goal.applied_at)},
                                          {"source", goal.source},
                                          {"verdicts", std::move(verdicts)}}));
}

Task<Result<Response>> Production(monitoring::ProductionReconciler& production, std::string name) {
  co_return net::JsonResponse(monitoring::ToJson(CO_TRY(co_await production.Board(std::move(name)))));
}

}  // namespace

void AddGoalRoutes(net::RouteTable& routes, goals::Goals& goals, monitoring::ProductionReconciler& production) {
  routes.Add({Method::kGet, "/api/v1/goals", Permission::kRead, 0,
              net::Simple([&goals, &production](Request&) { return List(goals, production); })});
  routes.Add({Method::kGet, "/api/v1/goals/{name}", Permission::kRead, 0,
              net::Simple([&goals](Request& request) { return Get(goals, request.params.at("name")); })});
  routes.Add(
      {Method::kGet, "/api/v1/goals/{name}/production", Permission::kRead, 0,
       net::Simple([&production](Request& request) { return Production(production, request.params.at("name")); })});
}

}  // namespace mw::api::native
