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
#include "endpoints/admission.h"
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
  std::string idempotency_key;               ///< empty: one is made
  std::int64_t weight = wire::kWeightWhole;  ///< less: the version is a canary, the others share the rest as before
};

/// A version, as a number or an alias, and its part of the requests.
struct VersionShare {
  std::string version;
  std::int64_t share = 0;  ///< of wire::kWeightWhole
};

/// What is absent stays as it is.
struct SharingRequest {
  std::string endpoint;
  std::vector<VersionShare> versions{};  ///< all that answer from now on; empty: those that do
  std::optional<VersionShare> shadow{};  ///< of an empty version: none
  std::optional<wire::StickyKey> sticky{};
  std::optional<wire::CacheRules> cache{};
  std::optional<std::optional<wire::ServingLimits>> limits{};  ///< holding nothing: those of the server
  std::string requested_by{};
  std::string idempotency_key{};  ///< empty: one is made
};

class Endpoints {
 public:
  /// All outlive this.
  Endpoints(db::Database& database, registry::Registry& registry, const Clock& clock)
      : database_(database), registry_(registry), clock_(clock) {}

  /// Called with every deployment that is no removal, in the transaction that makes it, perhaps more than once. Set
  /// before the first is made.
  using Witness = std::function<Status(db::Transaction&, const Deployment&)>;
  void OnDeployment(Witness witness) { on_deployment_ = std::move(witness); }

  /// Reads what was wanted before; once, before anything else. Errors: the database's.
  Task<Status> Load();

  /// Wants the version from now on, for all requests or for its weight. The model's alias `production` is where the
  /// primary version is. Without a shadow from now on when it is for all. Repeated with one idempotency key it is done
  /// once, as Share and Remove are. Errors: kNotFound no such model, version or alias; kInvalidArgument the endpoint's
  /// name; kFailedPrecondition a weight where nothing of this model answers the rest.
  Task<Result<Deployment>> Deploy(DeployRequest request);
  /// Wants the versions to share the requests so, and the settings. Errors: kNotFound no such endpoint or version;
  /// kInvalidArgument weights that are no whole.
  Task<Result<Deployment>> Share(SharingRequest request);
  /// Wants nothing to answer there any more; a deployment makes the endpoint anew. Errors: kNotFound.
  Task<Result<Deployment>> Remove(std::string endpoint, std::string requested_by, std::string idempotency_key);
  /// Errors: kNotFound no such endpoint; kFailedPrecondition nothing to go back to (rollback.h).
  Task<Result<Deployment>> Rollback(std::string endpoint, std::optional<std::int64_t> to, std::string reason,
                                    std::string requested_by);

  /// Changes who is let in on all model servers. Repeated with one idempotency key it is done once. Errors:
  /// kInvalidArgument (admission.h).
  Task<Result<Admission>> SetAdmission(AdmissionRequest request);
  /// As it is wanted; of memory.
  [[nodiscard]] Admission CurrentAdmission() const;

  /// Errors: kNotFound naming the endpoints there are.
  Task<Result<EndpointView>> Get(std::string endpoint);
  Task<Result<std::vector<EndpointView>>> List();
  /// Names of those that answer with this version of the model, or are shadowed by it; 0: with any.
  static Result<std::vector<std::string>> Using(db::Snapshot& snapshot, const std::string& model, std::int64_t version);
  Task<Result<std::vector<Deployment>>> History(std::string endpoint, int limit);
  /// Deployments of all endpoints that were made or became ready since then, newest first.
  Task<Result<std::vector<Deployment>>> ChangedSince(Timestamp since, int limit);
  /// Rules of admission that were set since then, newest first.
  Task<Result<std::vector<Admission>>> AdmissionsSince(Timestamp since, int limit);

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
  /// Why the model server beside the control plane does not run, for endpoints that nothing else serves; empty: it
  /// does. Any thread.
  void SetServerFault(std::string why);
  /// Servers that reported lately.
  [[nodiscard]] std::vector<Server> Servers() const;

 private:
  [[nodiscard]] EndpointView ViewOf(Deployment deployment) const;
  using Decision = std::function<Result<Deployment>(db::Transaction&)>;
  Task<Result<Deployment>> Write(std::string idempotency_key, std::string requested_by, Decision decide);
  Result<Deployment> WriteIn(db::Transaction& transaction, Deployment wanted) const;
  void Take(const Deployment& deployment);
  void Take(const Admission& admission);
  void Grow(std::int64_t generation) MW_REQUIRES(mutex_);
  void MarkReadyInMemory(std::int64_t generation, Timestamp at);

  db::Database& database_;
  registry::Registry& registry_;
  const Clock& clock_;
  Witness on_deployment_;
  std::atomic<std::int64_t> generation_{0};
  mutable Mutex mutex_;
  std::map<std::string, Deployment> current_ MW_GUARDED_BY(mutex_);  ///< by endpoint
  Admission admission_ MW_GUARDED_BY(mutex_);
  std::map<std::string, Server> servers_ MW_GUARDED_BY(mutex_);
  std::string server_fault_ MW_GUARDED_BY(mutex_);
  std::set<Watch*> watches_ MW_GUARDED_BY(mutex_);
};

}  // namespace mw::endpoints
