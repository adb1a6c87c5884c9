// Points of many runs in one body, as the bulk import sends them: a frame for each run and metric. Bytes from outside:
// all lengths are checked against what is there before anything is made of them. Pure, any thread.
//
//   frame = length of the run's id, of the metric's name, of the chunk (4 bytes each, little endian), then the three;
//   the chunk is what PackChunk makes.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tracking/points.h"

namespace mw::tracking {

inline constexpr std::size_t kFramesBytesMax = std::size_t{8} << 20;  ///< of one body

struct PointFrame {
  std::string run;
  std::string key;
  std::vector<Point> points;
};

void AppendFrame(std::string& body, std::string_view run, std::string_view key, std::span<const Point> points);
/// Calls `take` with each frame. Errors: kInvalidArgument for bytes that are none; `take`'s.
Status ReadFrames(std::string_view body, const std::function<Status(PointFrame)>& take);

/// What a set of distinct points is, in whatever order they come: two sets with the same count and sum are the same but
/// for one chance in 2^64.
struct PointDigest {
  std::int64_t count = 0;
  std::uint64_t sum = 0;
  void Add(const Point& point);
  bool operator==(const PointDigest&) const = default;
};

}  // namespace mw::tracking
