// Points into buckets.
#include "tracking/chart.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mw::tracking {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// Of numbers that wrap, so that any two int64 have a difference.
std::uint64_t Difference(std::int64_t a, std::int64_t b) {
  return static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b);
}

/// The lesser and greater of what is known (NaN: nothing) and a number.
double Least(double known, double value) { return known < value ? known : value; }
double Most(double known, double value) { return known > value ? known : value; }

}  // namespace

std::int64_t PlaceOn(Axis axis, const Point& point) { return axis == Axis::kTime ? point.time : point.step; }

Stretch StretchOf(std::span<const Point> points) {
  Stretch stretch;
  stretch.count = static_cast<std::int64_t>(points.size());
  stretch.time_first = points.front().time;
  stretch.time_last = points.back().time;
  stretch.step_least = stretch.step_most = points.front().step;
  stretch.first = points.front().value;
  stretch.last = points.back().value;
  stretch.least = stretch.most = kNan;
  std::int64_t before = points.front().step;
  for (const Point& point : points) {
    stretch.ascending = stretch.ascending && point.step >= before;
    before = point.step;
    stretch.step_least = std::min(stretch.step_least, point.step);
    stretch.step_most = std::max(stretch.step_most, point.step);
    if (std::isnan(point.value)) {
      ++stretch.nans;
    } else {
      stretch.least = Least(stretch.least, point.value);
      stretch.most = Most(stretch.most, point.value);
    }
  }
  return stretch;
}

Buckets::Buckets(std::int64_t begin, std::int64_t end, std::size_t count, bool rough)
    : begin_(begin), end_(end), width_(Difference(end, begin) / count + 1), rough_(rough) {
  buckets_.resize(static_cast<std::size_t>(Difference(end, begin) / width_) + 1);
}

std::size_t Buckets::IndexOf(std::int64_t x) const { return static_cast<std::size_t>(Difference(x, begin_) / width_); }

void Buckets::Add(std::int64_t x, double value) {
  if (x < current_begin_ || x > current_end_) {
    if (x < begin_ || x > end_) return;
    current_ = IndexOf(x);
    current_begin_ = static_cast<std::int64_t>(static_cast<std::uint64_t>(begin_) + current_ * width_);
    const std::uint64_t left = Difference(end_, current_begin_);
    current_end_ =
        left < width_ ? end_ : static_cast<std::int64_t>(static_cast<std::uint64_t>(current_begin_) + width_ - 1);
  }
  Bucket& bucket = buckets_[current_];
  if (bucket.count++ == 0) {
    bucket.x_first = bucket.x_last = x;
    bucket.first = bucket.last = value;
    bucket.least = bucket.most = value;
    bucket.nans = std::isnan(value) ? 1 : 0;
    return;
  }
  if (x < bucket.x_first) {
    bucket.x_first = x;
    bucket.first = value;
  }
  if (x >= bucket.x_last) {
    bucket.x_last = x;
    bucket.last = value;
  }
  if (std::isnan(value)) {
    ++bucket.nans;
  } else {
    bucket.least = Least(bucket.least, value);
    bucket.most = Most(bucket.most, value);
  }
}

void Buckets::Add(std::span<const Point> points, Axis axis) {
  for (const Point& point : points) Add(PlaceOn(axis, point), point.value);
}

bool Buckets::Add(const Stretch& stretch, Axis axis) {
  const std::int64_t begin = stretch.Begin(axis), end = stretch.End(axis);
  if (end < begin_ || begin > end_) return true;
  if (begin < begin_ || end > end_ || !stretch.OrderedAlong(axis)) return false;
  if (IndexOf(begin) != IndexOf(end) && !(rough_ && Difference(end, begin) < width_)) return false;
  Bucket& bucket = buckets_[IndexOf(begin)];
  const bool empty = bucket.count == 0;
  if (empty || begin < bucket.x_first) {
    bucket.x_first = begin;
    bucket.first = stretch.first;
  }
  if (empty || end >= bucket.x_last) {
    bucket.x_last = end;
    bucket.last = stretch.last;
  }
  const bool numbers = stretch.nans < stretch.count;
  if (empty || numbers) {
    bucket.least = empty ? stretch.least : Least(bucket.least, stretch.least);
    bucket.most = empty ? stretch.most : Most(bucket.most, stretch.most);
  }
  bucket.count += stretch.count;
  bucket.nans += stretch.nans;
  return true;
}

std::vector<Bucket> Buckets::Filled() const {
  std::vector<Bucket> filled;
  std::copy_if(buckets_.begin(), buckets_.end(), std::back_inserter(filled),
               [](const Bucket& bucket) { return bucket.count > 0; });
  return filled;
}

}  // namespace mw::tracking
