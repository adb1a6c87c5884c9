// Archives from outside: whatever the bytes, reading ends, names are safe, and no entry gives more bytes than it says.
#include <algorithm>
#include <cstdlib>

#include "blob/directory_artifact.h"
#include "blob/tar.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::size_t at = 0;
  mw::blob::TarReader reader([&](std::span<char> buffer) -> mw::Result<std::size_t> {
    const std::size_t part = std::min(buffer.size(), size - at);
    std::copy_n(data + at, part, buffer.begin());
    at += part;
    return part;
  });
  char buffer[1000];
  while (true) {
    const auto entry = reader.Next();
    if (!entry.ok() || !entry->has_value()) return 0;
    if (!mw::blob::CheckRelativePath((*entry)->path).ok()) std::abort();
    std::uint64_t total = 0;
    while (true) {
      const auto got = reader.Read(buffer);
      if (!got.ok()) return 0;
      if (*got == 0) break;
      total += *got;
    }
    if (total != (*entry)->size) std::abort();
  }
}
