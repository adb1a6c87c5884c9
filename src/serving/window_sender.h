// Delivers what is in the spool to the control plane, oldest first:
// PUT /api/v1/servers/{server}/windows with frames put together. A file is deleted once the control plane has
// acknowledged it, and sent again when no acknowledgement came: pieces are idempotent by (server, boot, sequence).
//
//   spool --Oldest--> PUT --2xx--> removed
//      |                 |--INVALID_ARGUMENT or 413, alone--> removed, counted, logged: it would never be taken
//      |                 \--no answer, any other error-----> again, after a pause
//      \--damaged on the disk--> removed, counted, logged
//
// Run occupies one thread; the other methods may be called from any.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/result.h"
#include "net/http_client.h"
#include "serving/control_plane_address.h"
#include "serving/window_spool.h"

namespace mw::serving {

struct WindowSenderOptions {
  ControlPlaneAddress control_plane;  ///< unless the state directory knows another
  std::string state_directory;
  std::string server_id;
  std::uint64_t batch_bytes = std::uint64_t{8} << 20;  ///< of one PUT, unless one file has more
  std::chrono::milliseconds retry_min{100};            ///< pauses after failures, doubling
  std::chrono::milliseconds retry_max{5'000};
  std::chrono::milliseconds timeout{30'000};  ///< for each read and write
};

class WindowSender {
 public:
  /// The spool and the metrics outlive the sender. Errors: from errno.
  static Result<std::unique_ptr<WindowSender>> Make(WindowSenderOptions options, WindowSpool& spool,
                                                    MetricsRegistry& metrics);

  /// Sends until Finish.
  void Run();
  /// There is something new in the spool.
  void Notify();
  /// Run returns when all is delivered, at the first failure, or when `timeout` has passed. Waits for that.
  void Finish(std::chrono::milliseconds timeout);

 private:
  struct Events {
    FileDescriptor news;    // eventfds: there is something new
    FileDescriptor finish;  // Finish was called
    FileDescriptor cancel;  // and has waited long enough
  };
  WindowSender(WindowSenderOptions options, WindowSpool& spool, MetricsRegistry& metrics, Events events);
  /// Errors: those of the control plane and of the way there; then nothing was removed.
  Status SendOldest();
  Status Send(const std::vector<std::string>& names);
  Status Connect();
  void NoteDelivery(const Status& sent);
  void GiveUp(const std::string& name, const Error& error);
  void AwaitNews();
  void Pause(std::chrono::milliseconds duration);
  [[nodiscard]] bool Finishing() const;

  WindowSenderOptions options_;
  WindowSpool& spool_;
  Counter& sent_bytes_;
  Counter& given_up_files_;
  Gauge& spool_bytes_;
  Events events_;
  std::optional<net::HttpClient> client_;
  bool failing_ = false;
  Mutex mutex_;
  CondVar changed_;
  bool ended_ MW_GUARDED_BY(mutex_) = false;
};

}  // namespace mw::serving
