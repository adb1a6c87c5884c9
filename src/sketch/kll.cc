// Buffer full: sort it, and let every other value rise through the levels until all fit again.
#include "sketch/kll.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/assert.h"
#include "sketch/number_key.h"

namespace mw::sketch {
namespace {

using Keys = std::vector<std::int64_t>;

constexpr std::size_t kLevelsMax = 50;
constexpr std::size_t kSmallestLevel = 8;
constexpr std::uint64_t kCountMax = std::uint64_t{1} << 62;
constexpr std::uint8_t kLastHalf = 1;
constexpr std::uint8_t kOwesOther = 2;

// SplitMix64 (Steele, Lea, Flood 2014).
std::uint64_t NextRandom(std::uint64_t& state) {
  std::uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// Merges every `stride`-th of `from` into `into`, both ascending, from the back and in place.
void MergeInto(Keys& into, const std::int64_t* from, std::size_t count, std::size_t stride) {
  std::size_t left = into.size();
  into.resize(left + count);
  std::int64_t* const to = into.data();
  std::size_t end = left + count;
  while (left > 0 && count > 0) {
    const std::int64_t own = to[left - 1];
    const std::int64_t other = from[(count - 1) * stride];
    const bool take_own = own > other;
    to[--end] = take_own ? own : other;
    left -= take_own ? 1 : 0;
    count -= take_own ? 0 : 1;
  }
  while (count > 0) to[--end] = from[--count * stride];
}

Keys Sorted(Keys keys) {
  Keys scratch;
  SortKeys(keys, scratch);
  return keys;
}

}  // namespace

Kll::Kll(int k, std::uint64_t seed) : k_(k), state_(seed), levels_(1) { MW_ASSERT(k >= kSmallestK && k <= kLargestK); }

std::size_t Kll::Capacity(std::size_t level) const {
  double capacity = k_;
  for (std::size_t above = levels_.size() - 1; above > level; --above) capacity *= 2.0 / 3.0;
  return std::max(kSmallestLevel, static_cast<std::size_t>(capacity));
}

bool Kll::Coin(Level& level) {
  if ((level.coin & kOwesOther) != 0) {
    level.coin = static_cast<std::uint8_t>((level.coin & kLastHalf) ^ kLastHalf);
  } else {
    level.coin = static_cast<std::uint8_t>((NextRandom(state_) >> 63) | kOwesOther);
  }
  return (level.coin & kLastHalf) != 0;
}

// The smallest stays behind when they are odd in number, so that the weights still add up.
void Kll::MoveUp(std::size_t level) {
  if (level + 1 == levels_.size()) levels_.emplace_back();
  Keys& keys = levels_[level].keys;
  const std::size_t behind = keys.size() % 2;
  const std::size_t half = Coin(levels_[level]) ? 1 : 0;
  MergeInto(levels_[level + 1].keys, keys.data() + behind + half, keys.size() / 2, 2);
  keys.resize(behind);
}

void Kll::EmptyBuffer() {
  Keys& buffer = levels_[0].keys;
  Keys scratch;
  SortKeys(buffer, scratch);
  min_ = std::min(min_, buffer.front());
  max_ = std::max(max_, buffer.back());
  MoveUp(0);
  Shrink();
}

void Kll::Shrink() {
  for (;;) {
    std::size_t kept = 0, room = 0, full = 0;
    for (std::size_t level = levels_.size() - 1; level > 0; --level) {
      const std::size_t capacity = Capacity(level);
      kept += levels_[level].keys.size();
      room += capacity;
      if (levels_[level].keys.size() > capacity) full = level;
    }
    if (kept <= room) return;
    MoveUp(full);
  }
}

template <typename Number>
void Kll::AddAll(std::span<const Number> values) {
  while (!values.empty()) {
    Keys& buffer = levels_[0].keys;
    const std::size_t before = buffer.size();
    const std::size_t taken = std::min(static_cast<std::size_t>(k_) - before, values.size());
    if (taken == 0) {
      EmptyBuffer();
      continue;
    }
    buffer.resize(before + taken);
    std::int64_t* to = buffer.data() + before;
    for (const Number value : values.first(taken)) {
      *to = KeyOf(static_cast<double>(value));
      to += value == value ? 1 : 0;
    }
    buffer.resize(static_cast<std::size_t>(to - buffer.data()));
    count_ += buffer.size() - before;
    values = values.subspan(taken);
  }
}

void Kll::Add(double value) { AddAll(std::span<const double>(&value, 1)); }
void Kll::Add(std::span<const double> values) { AddAll(values); }
void Kll::Add(std::span<const float> values) { AddAll(values); }

void Kll::AddKeys(std::span<const std::int64_t> keys) {
  while (!keys.empty()) {
    Keys& buffer = levels_[0].keys;
    const std::size_t taken = std::min(static_cast<std::size_t>(k_) - buffer.size(), keys.size());
    buffer.insert(buffer.end(), keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(taken));
    keys = keys.subspan(taken);
    if (!keys.empty()) EmptyBuffer();
  }
}

void Kll::Merge(const Kll& other) {
  if (&other == this) return Merge(Kll(other));
  if (other.k_ < k_) {
    k_ = other.k_;
    const Keys buffer = std::exchange(levels_[0].keys, {});
    AddKeys(buffer);
  }
  if (levels_.size() < other.levels_.size()) levels_.resize(other.levels_.size());
  for (std::size_t level = 1; level < other.levels_.size(); ++level) {
    const Keys& keys = other.levels_[level].keys;
    MergeInto(levels_[level].keys, keys.data(), keys.size(), 1);
  }
  if (!other.exact()) state_ ^= other.state_ * 0xd1342543de82ef95 + 1;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  count_ += other.count_;
  AddKeys(other.levels_[0].keys);
  Shrink();
}

double Kll::min() const {
  std::int64_t min = min_;
  for (const std::int64_t key : levels_[0].keys) min = std::min(min, key);
  return count_ == 0 ? kNan : NumberOf(min);
}

double Kll::max() const {
  std::int64_t max = max_;
  for (const std::int64_t key : levels_[0].keys) max = std::max(max, key);
  return count_ == 0 ? kNan : NumberOf(max);
}

std::vector<Kll::WeightedKey> Kll::SortedKeys() const {
  std::vector<WeightedKey> merged, level_keys, both;
  const auto less = [](const WeightedKey& a, const WeightedKey& b) { return a.key < b.key; };
  for (std::size_t level = 0; level < levels_.size(); ++level) {
    const Keys keys = level == 0 ? Sorted(levels_[0].keys) : levels_[level].keys;
    level_keys.clear();
    for (const std::int64_t key : keys) level_keys.push_back({key, std::uint64_t{1} << level});
    both.resize(merged.size() + level_keys.size());
    std::merge(merged.begin(), merged.end(), level_keys.begin(), level_keys.end(), both.begin(), less);
    merged.swap(both);
  }
  return merged;
}

std::vector<double> Kll::Quantiles(std::span<const double> shares) const {
  const std::vector<WeightedKey> keys = SortedKeys();
  std::vector<std::uint64_t> ends;
  ends.reserve(keys.size());
  std::uint64_t end = 0;
  for (const WeightedKey& key : keys) ends.push_back(end += key.weight);
  std::vector<double> quantiles;
  for (const double share : shares) {
    const double wanted = std::ceil(std::clamp(share, 0.0, 1.0) * static_cast<double>(count_));
    const auto at = std::lower_bound(ends.begin(), ends.end(), wanted,
                                     [](std::uint64_t a, double b) { return static_cast<double>(a) < b; });
    if (count_ == 0 || std::isnan(share)) {
      quantiles.push_back(kNan);
    } else if (share <= 0 || share >= 1 || at == ends.end()) {
      quantiles.push_back(share <= 0 ? min() : max());
    } else {
      quantiles.push_back(NumberOf(keys[static_cast<std::size_t>(at - ends.begin())].key));
    }
  }
  return quantiles;
}

double Kll::Quantile(double share) const { return Quantiles(std::span(&share, 1)).front(); }

std::vector<double> Kll::Cdf(std::span<const double> edges) const {
  const Keys buffer = Sorted(levels_[0].keys);
  std::vector<double> ranks;
  for (const double edge : edges) {
    std::uint64_t below = 0;
    for (std::size_t level = 0; level < levels_.size(); ++level) {
      const Keys& keys = level == 0 ? buffer : levels_[level].keys;
      below += static_cast<std::uint64_t>(std::upper_bound(keys.begin(), keys.end(), KeyOf(edge)) - keys.begin())
               << level;
    }
    ranks.push_back(count_ == 0 ? 0 : static_cast<double>(below) / static_cast<double>(count_));
  }
  return ranks;
}

double Kll::Rank(double x) const { return count_ == 0 || std::isnan(x) ? kNan : Cdf(std::span(&x, 1)).front(); }

std::vector<std::pair<double, std::uint64_t>> Kll::Items() const {
  std::vector<std::pair<double, std::uint64_t>> items;
  for (const WeightedKey& key : SortedKeys()) {
    const double value = NumberOf(key.key);
    if (items.empty() || items.back().first != value) items.emplace_back(value, 0);
    items.back().second += key.weight;
  }
  return items;
}

double Kll::RankError(int k) { return 2.296 / std::pow(k, 0.9723); }
double Kll::ShareError(int k) { return 2.446 / std::pow(k, 0.9433); }

void Kll::Write(ByteWriter& out) const {
  out.Varint(static_cast<std::uint64_t>(k_));
  out.U64(state_);
  out.Varint(count_);
  if (count_ == 0) return;
  out.F64(min());
  out.F64(max());
  out.U8(static_cast<std::uint8_t>(levels_.size()));
  for (std::size_t level = 0; level < levels_.size(); ++level) {
    out.U8(levels_[level].coin);
    PackKeys(out, level == 0 ? Sorted(levels_[0].keys) : levels_[level].keys);
  }
}

Result<Kll> Kll::Read(ByteReader& in) {
  const std::uint64_t k = in.Varint();
  if (k < kSmallestK || k > kLargestK) in.Fail("quantiles of an impossible size");
  TRY(in.Check());
  Kll kll(static_cast<int>(k), in.U64());
  kll.count_ = in.Varint();
  if (kll.count_ > 0) kll.ReadLevels(in);
  TRY(in.Check());
  return kll;
}

void Kll::ReadLevels(ByteReader& in) {
  min_ = KeyOf(in.F64());
  max_ = KeyOf(in.F64());
  if (min_ < -kInfinityKey || max_ > kInfinityKey || min_ > max_) in.Fail("an impossible range");
  const std::size_t levels = in.U8();
  if (levels == 0 || levels > kLevelsMax || count_ > kCountMax) in.Fail("an impossible number of levels");
  levels_.resize(in.failed() ? 1 : levels);
  const std::size_t kept_max = 4 * static_cast<std::size_t>(k_) + kLevelsMax * kSmallestLevel;
  std::uint64_t weight = 0;
  for (std::size_t i = 0; i < levels && !in.failed(); ++i) {
    Level& level = levels_[i];
    level.coin = in.U8();
    level.keys = UnpackKeys(in, i == 0 ? static_cast<std::size_t>(k_) : kept_max);
    if (level.coin > (kLastHalf | kOwesOther)) in.Fail("an impossible coin");
    if (!level.keys.empty() && (level.keys.front() < min_ || level.keys.back() > max_)) in.Fail("a value out of range");
    weight += std::uint64_t{level.keys.size()} << i;
    if (weight > kCountMax) in.Fail("too many values");
  }
  if (weight != count_) in.Fail("the weights do not add up to the count");
}

}  // namespace mw::sketch
