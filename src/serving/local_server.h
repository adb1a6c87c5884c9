// A control plane's own model server: one `millwright serve` beside it, in a session of its own so that it
// outlives the control plane. The next control plane finds it by its lock and adopts it.
//
//   lock free                          -> started
//   lock held, same version, answers   -> adopted
//   lock held, other version or mute   -> told to end (SIGTERM, drains), then started
//
// One thread. Invariant: at most one server per state directory (the lock is the server's own).
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"

namespace mw::serving {

struct LocalServerOptions {
  std::string program;                         ///< path of the millwright program
  std::string control_plane_url;               ///< what the server is to follow
  std::string token;                           ///< its token there, handed over in a file of mode 0600
  std::string state_directory;                 ///< HOME/serve
  std::string listen;                          ///< "127.0.0.1:8080"; with port 0 a restarted server may move
  std::string log_path;                        ///< its stderr, appended
  std::string program_version;                 ///< of this program
  std::vector<std::string> accepted_versions;  ///< other versions that may be adopted
  std::chrono::milliseconds start_timeout{30'000};
  std::chrono::milliseconds stop_timeout{20'000};
};

struct LocalServer {
  int pid = 0;
  std::string address;
  std::string version;
  std::string server_id;
  bool adopted = false;
};

/// Errors: kUnavailable when no server came up in time, with the end of its log; from errno.
Result<LocalServer> AdoptOrStart(const LocalServerOptions& options);
/// What serve.json says while a server holds the lock. Errors: kNotFound when none does.
Result<LocalServer> FindLocalServer(const std::string& state_directory);
/// SIGTERM, then waits until it has drained and gone. Nothing happens when there is none.
/// Errors: kDeadlineExceeded.
Status StopLocalServer(const std::string& state_directory, std::chrono::milliseconds timeout);

}  // namespace mw::serving
