// Metrics as a chart shows them: however many points there are, gathered into a few buckets of equal width along an
// axis, each with its least and greatest value, so that no peak and no NaN is lost. Whole stretches of points can be
// added by what is known of them. Plain values; pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tracking/run.h"

namespace mw::tracking {

enum class Axis : std::uint8_t { kStep, kTime };
std::int64_t PlaceOn(Axis axis, const Point& point);

/// What is known of the points of a chunk without reading them; they are in the order of a history.
struct Stretch {
  std::int64_t count = 0;
  std::int64_t nans = 0;
  std::int64_t time_first = 0, time_last = 0;
  std::int64_t step_least = 0, step_most = 0;
  double first = 0, last = 0;  ///< values
  double least = 0, most = 0;  ///< of the numbers; NaN when there are none
  bool ascending = true;       ///< no step is less than the one before

  /// Whether first and last are so along the axis too.
  [[nodiscard]] bool OrderedAlong(Axis axis) const { return axis == Axis::kTime || ascending; }
  [[nodiscard]] std::int64_t Begin(Axis axis) const { return axis == Axis::kTime ? time_first : step_least; }
  [[nodiscard]] std::int64_t End(Axis axis) const { return axis == Axis::kTime ? time_last : step_most; }
};
/// `points`: sorted, at least one.
Stretch StretchOf(std::span<const Point> points);

struct Bucket {
  std::int64_t count = 0;
  std::int64_t nans = 0;
  std::int64_t x_first = 0, x_last = 0;
  double first = 0, last = 0;  ///< values at these; among several at one place those that were added first and last
  double least = 0, most = 0;  ///< of the numbers; NaN when there are none
};

class Buckets {
 public:
  /// At most `count` buckets (>= 2) for the places from `begin` to `end`, both within; begin <= end. Rough ones take
  /// a stretch that is shorter than a bucket whole, where it begins.
  Buckets(std::int64_t begin, std::int64_t end, std::size_t count, bool rough = false);

  /// Places outside are passed over.
  void Add(std::int64_t x, double value);
  void Add(std::span<const Point> points, Axis axis);
  /// False, and nothing is added, when it is not of one bucket: then its points are to be added one by one.
  /// A stretch that lies outside is passed over.
  bool Add(const Stretch& stretch, Axis axis);
  [[nodiscard]] std::int64_t width() const { return static_cast<std::int64_t>(width_); }
  /// Those that have points, in order.
  [[nodiscard]] std::vector<Bucket> Filled() const;

 private:
  [[nodiscard]] std::size_t IndexOf(std::int64_t x) const;

  std::int64_t begin_, end_;
  std::uint64_t width_;
  bool rough_;
  std::vector<Bucket> buckets_;
  std::size_t current_ = 0;  // the bucket of the last point, and where it begins and ends
  std::int64_t current_begin_ = 0, current_end_ = -1;
};

struct ChartQuery {
  static constexpr std::size_t kNamesMax = 100;    ///< runs; metrics
  static constexpr std::size_t kSeriesMax = 1000;  ///< runs times metrics
  static constexpr std::size_t kBucketsMax = 10'000;
  std::vector<RunId> runs;
  std::vector<std::string> metrics;
  Axis axis = Axis::kStep;
  std::size_t buckets = 1000;
  std::optional<std::int64_t> from = {}, to = {};  ///< places, both within; each series' own ends where not given
  bool rough = false;  ///< points may be one bucket too early: then few of them have to be read
};

/// One metric of one run.
struct Series {
  RunId run;
  std::string metric;
  std::int64_t points = 0;          ///< of the whole metric; an exact repeat may count twice
  std::int64_t begin = 0, end = 0;  ///< its first and last place, also those outside of what was asked
  std::int64_t width = 1;           ///< of a bucket
  std::vector<Bucket> buckets;
};

}  // namespace mw::tracking
