// The data plane's process: models in a catalog, an HTTP server over it, and, when told so, a follower of
// a control plane. What the server speaks is plugged in by the caller (api/inference); serving does not
// know protocols.
//
//   LOADING (models, last good state) -> LISTENING -> DRAINING (Stop: in-flight requests finish) -> gone
//
// A data plane that follows also records what it predicts (recorder.h). With a state directory the process writes down
// who asked what (access_log.h), holds STATE/serve.lock as long as it lives and keeps STATE/serve.json
// {"pid","version","address","server","grpc"} while it listens, so that a control plane can find and adopt it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/metrics.h"
#include "base/result.h"
#include "net/loop_server.h"
#include "serving/access_log.h"
#include "serving/admission.h"
#include "serving/batcher.h"
#include "serving/catalog.h"
#include "serving/follower.h"
#include "serving/model_control.h"
#include "serving/model_repository.h"
#include "serving/recorder.h"
#include "serving/response_cache.h"
#include "serving/shadow_lane.h"

namespace mw::serving {

struct ServeOptions {
  std::vector<std::pair<std::string, std::string>> models;  ///< name, path of a package or of an XGBoost file
  std::string model_repository{};     ///< a directory of models (model_repository.h); not beside `follow`
  std::int64_t memory_bytes_max = 0;  ///< of all models together; 0: no bound
  std::string follow;                 ///< URL of a control plane; empty: `models` only
  std::string token;                  ///< for it; beside `model_repository` the one that loads and unloads models
  std::string state_directory;        ///< needed to follow; else optional
  std::string python;                 ///< interpreter that runs MLflow's models; empty: environments are made for them
  std::string host = "127.0.0.1";
  int port = 8080;           ///< 0: a free one
  std::string front_host{};  ///< where the other protocol's server will listen; empty: nowhere else
  int loops = 0;             ///< 0: one for each core
  std::vector<std::string> allowed_hosts;
  std::string program_version;
};

/// What the handler of one loop is given; all of it outlives the handler.
struct HandlerContext {
  Catalog& catalog;
  MetricsRegistry& metrics;
  const Clock& clock;
  RecordingLane* recording;  ///< this loop's own; null when nothing is recorded
  ResponseCache* cache;
  ModelControl& control;
  AccessLane* access = nullptr;     ///< this thread's own; null when there is no access log
  AccessLog* access_log = nullptr;  ///< the same
  Admission* admission = nullptr;
  ShadowSender* shadow = nullptr;  ///< this thread's own
};
/// One handler for each loop.
using HandlerFactory = std::function<std::unique_ptr<net::LoopHandler>(const HandlerContext& context)>;

/// Another server over the same models, of another protocol, with threads of its own.
class Front {
 public:
  virtual ~Front() = default;
  [[nodiscard]] virtual std::string address() const = 0;
  /// Graceful, within a bound; idempotent.
  virtual void Stop() = 0;
};
/// Starts it. `new_thread` gives what each of its threads works with.
using FrontFactory = std::function<Result<std::unique_ptr<Front>>(const std::function<HandlerContext()>& new_thread)>;

class DataPlane {
 public:
  /// Loads, then listens; returns once requests are answered. Errors: kInvalidArgument for the options;
  /// those of Model::Load for `models`; kFailedPrecondition when another process holds the state
  /// directory; kUnavailable when the address is taken.
  /// `make_front` may be null: then there is only the HTTP server.
  static Result<std::unique_ptr<DataPlane>> Start(ServeOptions options, const HandlerFactory& make_handler,
                                                  const FrontFactory& make_front = nullptr);
  ~DataPlane();  ///< stops
  DataPlane(const DataPlane&) = delete;
  DataPlane& operator=(const DataPlane&) = delete;

  [[nodiscard]] std::string address() const { return address_; }  ///< "http://127.0.0.1:8080"
  [[nodiscard]] std::string front_address() const { return front_ == nullptr ? "" : front_->address(); }
  [[nodiscard]] Catalog& catalog() { return catalog_; }
  /// Reads the model repository again, if there is one.
  void Reload();
  /// Becomes unready, finishes what is in flight, stops following. Idempotent.
  void Stop();

 private:
  explicit DataPlane(ServeOptions options);
  Status Prepare();
  Status Follow();
  Status LoadModels();
  Status Listen(const HandlerFactory& make_handler, const FrontFactory& make_front);
  HandlerContext NewThread();
  Status WriteServeFile() const;

  ServeOptions options_;
  RealClock clock_;
  MetricsRegistry metrics_;
  Batcher batcher_{clock_, metrics_};
  Admission admission_{AdmissionSettings{}, clock_, metrics_};
  ResponseCache cache_{CacheSettings{}, clock_, metrics_};
  Catalog catalog_;
  ShadowLane shadows_;
  FileDescriptor lock_;
  std::string server_id_;
  std::string address_;
  std::shared_ptr<ModelRepository> repository_;  // when there is one
  std::unique_ptr<ModelControl> control_;
  std::unique_ptr<Follower> follower_;
  std::unique_ptr<Recorder> recorder_;     // when it follows
  std::unique_ptr<AccessLog> access_log_;  // when it has a state directory
  std::unique_ptr<net::LoopServer> server_;
  std::unique_ptr<Front> front_;
  std::thread follower_thread_;
};

/// Blocks SIGTERM and SIGINT in this thread and those it starts from now on. Call before DataPlane::Start.
void BlockStopSignals();
/// Waits for one of them.
void WaitForStopSignal();
/// The same for a data plane that reads its model repository again at each SIGHUP.
void BlockStopAndReloadSignals();
void WaitForStopSignal(DataPlane& plane);

}  // namespace mw::serving
