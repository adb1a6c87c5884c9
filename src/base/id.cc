// UUIDv7: 48 bits of milliseconds, then 12 bits of a counter within the millisecond, then random bits.
#include "base/id.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/mutex.h"
#include "base/random.h"
#include "base/text.h"

namespace mw {
namespace {

/// Milliseconds and counter as one number that never repeats and never falls, also when the clock does.
std::uint64_t NextTick(std::uint64_t millis) {
  static Mutex mutex;
  static std::uint64_t last MW_GUARDED_BY(mutex) = 0;
  const Lock lock(mutex);
  last = std::max(last + 1, millis << 12);
  return last;
}

}  // namespace

std::string NewIdText(const Clock& clock) {
  const std::uint64_t tick = NextTick(static_cast<std::uint64_t>(ToMicros(clock.Now()) / 1000));
  const std::uint64_t high = ((tick >> 12) << 16) | 0x7000 | (tick & 0xFFF);
  std::uint64_t low = 0;
  std::memcpy(&low, RandomBytes(sizeof low).data(), sizeof low);
  low = (low & 0x3FFFFFFFFFFFFFFF) | 0x8000000000000000;
  std::string bytes;
  for (const std::uint64_t word : {high, low}) {
    for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>((word >> shift) & 0xFF));
  }
  return Hex(bytes);
}

bool IsName(std::string_view text) {
  if (text.empty() || text.size() > 128) return false;
  const auto alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  if (!alphanumeric(text[0])) return false;
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
}

}  // namespace mw
