// Records predictions on a model server and tells the control plane of them, without anybody ever waiting for it.
//
//   loop --RecordingLane--> recorder thread: WindowBuilder --pieces--> WindowSpool --> sender thread --> control plane
//            full: counted                      each second              full: the sample is dropped, counts wait
//
// One recorder for each model server that follows a control plane; a server without one records nothing. The
// recorder owns its two threads. NewLane: before Start; a lane belongs to one loop. Stop: when no loop adds to a
// lane any more. What was added before Stop is then in the spool, and delivered if the control plane answers;
// a process that is killed loses what came in its last second.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/metrics.h"
#include "base/result.h"
#include "serving/recording_lane.h"
#include "serving/window_builder.h"
#include "serving/window_sender.h"
#include "serving/window_spool.h"

namespace mw::serving {

struct RecorderOptions {
  ControlPlaneAddress control_plane;
  std::string state_directory;
  std::string server_id;
  std::uint64_t spool_bytes_max = std::uint64_t{1} << 30;  ///< two hours of one version at 1,000 sampled rows a second
  std::size_t ring_bytes = RecordingLane::kRingBytes;
  std::chrono::milliseconds drain_interval{50};  ///< the longest that a row waits in a lane
  std::chrono::milliseconds cut_interval{1'000};
  std::chrono::milliseconds finish_timeout{2'000};  ///< for the last delivery
  std::chrono::milliseconds retry_min{100};
  std::chrono::milliseconds retry_max{5'000};
};

class Recorder {
 public:
  /// Takes up what an earlier process left in the spool. The clock and the metrics outlive the recorder.
  /// Errors: from errno for the state directory.
  static Result<std::unique_ptr<Recorder>> Make(RecorderOptions options, const Clock& clock, MetricsRegistry& metrics);
  ~Recorder();  ///< stops
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  /// The lane belongs to the recorder.
  RecordingLane& NewLane();
  void Start();
  /// Idempotent.
  void Stop();

 private:
  struct Metrics {
    explicit Metrics(MetricsRegistry& registry);
    Counter& lost_rows;
    Counter& dropped_rows;
    Counter& future_rows;
    Counter& sampled_rows;
    Counter& pieces;
  };

  Recorder(RecorderOptions options, const Clock& clock, MetricsRegistry& metrics, std::unique_ptr<WindowSpool> spool,
           FileDescriptor wake);
  void Run();
  void DrainAll();
  void Cut();
  bool Keep(const wire::WindowPiece& piece);
  void SpoolFrame();
  void TellMetrics();

  const RecorderOptions options_;
  const Clock& clock_;
  Metrics metrics_;
  const std::string boot_;
  std::unique_ptr<WindowSpool> spool_;
  std::unique_ptr<WindowSender> sender_;
  FileDescriptor wake_;  // an eventfd: a lane fills up, or Stop
  std::vector<std::unique_ptr<RecordingLane>> lanes_;
  std::atomic<bool> stopping_{false};

  // The recorder thread's own.
  WindowBuilder builder_;
  std::string frame_;  // pieces that are not in the spool yet
  std::uint64_t frames_ = 0;
  std::uint64_t told_future_rows_ = 0;
  std::uint64_t told_dropped_rows_ = 0;
  bool spool_is_full_ = false;

  std::thread recorder_thread_;
  std::thread sender_thread_;
};

}  // namespace mw::serving
