// Numbers and columns as people read them in a finding. Pure functions, any thread.
#pragma once

#include <string>
#include <vector>

namespace mw::monitoring {

/// Three significant digits without trailing zeros, thousands with commas: 78, 4.1, 0.0034, 1,048.
std::string ShortNumber(double value);
/// Of a share: "100 %", "34 %", "1.2 %", "0 %", "< 0.1 %". 100 and 0 only when it is exactly so.
std::string Percent(double share);
/// The number with its unit, which may be empty: "78 degF".
std::string WithUnit(double value, const std::string& unit);
/// "temp", "temp and dewp", "temp, dewp and humid".
std::string ListOf(const std::vector<std::string>& names);

}  // namespace mw::monitoring
