// Buckets by the position of the highest bit and the seven bits behind it.
#include "load/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace mw::load {
namespace {

constexpr int kSubBits = 7;
constexpr std::size_t kSubBuckets = std::size_t{1} << kSubBits;

constexpr std::size_t BucketOf(std::uint64_t value) {
  const int shift = std::max(0, static_cast<int>(std::bit_width(value)) - kSubBits - 1);
  return static_cast<std::size_t>(shift) * kSubBuckets + static_cast<std::size_t>(value >> shift);
}

constexpr std::size_t kBuckets = BucketOf(LatencyHistogram::kLargestMicros) + 1;

/// The middle of a bucket.
std::int64_t ValueOf(std::size_t bucket) {
  if (bucket < 2 * kSubBuckets) return static_cast<std::int64_t>(bucket);
  const std::size_t shift = bucket / kSubBuckets - 1;
  const std::size_t lowest = (bucket - shift * kSubBuckets) << shift;
  return static_cast<std::int64_t>(lowest + (std::size_t{1} << shift) / 2);
}

}  // namespace

LatencyHistogram::LatencyHistogram() : counts_(kBuckets) {}

void LatencyHistogram::Add(Duration latency) {
  const std::int64_t micros = std::clamp<std::int64_t>(latency.count(), 0, kLargestMicros);
  ++counts_[BucketOf(static_cast<std::uint64_t>(micros))];
  ++bounded_;
  max_ = std::max(max_, micros);
  sum_ += static_cast<double>(micros);
}

void LatencyHistogram::AddUnbounded(std::uint64_t count) { unbounded_ += count; }

void LatencyHistogram::Merge(const LatencyHistogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  bounded_ += other.bounded_;
  unbounded_ += other.unbounded_;
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

Duration LatencyHistogram::Percentile(double share) const {
  if (count() == 0) return Duration(0);
  const double exact = std::ceil(std::clamp(share, 0.0, 1.0) * static_cast<double>(count()));
  const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(exact));
  if (rank > bounded_) return kNoBound;
  std::uint64_t seen = 0;
  std::size_t bucket = 0;
  while ((seen += counts_[bucket]) < rank) ++bucket;
  return Duration(std::min(ValueOf(bucket), max_));
}

double LatencyHistogram::ShareWithin(Duration bound) const {
  if (count() == 0) return 1;
  if (bound.count() < 0) return 0;
  const std::size_t last = BucketOf(static_cast<std::uint64_t>(std::min(bound.count(), kLargestMicros)));
  std::uint64_t within = 0;
  for (std::size_t i = 0; i <= last; ++i) within += counts_[i];
  return static_cast<double>(within) / static_cast<double>(count());
}

double LatencyHistogram::MeanMicros() const { return bounded_ == 0 ? 0 : sum_ / static_cast<double>(bounded_); }

}  // namespace mw::load
