// A fixed set of names and the position of each: the look-up of columns and categories on the
// inference path. Immutable after construction, any thread. Names are unique; a look-up compares
// bytes and never allocates.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace mw::schema {

class NameTable {
 public:
  NameTable() : NameTable(std::vector<std::string>{}) {}
  /// Of a name given twice the first position counts.
  explicit NameTable(std::vector<std::string> names);

  /// Position of the name, -1 when it is none of them.
  [[nodiscard]] int Find(std::string_view name) const {
    const std::uint32_t hash = Hash(name);
    for (std::size_t at = hash & mask_;; at = (at + 1) & mask_) {
      const Entry& entry = entries_[at];
      if (entry.position < 0) return -1;
      if (entry.hash == hash && names_[static_cast<std::size_t>(entry.position)] == name) return entry.position;
    }
  }
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  [[nodiscard]] std::size_t size() const { return names_.size(); }

 private:
  struct Entry {
    std::uint32_t hash = 0;
    std::int32_t position = -1;
  };

  static std::uint64_t Word(const char* bytes, std::size_t count) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes, count);
    return word;
  }
  /// Multiply and fold, eight bytes at a time. The set of names is fixed, so nobody can aim at collisions.
  static std::uint32_t Hash(std::string_view name) {
    std::uint64_t state = name.size() * 0x9E3779B97F4A7C15U;
    const char* at = name.data();
    std::size_t left = name.size();
    for (; left >= 8; at += 8, left -= 8) state = Mix(state ^ Word(at, 8));
    if (left > 0) state = Mix(state ^ Word(at, left));
    return static_cast<std::uint32_t>(state ^ (state >> 32));
  }
  static std::uint64_t Mix(std::uint64_t word) {
    word *= 0xBF58476D1CE4E5B9U;
    return word ^ (word >> 29);
  }

  std::vector<std::string> names_;
  std::vector<Entry> entries_;  ///< a power of two, at most a quarter full
  std::size_t mask_ = 0;
};

}  // namespace mw::schema
