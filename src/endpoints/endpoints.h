// The door: which version each endpoint should answer with, and what its servers really do. Wants are
// durable (deployment_store); reports are kept in memory, since a server repeats its own every few
// seconds. Any thread that runs coroutines; Report, Desired and generation() any thread at all.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/task.h"
#include "db/database.h"
#include "endpoints/deployment.h"
#include "registry/registry.h"
#include "wire/desired_state.h"

namespace mw::endpoints {

std::vector<db::Migration> Migrations();

struct DeployRequest {
  std::string endpoint;
  std::string model;
  std::string version;  ///< a number or an alias
  std::string requested_by;
  std::string idempotency_key;  ///< empty: one is made
};

class Endpoints {
 public:
  /// All outlive this.
  Endpoints(db::Database& database, registry::Registry& registry, const Clock& clock)
      : database_(database), registry_(registry), clock_(clock) {}

  /// Reads what was wanted before; once, before anything else. Errors: the database's.
  Task<Status> Load();

  /// Wants the version from now on and moves the model's alias `production` to it.
  /// Errors: kNotFound no such model, version or alias; kInvalidArgument the endpoint's name.
  Task<Result<Deployment>> Deploy(DeployRequest request);
  /// Errors: kNotFound no such endpoint; kFailedPrecondition nothing to go back to (rollback.h).
  Task<Result<Deployment>> Rollback(std::string endpoint, std::optional<std::int64_t> to, std::string reason,
                                    std::string requested_by);

  /// Errors: kNotFound naming the endpoints there are.
  Task<Result<EndpointView>> Get(std::string endpoint);
  Task<Result<std::vector<EndpointView>>> List();
  Task<Result<std::vector<Deployment>>> History(std::string endpoint, int limit);

  /// What a model server should serve now.
  [[nodiscard]] wire::DesiredState Desired() const;
  /// Of Desired, without making it: for waiting until it grows.
  [[nodiscard]] std::int64_t generation() const { return generation_.load(); }
  /// Calls `grown` soon after each growth of generation(), on any thread, until the watch is destroyed.
  class Watch {
   public:
    Watch(Endpoints& endpoints, std::function<void()> grown);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    friend class Endpoints;
    Endpoints& endpoints_;
    const std::function<void()> grown_;
  };
  /// Takes a server's report; durable is only that a deployment became ready.
  Task<Status> Report(wire::StatusReport report);
  /// Servers that reported lately.
  [[nodiscard]] std::vector<Server> Servers() const;

 private:
  [[nodiscard]] EndpointView ViewOf(Deployment deployment) const;
  void Take(const Deployment& deployment);
  void MarkReadyInMemory(std::int64_t generation, Timestamp at);

  db::Database& database_;
  registry::Registry& registry_;
  const Clock& clock_;
  std::atomic<std::int64_t> generation_{0};
  mutable Mutex mutex_;
  std::map<std::string, Deployment> current_ MW_GUARDED_BY(mutex_);  ///< by endpoint
  std::map<std::string, Server> servers_ MW_GUARDED_BY(mutex_);
  std::set<Watch*> watches_ MW_GUARDED_BY(mutex_);
};

}  // namespace mw::endpoints
