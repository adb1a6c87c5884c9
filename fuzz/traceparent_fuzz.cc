// A traceparent of any bytes: what is taken for one says again what it said, in the same digits.
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "net/trace_context.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view value(reinterpret_cast<const char*>(data), size);
  const auto context = mw::net::ParseTraceparent(value);
  if (!context) return 0;
  MW_ASSERT(value.substr(3, 32) == mw::net::TraceIdText(*context));
  MW_ASSERT(value.substr(36, 16) == mw::net::ParentIdText(*context));
  MW_ASSERT(value.size() == 55 || value.substr(0, 2) != "00");
  return 0;
}
