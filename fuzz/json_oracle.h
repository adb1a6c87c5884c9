// For fuzz targets of readers over JsonScanner: what they accepted is JSON, as base/json.h parses it. Pure.
#pragma once

#include <string_view>

#include "base/json.h"

/// True also for what is accepted though base/json.h refuses it: keys that mean nothing given twice, NaN for a missing
/// value, and whole numbers beyond 64 bits, which are read as the nearest double.
inline bool MayBeAccepted(std::string_view text) {
  const auto parsed = mw::Json::Parse(text);
  if (parsed.ok() || parsed.error().message.find("twice") != std::string::npos) return true;
  if (text.find("NaN") != std::string_view::npos) return true;
  std::size_t digits = 0, longest = 0;
  for (const char c : text) {
    digits = c >= '0' && c <= '9' ? digits + 1 : 0;
    longest = longest < digits ? digits : longest;
  }
  return longest >= 19;
}
