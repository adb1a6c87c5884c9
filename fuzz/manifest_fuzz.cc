// Directory manifests: whatever parses is spelled in the one canonical way and names only files beneath the root.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "blob/directory_artifact.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto manifest = mw::blob::Manifest::Parse(text);
  if (!manifest.ok()) return 0;
  MW_ASSERT(manifest->Dump() == text);
  for (const mw::blob::ManifestFile& file : manifest->files) {
    MW_ASSERT(mw::blob::CheckRelativePath(file.path).ok());
    MW_ASSERT(mw::blob::IsDigest(file.digest));
    MW_ASSERT(manifest->Find(file.path) == &file);
  }
  return 0;
}
