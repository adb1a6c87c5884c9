// Coded bodies of any bytes: no crash, never more than the bound, what was decoded survives the way there and back, and
// so do the bytes themselves. The first byte chooses the coding.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "net/content_coding.h"

namespace {

using mw::net::ContentCoding;

constexpr std::size_t kBytesMax = std::size_t{64} << 10;

void ThereAndBack(ContentCoding coding, std::string_view bytes) {
  std::string coded, decoded;
  MW_ASSERT(mw::net::EncodeContent(coding, bytes, coded).ok());
  MW_ASSERT(mw::net::DecodeContent(coding, coded, bytes.size(), decoded).ok() && decoded == bytes);
  if (bytes.empty()) return;
  MW_ASSERT(!mw::net::DecodeContent(coding, coded, bytes.size() - 1, decoded).ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto coding = static_cast<ContentCoding>(1 + data[0] % 3);
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::string decoded;
  if (mw::net::DecodeContent(coding, bytes, kBytesMax, decoded).ok()) {
    MW_ASSERT(decoded.size() <= kBytesMax);
    ThereAndBack(coding, decoded);
  }
  ThereAndBack(coding, bytes);
  const auto coding_alone = mw::net::ParseContentCoding(bytes);
  const ContentCoding chosen = mw::net::ChooseContentCoding(bytes);
  MW_ASSERT(!coding_alone || *coding_alone == chosen);
  return 0;
}
