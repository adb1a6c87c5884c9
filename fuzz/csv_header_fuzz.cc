// Headers of CSV files: what is accepted has names that SQL can tell apart and that fit their limits.
#include <cstddef>
#include <cstdint>
#include <set>
#include <string_view>

#include "base/assert.h"
#include "base/text.h"
#include "data/csv_header.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto header = mw::data::ParseCsvHeader({reinterpret_cast<const char*>(data), size});
  if (!header.ok()) return 0;
  std::set<std::string> seen;
  for (const std::string& name : header->names) {
    MW_ASSERT(!name.empty() && mw::IsUtf8(name));
    MW_ASSERT(seen.insert(mw::ToLower(name)).second);
  }
  return 0;
}
