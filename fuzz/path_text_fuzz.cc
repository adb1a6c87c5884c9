// Paths that were decoded once: what passes shows no way out however often it is decoded again, and is a path for
// artifacts only when it passes.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "base/path_text.h"
#include "base/text.h"
#include "net/http.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string path(reinterpret_cast<const char*>(data), size);
  const auto decoded = mw::net::DecodePath(path);
  if (decoded.ok()) MW_ASSERT(mw::CheckDecodedPath(*decoded).ok());
  if (!mw::CheckDecodedPath(path).ok()) return 0;
  for (int i = 0; i < 4; ++i) {
    for (const std::string_view name : mw::Split(path, '/')) MW_ASSERT(name != ".." && name != ".");
    MW_ASSERT(path.find('\\') == std::string::npos && path.find('\0') == std::string::npos);
    const auto again = mw::net::PercentDecode(path);
    if (!again.ok()) break;
    path = *again;
  }
  return 0;
}
