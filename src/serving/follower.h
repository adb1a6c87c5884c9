// Follows a control plane: long-polls its desired state, fetches packages, deploys them into the catalog,
// keeps the last state that worked on disk, and reports what is actual. When the control plane is gone
// the models go on answering and the follower asks again, with growing pauses; also after a restart,
// when only the disk knows what to serve.
//
// Files beneath the state directory: desired_state.json (the last one that worked) and packages/; the control
// plane's address is looked up again whenever it does not answer (control_plane_address.h).
// Run occupies one thread; Stop may be called from any other. Invariant: desired_state.json names only
// versions that were live here, so that a restart never ends up worse than it was.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/metrics.h"
#include "base/result.h"
#include "net/http_client.h"
#include "serving/catalog.h"
#include "serving/control_plane_address.h"
#include "serving/package_cache.h"
#include "wire/desired_state.h"

namespace mw::serving {

struct FollowerOptions {
  ControlPlaneAddress control_plane;
  std::string state_directory;
  std::string server_id;
  std::string program_version;
  /// How long the control plane may hold a poll. A report follows each, and the control plane takes a server
  /// that says nothing for 15 s for gone.
  std::chrono::milliseconds poll_wait{5'000};
  std::chrono::milliseconds retry_min{100};  ///< pauses after failures, doubling
  std::chrono::milliseconds retry_max{5'000};
};

class Follower {
 public:
  /// Errors: kInvalidArgument for the URL; from errno for the state directory.
  static Result<std::unique_ptr<Follower>> Make(FollowerOptions options, Catalog& catalog, MetricsRegistry& metrics);

  /// Deploys what desired_state.json names from the packages on disk. No network.
  void TakeOverLast();
  /// Follows until Stop. `address` is where this server answers, for the report.
  void Run(const std::string& address);
  /// Run returns soon. Any thread.
  void Stop();

 private:
  Follower(FollowerOptions options, Catalog& catalog, MetricsRegistry& metrics, PackageCache packages,
           FileDescriptor stop);
  Status Connect();
  Status Poll();
  Status TakeOver(const wire::DesiredState& state);
  Status DeployOne(const wire::DesiredEndpoint& endpoint, bool may_fetch);
  void RemoveOthers(const wire::DesiredState& state);
  void SetReadyFor(const wire::DesiredState& state);
  Status KeepLast(const wire::DesiredState& state);
  Status Report();
  void NoteConnection(const Status& polled);
  /// True when Stop was called meanwhile.
  bool Pause(std::chrono::milliseconds duration) const;

  FollowerOptions options_;
  Catalog& catalog_;
  Gauge& connected_;
  Gauge& generation_metric_;
  PackageCache packages_;
  std::optional<net::HttpClient> client_;
  FileDescriptor stop_;  // an eventfd, readable once stopped
  std::string address_;
  std::int64_t generation_ = 0;  // last taken over
  std::int64_t after_ = -1;      // what the next poll asks to be newer than; -1: any
  bool unfinished_ = false;      // something of the last state may succeed later
  wire::DesiredState kept_;
  bool was_connected_ = false;
  bool ever_polled_ = false;
};

}  // namespace mw::serving
