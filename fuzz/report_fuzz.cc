// Reports from anywhere: reading, deciding and printing never crash, and what was read survives writing.
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "evaluation/gate.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto json = mw::Json::Parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!json.ok()) return 0;
  const auto report = mw::evaluation::ReportFromJson(*json);
  if (!report.ok()) return 0;
  const auto again = mw::evaluation::ReportFromJson(mw::evaluation::ToJson(*report));
  MW_ASSERT(again.ok());
  (void)mw::evaluation::ReportTable(*report);
  const auto decision = mw::evaluation::Decide(*report, nullptr, std::nullopt, {});
  MW_ASSERT(decision.ok());
  (void)mw::evaluation::GateTable(*decision);
  return 0;
}
