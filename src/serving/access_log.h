// The model server's log of requests, beneath its state directory: one line of JSON for each request that the lanes
// chose (access_lane.h), found again by prediction id, trace, endpoint or time.
//
//   loop --AccessLane--> log thread: lines --> AccessFiles       Find --> search thread: SearchAccessFiles --> done
//          full: counted   ten times a second   bounded disk             a few may wait
//
// Owns its two threads. NewLane: before Start; a lane belongs to one server thread. Stop: when nobody adds to a lane
// any more; what was added before is then on disk. A process that is killed loses what came in its last tenth of a
// second. Where requests were left out the log says so: {"time":"..","not_logged":12345}.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/result.h"
#include "serving/access_files.h"
#include "serving/access_lane.h"
#include "serving/control_plane_address.h"

namespace mw::serving {

struct AccessLogOptions {
  std::string state_directory;
  ControlPlaneAddress control_plane{};  ///< that is followed, if any
  AccessFileLimits limits{};
  std::chrono::milliseconds drain_interval{100};
};

class AccessLog {
 public:
  /// The clock and the metrics outlive it. Errors: from errno for the state directory.
  static Result<std::unique_ptr<AccessLog>> Make(AccessLogOptions options, const Clock& clock,
                                                 MetricsRegistry& metrics);
  ~AccessLog();  ///< stops
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  /// The lane belongs to the log.
  AccessLane& NewLane();
  void Start();
  /// Idempotent. Searches that wait are given up with kUnavailable.
  void Stop();

  /// Searches on a thread of its own and calls `done` there, once. Any thread. `token`: the caller's; who may read the
  /// log is the control plane that the server follows, by the token that they share. Errors, through `done`:
  /// kPermissionDenied; kResourceExhausted; kUnavailable while the server stops; those of SearchAccessFiles.
  using Done = std::function<void(Result<AccessFindings> findings)>;
  void Find(AccessQuery query, std::string token, Done done);
  static constexpr std::size_t kSearchesMax = 8;  ///< that wait; more are kResourceExhausted

 private:
  struct Search {
    AccessQuery query;
    std::string token;
    Done done;
  };

  AccessLog(AccessLogOptions options, const Clock& clock, MetricsRegistry& metrics, AccessFiles files);
  void Run();
  void DrainAll();
  void TellCounts(Timestamp now);
  void RunSearches();
  [[nodiscard]] Status CheckToken(std::string_view token) const;

  const AccessLogOptions options_;
  const Clock& clock_;
  Counter& lines_;
  Counter& skipped_;
  Counter& dropped_;
  Counter& lost_;
  std::vector<std::unique_ptr<AccessLane>> lanes_;

  // The log thread's own.
  AccessFiles files_;
  std::string text_;
  Timestamp first_;  // of the lines in text_
  std::uint64_t told_skipped_ = 0, told_dropped_ = 0;
  Duration counts_told_{0};
  bool complained_ = false;

  Mutex mutex_;
  CondVar changed_;
  std::deque<Search> searches_ MW_GUARDED_BY(mutex_);
  bool stopping_ MW_GUARDED_BY(mutex_) = false;

  std::thread log_thread_;
  std::thread search_thread_;
};

}  // namespace mw::serving
