// Checks of the machine beneath a home, without anybody's help: disk, clock, limits, ports. A few hundred
// milliseconds at most; blocking, any thread.
#pragma once

#include <string>
#include <vector>

#include "app/checks/check.h"
#include "base/clock.h"

namespace mw::app {

/// Free space and inodes of the home's disk, how long it takes to make a write durable.
Checks DiskChecks(const std::string& home, const Clock& clock);
/// Whether the clock is kept in time, and whether the home has files from the future.
Check ClockCheck(const std::string& home, const Clock& clock);
/// Open files, memory of the control group.
Check LimitsCheck();

/// Who holds a port that Millwright wants: `expected_pid` (0: nobody yet), or somebody else. `what`: "console".
Check PortCheck(const std::string& what, int port, int expected_pid);

}  // namespace mw::app
