// Two passes over a block that is in the cache, then one merge of the block.
#include "sketch/moments.h"

#include <algorithm>
#include <cmath>

#include "sketch/number_key.h"

namespace mw::sketch {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kLanes = 4;
/// Distances whose fourth powers may overflow.
constexpr double kHuge = 1e75;

// Sums in lanes of their own: the order of additions is fixed, whatever the processor offers.
using Lanes = double[kLanes];
double Sum(const Lanes& lanes) { return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]); }

}  // namespace

void Moments::Twofold::Add(double term) {
  const double sum = high + term;
  const double back = sum - high;
  const double lost = (high - (sum - back)) + (term - back);
  high = sum;
  low = std::isfinite(sum) ? low + lost : 0;
}

Moments Moments::OfBlock(std::span<const double> values) {
  Moments block;
  block.count_ = values.size();
  const double origin = values[0];
  Lanes sums{}, low{origin, origin, origin, origin}, high{origin, origin, origin, origin};
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t lane = i % kLanes;
    const double value = values[i];
    sums[lane] += value - origin;
    low[lane] = value < low[lane] ? value : low[lane];
    high[lane] = value > high[lane] ? value : high[lane];
  }
  block.min_ = *std::min_element(low, low + kLanes);
  block.max_ = *std::max_element(high, high + kLanes);
  if (!(block.max_ - block.min_ < kHuge)) return OfHugeBlock(values, block);
  const auto n = static_cast<double>(values.size());
  block.mean_.Add(origin);
  block.mean_.Add(Sum(sums) / n);

  const Twofold mean = block.mean_;
  Lanes first{}, second{}, third{}, fourth{};
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t lane = i % kLanes;
    const double distance = (values[i] - mean.high) - mean.low;
    const double square = distance * distance;
    first[lane] += distance;
    second[lane] += square;
    third[lane] += square * distance;
    fourth[lane] += square * square;
  }
  block.mean_.Add(Sum(first) / n);
  block.m2_.Add(Sum(second));
  block.m3_.Add(Sum(third));
  block.m4_.Add(Sum(fourth));
  return block;
}

// In the wider range of long double, so that only what cannot be told in a double overflows.
Moments Moments::OfHugeBlock(std::span<const double> values, Moments block) {
  const auto n = static_cast<long double>(values.size());
  long double mean = 0;
  for (const double value : values) mean += static_cast<long double>(value) / n;
  long double second = 0, third = 0, fourth = 0;
  for (const double value : values) {
    const long double distance = static_cast<long double>(value) - mean;
    second += distance * distance;
    third += distance * distance * distance;
    fourth += distance * distance * distance * distance;
  }
  block.mean_.Add(static_cast<double>(mean));
  block.m2_.Add(static_cast<double>(second));
  block.m3_.Add(static_cast<double>(third));
  block.m4_.Add(static_cast<double>(fourth));
  block.Settle();
  return block;
}

// Powers that overflowed say so, and stay so.
void Moments::Settle() {
  if (std::isfinite(m2_.value()) && std::isfinite(m4_.value())) return;
  if (!std::isfinite(m2_.value())) m2_ = {kInfinity, 0};
  m3_ = {kNan, 0};
  m4_ = {kInfinity, 0};
}

void Moments::Add(std::span<const double> values) {
  while (!values.empty()) {
    const std::span<const double> block = values.first(std::min(kBlock, values.size()));
    Merge(OfBlock(block));
    values = values.subspan(block.size());
  }
}

void Moments::Merge(const Moments& other) {
  if (other.count_ == 0) return;
  if (count_ == 0) {
    *this = other;
    return;
  }
  const auto own = static_cast<double>(count_);
  const auto others = static_cast<double>(other.count_);
  const double n = own + others;
  const double a = own / n, b = others / n;
  const double delta = (other.mean_.high - mean_.high) + (other.mean_.low - mean_.low);
  const double square = delta * delta;
  m4_.Add(other.m4_.value());
  m4_.Add(square * square * a * others * (a * a - a * b + b * b));
  m4_.Add(6 * square * (a * a * other.m2() + b * b * m2()));
  m4_.Add(4 * delta * (a * other.m3() - b * m3()));
  m3_.Add(other.m3_.value());
  m3_.Add(square * delta * a * others * (a - b));
  m3_.Add(3 * delta * (a * other.m2() - b * m2()));
  m2_.Add(other.m2_.value());
  m2_.Add(square * a * others);
  if (std::isfinite(delta)) {
    mean_.Add(delta * b);
  } else {
    mean_ = {mean_.value() * a + other.mean_.value() * b, 0};
  }
  count_ += other.count_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  Settle();
}

double Moments::mean() const { return count_ == 0 ? kNan : std::clamp(mean_.value(), min_, max_); }
double Moments::min() const { return count_ == 0 ? kNan : min_; }
double Moments::max() const { return count_ == 0 ? kNan : max_; }
double Moments::variance() const { return count_ == 0 ? kNan : std::max(0.0, m2()) / static_cast<double>(count_); }
double Moments::std() const { return std::sqrt(variance()); }

double Moments::skewness() const {
  const double spread = variance();
  return spread > 0 && std::isfinite(spread) ? m3() / static_cast<double>(count_) / (spread * std::sqrt(spread)) : kNan;
}

double Moments::excess_kurtosis() const {
  const double spread = variance();
  const double kurtosis = m4() / static_cast<double>(count_) / (spread * spread) - 3;
  return spread > 0 && std::isfinite(kurtosis) ? kurtosis : kNan;
}

void Moments::Write(ByteWriter& out) const {
  out.Varint(count_);
  if (count_ == 0) return;
  out.F64(min_);
  out.F64(max_);
  for (const Twofold* part : {&mean_, &m2_, &m3_, &m4_}) {
    out.F64(part->high);
    out.F64(part->low);
  }
}

Result<Moments> Moments::Read(ByteReader& in) {
  Moments moments;
  moments.count_ = in.Varint();
  if (moments.count_ == 0) {
    TRY(in.Check());
    return moments;
  }
  moments.min_ = in.F64();
  moments.max_ = in.F64();
  for (Twofold* part : {&moments.mean_, &moments.m2_, &moments.m3_, &moments.m4_}) {
    part->high = in.F64();
    part->low = in.F64();
    if (!std::isfinite(part->low)) in.Fail("an impossible moment");
  }
  const bool range = std::isfinite(moments.min_) && std::isfinite(moments.max_) && moments.min_ <= moments.max_;
  if (!range || !std::isfinite(moments.mean_.high) || std::isnan(moments.m2_.high) || std::isnan(moments.m4_.high)) {
    in.Fail("an impossible moment");
  }
  TRY(in.Check());
  return moments;
}

}  // namespace mw::sketch
