// From what was measured to what a rate needs: processor time a request, cores, machines, money. Extrapolations, linear
// in processor time; callers say so. Pure; any thread.
#pragma once

#include <optional>
#include <string_view>

#include "base/result.h"

namespace mw::load {

/// Cores are kept free by this share: rates vary, machines fail, and latency rises before a core is full.
inline constexpr double kSpareShare = 0.3;

/// "1000000/s", "1,000,000 rows/s", "5e4 requests/s".
struct WantedRate {
  double per_second = 0;
  bool rows = false;  ///< else requests
  static Result<WantedRate> Parse(std::string_view text);
};

struct MeasuredCost {
  double requests_per_second = 0;  ///< the highest rate that held
  double rows_per_request = 1;
  std::optional<double> server_us_per_request;  ///< nothing when the server's processes were not seen
  int cores = 1;                                ///< of this machine
};

struct Capacity {
  double requests_per_second = 0;      ///< what is wanted, in requests
  std::optional<double> server_cores;  ///< by processor time, spare included; the clients are elsewhere
  std::optional<int> server_machines;  ///< of as many cores as this one
  int machines_like_this = 0;  ///< by the rate that held here, with the client on the same cores; spare included
};
Capacity CapacityFor(const WantedRate& wanted, const MeasuredCost& measured);

/// Money for a million rows at a price for one core for one hour, spare share included.
double CostPerMillionRows(double server_us_per_row, double price_per_core_hour);

}  // namespace mw::load
