// For tests of the routes that tell what is recorded: a world on a simulated machine, with a table of their routes.
// One thread; time goes only when `machine.clock` is moved.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "api/native/routes.h"
#include "base/text.h"
#include "goals/goals_schema.h"
#include "net/fake_exchange.h"
#include "pipelines/simulated_machine.h"

namespace mw::api::native {

inline constexpr std::string_view kLateGoal = R"yaml(goal: late
outcome: Nobody waits.
owner: desk
predict: {label: came_late, threshold: 0.20}
targets:
  - {name: ranking, priority: 1, require: roc_auc >= 0.68}
  - {name: calibration, priority: 2, require: ece <= 0.06}
)yaml";

class RecordedWorld {
 public:
  RecordedWorld() {
    std::vector<db::Migration> all;
    for (const auto& module : {lineage::Migrations(), registry::Migrations(), goals::Migrations(), jobs::Migrations(),
                               pipelines::Migrations(), pipelines::DefinitionMigrations(), endpoints::Migrations(),
                               predictions::Migrations(), tracking::Migrations()}) {
      all.insert(all.end(), module.begin(), module.end());
    }
    const Status migrated = database.Migrate(all);
    EXPECT_TRUE(migrated.ok()) << migrated.error().ToString();
    EXPECT_TRUE(SyncWait(endpoints.Load()).ok());
    AddGoalRoutes(routes, goals, production);
    AddFileRoutes(routes, goals, definitions, *machine.pipelines, production, registry, machine.blobs);
    AddModelRoutes(routes, registry, database, machine.blobs);
    AddChangeRoutes(routes, goals, definitions, *machine.pipelines, registry, endpoints, machine.clock);
  }

  /// What is answered: the JSON, or the status and message of a refusal.
  std::string Say(const std::string& target, net::Method method = net::Method::kGet, std::string body = "") {
    const net::Response response = net::Ask(routes, method, target, std::move(body));
    if (response.status < 300) return response.body;
    return Cat(response.status, " ", net::ErrorFromResponse(response).message);
  }
  Json Get(const std::string& target) {
    const std::string text = Say(target);
    Result<Json> parsed = Json::Parse(text);
    EXPECT_TRUE(parsed.ok()) << text;
    return std::move(parsed).value_or(Json());
  }
  void Advance(Duration duration) { machine.clock.Advance(duration); }
  void Apply(std::string_view goal) {
    const auto applied = SyncWait(goals.Apply("default", std::string(goal), "goal.yaml"));
    EXPECT_TRUE(applied.ok()) << applied.error().ToString();
  }

  pipelines::SimulatedMachine machine{1};
  db::Database& database = machine.database;
  goals::Goals goals{database, machine.clock};
  pipelines::Definitions definitions{database, machine.clock};
  registry::Registry registry{database, machine.clock};
  endpoints::Endpoints endpoints{database, registry, machine.clock};
  predictions::Predictions predictions{database, machine.clock, machine.metrics};
  net::RouteTable routes;

 private:
  class NoRuns final : public monitoring::RunSource {
   public:
    Task<Result<monitoring::RunFacts>> Of(std::string /*run_id*/, std::string /*package*/) override {
      co_return monitoring::RunFacts();
    }
  };
  NoRuns runs_;
  monitoring::VersionBook versions_{registry, machine.blobs, runs_, machine.loop};

 public:
  monitoring::ProductionReconciler production{
      monitoring::ProductionReconciler::Parts{goals, endpoints, predictions, versions_, machine.loop}};
};

}  // namespace mw::api::native
