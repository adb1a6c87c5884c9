// Keeps one model server running beside the control plane: adopts the one that a killed control plane left
// answering, starts one when there is none (serving/local_server.h), and tells where it answers.
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
  /// `workers` (starting a server takes a while) outlives this. `on_address` is called on the control
  /// loop when a server answers that did not before, or elsewhere than before.
  ServeKeeper(serving::LocalServerOptions options, Executor& workers,
              std::function<void(const serving::LocalServer&)> on_address)
      : options_(std::move(options)), workers_(workers), on_address_(std::move(on_address)) {}

  Task<Timestamp> Tick(Timestamp now) override;
  /// Lets the server drain and end; after the last Tick.
  Status Stop();

 private:
  serving::LocalServerOptions options_;
  Executor& workers_;
  std::function<void(const serving::LocalServer&)> on_address_;
  serving::LocalServer known_;
  bool complained_ = false;
};

}  // namespace mw::app
