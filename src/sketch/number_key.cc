// A radix sort on the leading bits that differ, and differences as varints.
#include "sketch/number_key.h"

#include <algorithm>
#include <array>
#include <utility>

namespace mw::sketch {
namespace {

constexpr std::size_t kDigitBits = 8;
constexpr std::size_t kDigits = 3;
constexpr std::size_t kFewKeys = 96;

using Keys = std::vector<std::int64_t>;

// The 24 leading bits of a key's distance from the smallest.
struct Leading {
  std::int64_t smallest;
  int shift;
  [[nodiscard]] std::uint64_t Of(std::int64_t key) const {
    return (static_cast<std::uint64_t>(key) - static_cast<std::uint64_t>(smallest)) >> shift;
  }
};

Leading LeadingOf(const Keys& keys) {
  std::int64_t smallest = keys[0];
  std::int64_t largest = keys[0];
  for (const std::int64_t key : keys) {
    smallest = key < smallest ? key : smallest;
    largest = key > largest ? key : largest;
  }
  const auto range = static_cast<std::uint64_t>(largest) - static_cast<std::uint64_t>(smallest);
  const auto width = static_cast<int>(std::bit_width(range));
  return {smallest, std::max(0, width - static_cast<int>(kDigits * kDigitBits))};
}

// Runs of keys whose leading bits are equal are put in order one by one: short, or of equal keys, as a rule.
void SortRuns(Keys& keys, const Leading& leading) {
  for (std::size_t i = 1; i < keys.size(); ++i) {
    if (keys[i] >= keys[i - 1]) continue;
    const std::uint64_t run = leading.Of(keys[i]);
    std::size_t begin = i - 1;
    std::size_t end = i + 1;
    while (begin > 0 && leading.Of(keys[begin - 1]) == run) --begin;
    while (end < keys.size() && leading.Of(keys[end]) == run) ++end;
    std::sort(keys.begin() + static_cast<std::ptrdiff_t>(begin), keys.begin() + static_cast<std::ptrdiff_t>(end));
    i = end - 1;
  }
}

}  // namespace

void SortKeys(Keys& keys, Keys& scratch) {
  if (keys.size() < kFewKeys) return std::sort(keys.begin(), keys.end());
  const Leading leading = LeadingOf(keys);
  constexpr std::uint64_t kMask = (1U << kDigitBits) - 1;
  std::array<std::array<std::uint32_t, kMask + 1>, kDigits> places{};
  for (const std::int64_t key : keys) {
    const std::uint64_t bits = leading.Of(key);
    for (std::size_t digit = 0; digit < kDigits; ++digit) ++places[digit][bits >> (digit * kDigitBits) & kMask];
  }
  scratch.resize(keys.size());
  for (std::size_t digit = 0; digit < kDigits; ++digit) {
    std::uint32_t* const place = places[digit].data();
    const std::size_t shift = digit * kDigitBits;
    if (place[leading.Of(keys[0]) >> shift & kMask] == keys.size()) continue;
    std::uint32_t before = 0;
    for (std::size_t i = 0; i <= kMask; ++i) before += std::exchange(place[i], before);
    std::int64_t* const to = scratch.data();
    for (const std::int64_t key : keys) to[place[leading.Of(key) >> shift & kMask]++] = key;
    keys.swap(scratch);
  }
  if (leading.shift > 0) SortRuns(keys, leading);
}

void PackKeys(ByteWriter& out, std::span<const std::int64_t> keys) {
  out.Varint(keys.size());
  if (keys.empty()) return;
  std::uint64_t bits = 0;
  for (const std::int64_t key : keys) bits |= static_cast<std::uint64_t>(key);
  const int shift = bits == 0 ? 0 : std::countr_zero(bits);
  out.U8(static_cast<std::uint8_t>(shift));
  out.Signed(keys[0] >> shift);
  std::int64_t last = keys[0] >> shift;
  for (std::size_t i = 1; i < keys.size();) {
    const std::int64_t key = keys[i] >> shift;
    std::size_t end = i + 1;
    while (key == last && end < keys.size() && keys[end] >> shift == key) ++end;
    out.Varint(static_cast<std::uint64_t>(key) - static_cast<std::uint64_t>(last));
    if (key == last) out.Varint(end - i - 1);
    last = key;
    i = end;
  }
}

std::vector<std::int64_t> UnpackKeys(ByteReader& in, std::size_t limit) {
  const std::uint64_t size = in.Varint();
  if (size > limit) in.Fail("too many values in a level");
  if (size == 0 || !in.Unfold(static_cast<std::size_t>(size), sizeof(std::int64_t))) return {};
  const int shift = in.U8();
  const std::int64_t largest = kInfinityKey >> std::min(shift, 63);
  std::int64_t last = in.Signed();
  if (shift > 62 || last < -largest || last > largest) in.Fail("a value out of range");
  if (in.failed()) return {};
  const std::int64_t unit = std::int64_t{1} << shift;
  Keys keys{last * unit};
  while (keys.size() < size && !in.failed()) {
    const std::uint64_t step = in.Varint();
    const std::uint64_t repeated = step == 0 ? in.Varint() : 0;
    if (step > static_cast<std::uint64_t>(largest) - static_cast<std::uint64_t>(last) ||
        repeated >= size - keys.size()) {
      in.Fail("a value out of range");
      break;
    }
    last += static_cast<std::int64_t>(step);
    keys.insert(keys.end(), static_cast<std::size_t>(repeated) + 1, last * unit);
  }
  return in.failed() ? Keys{} : keys;
}

}  // namespace mw::sketch
