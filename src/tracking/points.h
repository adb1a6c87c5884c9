// Points of a metric in packed bytes, as the store keeps them: tails as they came, chunks sorted and without doubles.
// Pure, any thread. Bytes that do not fit are kDataLoss: they come from our own database.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mw::tracking {

/// One value of a metric that is known from elsewhere.
struct Point {
  std::int64_t time = 0;  ///< milliseconds since the epoch, as the client sent it
  std::int64_t step = 0;
  double value = 0;  ///< may be NaN or infinite
};

/// The order of a history: by time, step, value. A NaN equals itself and is the greatest.
bool Before(const Point& a, const Point& b);
/// Whether both are the same point: logged twice, it is kept once.
bool Same(const Point& a, const Point& b);
/// The order in which points become the latest one: by step, time, value.
bool IsLater(const Point& a, const Point& b);

/// A point with the number of its metric's name.
struct TailPoint {
  std::int64_t name = 0;
  Point point;
};

/// Appends points as they came; tails that follow one another are read as one.
void AppendTail(std::string& tail, std::span<const TailPoint> points);
/// Appends to `points`. Errors: kDataLoss.
Status ReadTail(std::string_view tail, std::vector<TailPoint>& points);

/// Points of one metric, in their order: a few bytes for step and time, eight for the value.
std::string PackChunk(std::span<const Point> points);
/// Appends to `points`. Errors: kDataLoss.
Status UnpackChunk(std::string_view chunk, std::vector<Point>& points);

/// Sorts, and keeps one of each point that is there twice.
void SortPoints(std::vector<Point>& points);

/// At most `count` of them in their order, the first and the last among them: of each stretch of the sorted points its
/// least and its greatest value, so that no peak is lost. NaNs are passed over where a stretch has numbers.
std::vector<Point> Thin(std::span<const Point> points, std::size_t count);

}  // namespace mw::tracking
