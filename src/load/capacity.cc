// Arithmetic of cores.
#include "load/capacity.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/text.h"

namespace mw::load {
namespace {

constexpr double kSecondsPerHour = 3600;

int WholeMachines(double machines) { return std::max(1, static_cast<int>(std::ceil(machines - 1e-9))); }

}  // namespace

Result<WantedRate> WantedRate::Parse(std::string_view text) {
  std::string digits(Trim(text));
  WantedRate wanted;
  if (digits.ends_with("/s")) digits.resize(digits.size() - 2);
  if (digits.ends_with("rows")) {
    wanted.rows = true;
    digits.resize(digits.size() - 4);
  } else if (digits.ends_with("requests")) {
    digits.resize(digits.size() - 8);
  }
  std::erase(digits, ',');
  const auto number = ParseDouble(Trim(digits));
  if (!number || !(*number > 0 && *number <= 1e12)) {
    return InvalidArgument(Quoted(text), " is no rate; write 1000000/s (requests) or 1000000rows/s");
  }
  wanted.per_second = *number;
  return wanted;
}

Capacity CapacityFor(const WantedRate& wanted, const MeasuredCost& measured) {
  Capacity capacity;
  capacity.requests_per_second = wanted.rows ? wanted.per_second / measured.rows_per_request : wanted.per_second;
  const double usable = 1 - kSpareShare;
  if (measured.server_us_per_request) {
    capacity.server_cores = capacity.requests_per_second * *measured.server_us_per_request * 1e-6 / usable;
    capacity.server_machines = WholeMachines(*capacity.server_cores / measured.cores);
  }
  if (measured.requests_per_second > 0) {
    capacity.machines_like_this = WholeMachines(capacity.requests_per_second / (measured.requests_per_second * usable));
  }
  return capacity;
}

double CostPerMillionRows(double server_us_per_row, double price_per_core_hour) {
  return server_us_per_row / kSecondsPerHour * price_per_core_hour / (1 - kSpareShare);
}

}  // namespace mw::load
