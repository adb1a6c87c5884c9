// Numbers and columns in words.
#include "monitoring/sentences.h"

#include <cmath>
#include <cstdio>

#include "base/text.h"

namespace mw::monitoring {

std::string ShortNumber(double value) {
  if (!std::isfinite(value)) return Fixed(value, 0);
  if (std::fabs(value) >= 1000 && std::fabs(value) < 1e15) return WithThousands(std::llround(value));
  if (std::fabs(value) >= 100 && std::fabs(value) < 1000) return Fixed(std::round(value), 0);
  char text[48];
  std::snprintf(text, sizeof text, "%.2g", value);
  if (std::fabs(value) >= 10) std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

std::string Percent(double share) {
  if (share <= 0) return "0 %";
  if (share >= 1) return "100 %";
  if (share < 0.001) return "< 0.1 %";
  if (share > 0.999) return "> 99.9 %";
  const double percent = 100 * share;
  return Cat(Fixed(percent, percent < 10 || percent > 99 ? 1 : 0), " %");
}

std::string WithUnit(double value, const std::string& unit) {
  return unit.empty() ? ShortNumber(value) : Cat(ShortNumber(value), " ", unit);
}

std::string ListOf(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? " and " : ", ";
    out += names[i];
  }
  return out;
}

}  // namespace mw::monitoring
