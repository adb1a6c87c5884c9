// Texts by words of eight bytes, each folded in by a full multiplication.
#include "sketch/hash.h"

#include <cstring>

namespace mw::sketch {
namespace {

static_assert(std::endian::native == std::endian::little, "words of a text are read as little-endian");

std::uint64_t Fold(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

std::uint64_t HashText(std::string_view text) {
  std::uint64_t hash = (text.size() + 1) * 0x9e3779b97f4a7c15;
  const char* at = text.data();
  std::size_t left = text.size();
  for (; left >= 8; left -= 8, at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, 8);
    hash = Fold(hash ^ word, 0xd1342543de82ef95) + 0x632be59bd9b4e019;
  }
  std::uint64_t word = 0;
  if (left > 0) std::memcpy(&word, at, left);
  return HashWord(Fold(hash ^ word, 0xaef17502108ef2d9) + hash);
}

}  // namespace mw::sketch
