// What /proc says of this machine's processes: who listens on a port, which shims run. Linux; reads only, any
// thread; what another user's processes do not show is left out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mw::app {

struct Process {
  int pid = 0;
  std::string name;                    ///< as the kernel calls it
  std::vector<std::string> arguments;  ///< argv
};

/// All that may be seen.
std::vector<Process> Processes();

struct Listener {
  int pid = 0;       ///< 0: somebody whose processes are not shown
  std::string name;  ///< empty when pid is 0
};
/// Who listens on a TCP port of any address; nothing when nobody does.
std::optional<Listener> ListenerOf(int port);

/// Shims of a home by the directory of their attempt, beneath HOME/runs.
std::vector<std::pair<int, std::string>> ShimsOf(std::string_view home);

}  // namespace mw::app
