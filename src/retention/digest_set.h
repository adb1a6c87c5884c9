// Many digests in little room: 32 bytes each. Filled, then sealed, then asked. One thread fills; any thread asks.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace mw::retention {

class DigestSet {
 public:
  /// Every "sha256:" and 64 hexadecimal digits that stand in the text, wherever they stand.
  void AddAllIn(std::string_view text);
  /// Before the first question.
  void Seal();
  [[nodiscard]] bool Has(std::string_view digest) const;
  [[nodiscard]] std::size_t size() const { return digests_.size(); }

 private:
  using Key = std::array<std::uint8_t, 32>;
  static bool Read(std::string_view hex, Key& key);
  std::vector<Key> digests_;
};

}  // namespace mw::retention
