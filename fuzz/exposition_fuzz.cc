// A /metrics page of any bytes: no crash, every reading as JSON, histograms of as many counts as they have bounds or
// one more.
#include <cstdint>
#include <string_view>

#include "api/native/exposition.h"
#include "base/assert.h"
#include "base/text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& [version, reading] : mw::api::native::ReadExposition(text, "late")) {
    MW_ASSERT(mw::Json::Parse(mw::api::native::ToJson(reading).Dump()).ok() || !mw::IsUtf8(text));
    auto twice = reading;
    twice.Merge(reading);
    MW_ASSERT(twice.counters.size() == reading.counters.size() && !version.empty());
  }
  return 0;
}
