// A hash's leading bits choose a register, the rank of its first one bit after them is what is kept.
#include "sketch/hyper_log_log.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numbers>

#include "base/assert.h"
#include "sketch/hash.h"

namespace mw::sketch {
namespace {

constexpr int kCouponBits = 26;
constexpr int kRankBits = 6;
constexpr int kCouponRankMax = 64 - kCouponBits + 1;
constexpr std::size_t kChunk = 256;
constexpr int kRegisterBits = 6;

// 1 + the zeros before the first one after `lg` leading bits; at most 65 - lg.
inline std::uint8_t RankOf(std::uint64_t hash, int lg) {
  return static_cast<std::uint8_t>(std::countl_zero(hash << lg | std::uint64_t{1} << (lg - 1)) + 1);
}

inline std::uint32_t CouponOf(std::uint64_t hash) {
  return static_cast<std::uint32_t>(hash >> (64 - kCouponBits) << kRankBits) | RankOf(hash, kCouponBits);
}

// What `bits` leading bits say of a register: which of 2^lg it is, and its rank there.
struct Place {
  std::size_t index;
  std::uint8_t rank;
};
inline Place Narrowed(std::uint32_t index, int bits, std::uint8_t rank, int lg) {
  const int dropped = bits - lg;
  const std::uint32_t low = index & ((std::uint32_t{1} << dropped) - 1);
  const int zeros = dropped - static_cast<int>(std::bit_width(low));
  return {index >> dropped, static_cast<std::uint8_t>(low != 0 ? zeros + 1 : dropped + rank)};
}

std::size_t CouponsMax(int lg) { return std::size_t{1} << (lg - 2); }

inline std::size_t SlotOf(std::uint32_t coupon, std::size_t slots) { return (coupon * 0x9e3779b1U >> 8) & (slots - 1); }

// The two series of Ertl's estimator: for registers still at 0, and for those at their largest.
double Sigma(double x) {
  if (x == 1) return std::numeric_limits<double>::infinity();
  double sum = x;
  for (double power = 1, before = -1; sum != before; power += power) {
    x *= x;
    before = sum;
    sum += x * power;
  }
  return sum;
}

double Tau(double x) {
  if (x == 0 || x == 1) return 0;
  double sum = 1 - x;
  for (double power = 0.5, before = -1; sum != before; power *= 0.5) {
    x = std::sqrt(x);
    before = sum;
    sum -= (1 - x) * (1 - x) * power;
  }
  return sum / 3;
}

}  // namespace

HyperLogLog::HyperLogLog(int lg) : lg_(lg) { MW_ASSERT(lg >= kSmallestLg && lg <= kLargestLg); }

template <typename Number>
void HyperLogLog::AddAll(std::span<const Number> values) {
  std::array<std::uint64_t, kChunk> hashes;
  while (!values.empty()) {
    std::size_t count = 0;
    for (const Number value : values.first(std::min(kChunk, values.size()))) {
      hashes[count] = HashNumber(static_cast<double>(value));
      count += value == value ? 1 : 0;
    }
    AddHashes(std::span(hashes).first(count));
    values = values.subspan(std::min(kChunk, values.size()));
  }
}

void HyperLogLog::Add(std::span<const double> values) { AddAll(values); }
void HyperLogLog::Add(std::span<const float> values) { AddAll(values); }

void HyperLogLog::AddInteger(std::int64_t value) {
  const std::uint64_t hash = HashInteger(value);
  AddHashes(std::span(&hash, 1));
}

void HyperLogLog::AddText(std::string_view text) {
  const std::uint64_t hash = HashText(text);
  AddHashes(std::span(&hash, 1));
}

void HyperLogLog::AddHashes(std::span<const std::uint64_t> hashes) {
  std::size_t i = 0;
  for (; i < hashes.size() && !dense(); ++i) AddCoupon(CouponOf(hashes[i]));
  std::uint8_t* const registers = registers_.data();
  const int lg = lg_;
  for (; i < hashes.size(); ++i) {
    std::uint8_t& kept = registers[hashes[i] >> (64 - lg)];
    const std::uint8_t rank = RankOf(hashes[i], lg);
    if (rank > kept) kept = rank;
  }
}

void HyperLogLog::AddCoupon(std::uint32_t coupon) {
  if (dense()) {
    const Place place = Narrowed(coupon >> kRankBits, kCouponBits, coupon & 63, lg_);
    registers_[place.index] = std::max(registers_[place.index], place.rank);
    return;
  }
  if (num_coupons_ * 2 >= coupons_.size()) GrowCoupons();
  std::size_t slot = SlotOf(coupon, coupons_.size());
  while (coupons_[slot] != 0 && coupons_[slot] != coupon) slot = (slot + 1) & (coupons_.size() - 1);
  if (coupons_[slot] == coupon) return;
  coupons_[slot] = coupon;
  if (++num_coupons_ > CouponsMax(lg_)) MakeDense();
}

void HyperLogLog::GrowCoupons() {
  const std::vector<std::uint32_t> old = SortedCoupons();
  coupons_.assign(std::max<std::size_t>(16, coupons_.size() * 2), 0);
  num_coupons_ = 0;
  for (const std::uint32_t coupon : old) AddCoupon(coupon);
}

std::vector<std::uint32_t> HyperLogLog::SortedCoupons() const {
  std::vector<std::uint32_t> sorted;
  for (const std::uint32_t coupon : coupons_) {
    if (coupon != 0) sorted.push_back(coupon);
  }
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

void HyperLogLog::MakeDense() {
  const std::vector<std::uint32_t> old = std::move(coupons_);
  coupons_.clear();
  num_coupons_ = 0;
  registers_.assign(std::size_t{1} << lg_, 0);
  for (const std::uint32_t coupon : old) {
    if (coupon != 0) AddCoupon(coupon);
  }
}

void HyperLogLog::Narrow(int lg) {
  const int before = std::exchange(lg_, lg);
  if (!dense()) {
    if (num_coupons_ > CouponsMax(lg)) MakeDense();
    return;
  }
  const std::vector<std::uint8_t> old = std::move(registers_);
  registers_.assign(std::size_t{1} << lg, 0);
  for (std::size_t i = 0; i < old.size(); ++i) {
    if (old[i] == 0) continue;
    const Place place = Narrowed(static_cast<std::uint32_t>(i), before, old[i], lg);
    registers_[place.index] = std::max(registers_[place.index], place.rank);
  }
}

void HyperLogLog::Merge(const HyperLogLog& other) {
  if (&other == this) return;
  if (other.lg_ < lg_) Narrow(other.lg_);
  if (other.lg_ > lg_) {
    HyperLogLog narrowed = other;
    narrowed.Narrow(lg_);
    return Merge(narrowed);
  }
  if (!other.dense()) {
    for (const std::uint32_t coupon : other.coupons_) {
      if (coupon != 0) AddCoupon(coupon);
    }
    return;
  }
  if (!dense()) MakeDense();
  for (std::size_t i = 0; i < registers_.size(); ++i) registers_[i] = std::max(registers_[i], other.registers_[i]);
}

double HyperLogLog::Estimate() const {
  if (!dense()) {
    const double places = static_cast<double>(std::uint64_t{1} << kCouponBits);
    return places * std::log(places / (places - static_cast<double>(num_coupons_)));
  }
  const int largest = 65 - lg_;
  std::array<double, 66> registers_at{};
  for (const std::uint8_t rank : registers_) registers_at[rank] += 1;
  const auto m = static_cast<double>(registers_.size());
  double sum = m * Tau(1 - registers_at[static_cast<std::size_t>(largest)] / m);
  for (int rank = largest - 1; rank >= 1; --rank) sum = 0.5 * (sum + registers_at[static_cast<std::size_t>(rank)]);
  sum += m * Sigma(registers_at[0] / m);
  return m * m / (2 * std::numbers::ln2 * sum);
}

double HyperLogLog::StandardError(int lg) { return 1.04 / std::sqrt(static_cast<double>(std::uint64_t{1} << lg)); }

void HyperLogLog::Write(ByteWriter& out) const {
  out.U8(static_cast<std::uint8_t>(lg_));
  out.U8(dense() ? 1 : 0);
  if (!dense()) {
    out.Varint(num_coupons_);
    std::uint32_t last = 0;
    for (const std::uint32_t coupon : SortedCoupons()) out.Varint(coupon - std::exchange(last, coupon));
    return;
  }
  std::uint64_t bits = 0;
  int held = 0;
  for (const std::uint8_t rank : registers_) {
    bits |= std::uint64_t{rank} << held;
    for (held += kRegisterBits; held >= 8; held -= 8, bits >>= 8) out.U8(static_cast<std::uint8_t>(bits));
  }
}

Result<HyperLogLog> HyperLogLog::Read(ByteReader& in) {
  const int lg = in.U8();
  const int mode = in.U8();
  if (lg < kSmallestLg || lg > kLargestLg || mode > 1) in.Fail("distinct values of an impossible size");
  TRY(in.Check());
  HyperLogLog hll(lg);
  mode == 1 ? hll.ReadRegisters(in) : hll.ReadCoupons(in);
  TRY(in.Check());
  return hll;
}

void HyperLogLog::ReadCoupons(ByteReader& in) {
  const std::size_t count = in.Count(CouponsMax(lg_));
  std::uint64_t coupon = 0;
  for (std::size_t i = 0; i < count && !in.failed(); ++i) {
    const std::uint64_t step = in.Varint();
    coupon += step;
    const std::uint64_t rank = coupon & 63;
    if (step == 0 || step > 0xffff'ffff || coupon > 0xffff'ffff || rank == 0 || rank > kCouponRankMax) {
      return in.Fail("an impossible coupon");
    }
    AddCoupon(static_cast<std::uint32_t>(coupon));
  }
}

void HyperLogLog::ReadRegisters(ByteReader& in) {
  const std::string_view bytes = in.Raw((std::size_t{1} << lg_) * kRegisterBits / 8);
  if (in.failed()) return;
  registers_.reserve(std::size_t{1} << lg_);
  std::uint64_t bits = 0;
  int held = 0;
  for (const char byte : bytes) {
    bits |= std::uint64_t{static_cast<std::uint8_t>(byte)} << held;
    for (held += 8; held >= kRegisterBits; held -= kRegisterBits, bits >>= kRegisterBits) {
      registers_.push_back(bits & 63);
    }
  }
  for (const std::uint8_t rank : registers_) {
    if (rank > 65 - lg_) in.Fail("an impossible register");
  }
}

}  // namespace mw::sketch
