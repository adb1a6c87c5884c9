// A sorted list.
#include "retention/digest_set.h"

#include <algorithm>

#include "base/hex.h"

namespace mw::retention {
namespace {

constexpr std::string_view kPrefix = "sha256:";
constexpr std::size_t kHexDigits = 64;

}  // namespace

bool DigestSet::Read(std::string_view hex, Key& key) { return FromHex(hex.substr(0, kHexDigits), key); }

void DigestSet::AddAllIn(std::string_view text) {
  Key key;
  for (std::size_t at = text.find(kPrefix); at != std::string_view::npos; at = text.find(kPrefix, at + 1)) {
    if (Read(text.substr(at + kPrefix.size()), key)) digests_.push_back(key);
  }
}

void DigestSet::Seal() {
  std::sort(digests_.begin(), digests_.end());
  digests_.erase(std::unique(digests_.begin(), digests_.end()), digests_.end());
}

bool DigestSet::Has(std::string_view digest) const {
  Key key;
  return digest.starts_with(kPrefix) && Read(digest.substr(kPrefix.size()), key) &&
         std::binary_search(digests_.begin(), digests_.end(), key);
}

}  // namespace mw::retention
