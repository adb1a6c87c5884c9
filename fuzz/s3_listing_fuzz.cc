// Listings of a bucket: whatever is read names each object and its size.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "blob/s3_answers.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view xml(reinterpret_cast<const char*>(data), size);
  const auto listing = mw::blob::ParseS3Listing(xml);
  if (!listing.ok()) return 0;
  for (const mw::blob::S3Object& object : listing->objects) MW_ASSERT(object.key.size() <= xml.size());
  MW_ASSERT(mw::blob::XmlText(xml, "IsTruncated").value_or("") != "true" || !listing->next.empty());
  return 0;
}
