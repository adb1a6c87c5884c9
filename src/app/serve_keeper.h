// Keeps one model server running beside the control plane: adopts the one that a killed control plane left
// answering, starts one when there is none (serving/local_server.h), and tells where it answers, or why none does.
#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "base/reconciler.h"
#include "base/result.h"
#include "serving/local_server.h"

namespace mw::app {

class ServeKeeper final : public Reconciler {
 public:
  struct Listeners {
    /// When a server answers that did not before, or elsewhere than before.
    std::function<void(const serving::LocalServer& server)> on_address;
    /// After each attempt that failed; with Ok() once one came up again.
    std::function<void(const Status& why)> on_fault;
  };
  /// `workers` (starting a server takes a while) outlives this. Listeners are called on the control loop.
  ServeKeeper(serving::LocalServerOptions options, Executor& workers, Listeners listeners)
      : options_(std::move(options)), workers_(workers), listeners_(std::move(listeners)) {}

  Task<Timestamp> Tick(Timestamp now) override;
  /// Lets the server drain and end; after the last Tick.
  Status Stop();

 private:
  serving::LocalServerOptions options_;
  Executor& workers_;
  Listeners listeners_;
  serving::LocalServer known_;
  bool complained_ = false;
};

}  // namespace mw::app
