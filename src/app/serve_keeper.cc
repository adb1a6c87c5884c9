// The model server beside the control plane.
#include "app/serve_keeper.h"

#include <utility>

#include "base/log.h"
#include "base/offload.h"

namespace mw::app {
namespace {
constexpr Duration kLookAgain = std::chrono::seconds(1);
}

Task<Timestamp> ServeKeeper::Tick(Timestamp now) {
  Result<serving::LocalServer> server = serving::FindLocalServer(options_.state_directory);
  if (!server.ok() || known_.pid == 0) {
    server = co_await Offload(workers_, [&] { return serving::AdoptOrStart(options_); });
  }
  if (!server.ok()) {
    if (!complained_) LogError("no model server", {{"error", server.error().ToString()}});
    complained_ = true;
    listeners_.on_fault(server.error());
    co_return now + kLookAgain;
  }
  if (std::exchange(complained_, false)) listeners_.on_fault(Ok());
  if (server->pid != known_.pid || server->address != known_.address) {
    LogInfo(server->adopted ? "adopted the model server" : "the model server answers",
            {{"pid", server->pid}, {"address", server->address}, {"version", server->version}});
    known_ = *server;
    listeners_.on_address(known_);
  }
  co_return now + kLookAgain;
}

Status ServeKeeper::Stop() { return serving::StopLocalServer(options_.state_directory, options_.stop_timeout); }

}  // namespace mw::app
