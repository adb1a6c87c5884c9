// What a server on this machine spends: its processes are those that hold a listening socket of the port, and their
// descendants (workers). Read from /proc (Linux); other users' processes, containers' and other machines' are not seen.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace mw::load {

/// Empty when none is seen.
std::vector<int> ServerProcesses(int port);

/// Time on a processor so far of those of them that live and of their living threads; nothing when there is none.
/// To the microsecond where the kernel keeps it (/proc/PID/task/TID/schedstat), else to 10 ms.
std::optional<Duration> CpuOf(const std::vector<int>& pids);

/// Time during which some task of this machine waited for a core, since it was started; nothing where the kernel does
/// not say (/proc/pressure/cpu).
std::optional<Duration> WaitedForCores();

/// Cores of this machine that this process may use.
int Cores();

}  // namespace mw::load
