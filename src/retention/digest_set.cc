// A sorted list.
#include "retention/digest_set.h"

#include <algorithm>

namespace mw::retention {
namespace {

constexpr std::string_view kPrefix = "sha256:";
constexpr std::size_t kHexDigits = 64;

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

bool DigestSet::Read(std::string_view hex, Key& key) {
  if (hex.size() < kHexDigits) return false;
  for (std::size_t i = 0; i < key.size(); ++i) {
    const int high = HexValue(hex[2 * i]), low = HexValue(hex[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    key[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

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
