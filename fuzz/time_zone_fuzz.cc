// Time zone files from anywhere: reading never crashes, and what was read has days that begin in order.
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "base/time_zone.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto zone = mw::TimeZone::Parse("fuzz", std::string_view(reinterpret_cast<const char*>(data), size));
  if (!zone.ok()) return 0;
  for (const std::int64_t day : {-40'000, 0, 15'887, 60'000}) {
    const mw::Timestamp start = zone->StartOfDay(day);
    const int minute = zone->MinuteOfDay(start);
    MW_ASSERT(minute >= 0 && minute < 24 * 60);
  }
  return 0;
}
