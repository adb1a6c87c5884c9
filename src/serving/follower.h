// Follows a control plane: long-polls its desired state, has the catalog take it over (whose loaders fetch what is not
// here), keeps the last state that worked on disk, and reports what is actual. When the control plane is gone
// the models go on answering and the follower asks again, with growing pauses; also after a restart,
// when only the disk knows what to serve.
//
// Files beneath the state directory: desired_state.json (the last one that worked) and packages/; the control
// plane's address is looked up again whenever it does not answer (control_plane_address.h).
// Run occupies one thread; Stop may be called from any other. While versions are being loaded it polls and reports
// several times a second, so that a newer state overtakes an older one that is not there yet. Invariant:
// desired_state.json names only versions that answered here, so that a restart never ends up worse than it was.
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
#include "serving/admission.h"
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
  std::chrono::milliseconds load_poll_wait{100};     ///< in place of poll_wait while something is loaded
  std::chrono::milliseconds take_over_wait{30'000};  ///< for what the disk has, before the server listens
  Admission* admission = nullptr;                    ///< is told who is let in; outlives the follower; null: nobody is
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
  class Packages;
  Follower(FollowerOptions options, Catalog& catalog, MetricsRegistry& metrics, std::shared_ptr<Packages> packages);
  Status Connect();
  Status Poll();
  void TakeOver(const wire::DesiredState& state);
  void TakeOver(const wire::AdmissionRules& rules);
  void RemoveOthers(const wire::DesiredState& state);
  Status KeepLast();
  Status Report();
  void NoteConnection(const Status& polled);
  /// True when Stop was called meanwhile.
  bool Pause(std::chrono::milliseconds duration) const;

  FollowerOptions options_;
  Catalog& catalog_;
  Gauge& connected_;
  Gauge& generation_metric_;
  std::shared_ptr<Packages> packages_;
  std::optional<net::HttpClient> client_;
  std::string address_;
  wire::DesiredState state_;  // last taken over
  wire::DesiredState kept_;   // on disk
  std::int64_t after_ = -1;   // what the next poll asks to be newer than; -1: any
  bool settled_ = true;       // nothing is on its way
  bool unfinished_ = false;   // something of the last state may succeed later
  bool was_connected_ = false;
  bool ever_polled_ = false;
};

}  // namespace mw::serving
