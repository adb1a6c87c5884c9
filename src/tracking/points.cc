// Deltas as varints, values as they are.
#include "tracking/points.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace mw::tracking {
namespace {

constexpr char kChunkFormat = 1;
constexpr std::size_t kPointBytesMin = 10;  ///< of a chunk: a byte of step and of time, eight of the value

void PutVarint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

/// Of wrapping numbers, so that any two int64 have a difference.
void PutDelta(std::string& out, std::int64_t now, std::int64_t before) {
  const std::uint64_t delta = static_cast<std::uint64_t>(now) - static_cast<std::uint64_t>(before);
  PutVarint(out, (delta << 1) ^ static_cast<std::uint64_t>(static_cast<std::int64_t>(delta) >> 63));
}

void PutDouble(std::string& out, double value) {
  static_assert(std::endian::native == std::endian::little);
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof value);
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}
  [[nodiscard]] bool AtEnd() const { return at_ == end_; }
  bool Varint(std::uint64_t& out) {
    if (at_ != end_ && static_cast<unsigned char>(*at_) < 0x80) {  // as most are
      out = static_cast<unsigned char>(*at_++);
      return true;
    }
    out = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at_ == end_) return false;
      const auto byte = static_cast<unsigned char>(*at_++);
      if (shift == 63 && byte > 1) return false;
      out |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  bool Delta(std::int64_t before, std::int64_t& out) {
    std::uint64_t coded = 0;
    if (!Varint(coded)) return false;
    const std::uint64_t delta = (coded >> 1) ^ (0 - (coded & 1));
    out = static_cast<std::int64_t>(static_cast<std::uint64_t>(before) + delta);
    return true;
  }
  bool Double(double& out) {
    if (end_ - at_ < static_cast<std::ptrdiff_t>(sizeof out)) return false;
    std::memcpy(&out, at_, sizeof out);
    at_ += sizeof out;
    return true;
  }
  bool Byte(char& out) {
    if (at_ == end_) return false;
    out = *at_++;
    return true;
  }

 private:
  const char* at_;
  const char* end_;
};

/// NaN is greater than every number, and equal to itself.
int CompareValues(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return static_cast<int>(std::isnan(a)) - static_cast<int>(std::isnan(b));
  return static_cast<int>(a > b) - static_cast<int>(a < b);
}

}  // namespace

bool Before(const Point& a, const Point& b) {
  if (a.time != b.time) return a.time < b.time;
  if (a.step != b.step) return a.step < b.step;
  return CompareValues(a.value, b.value) < 0;
}

bool Same(const Point& a, const Point& b) {
  return a.time == b.time && a.step == b.step && CompareValues(a.value, b.value) == 0;
}

bool IsLater(const Point& a, const Point& b) {
  if (a.step != b.step) return a.step > b.step;
  if (a.time != b.time) return a.time > b.time;
  return CompareValues(a.value, b.value) > 0;
}

void AppendTail(std::string& tail, std::span<const TailPoint> points) {
  for (const TailPoint& point : points) {
    PutVarint(tail, static_cast<std::uint64_t>(point.name));
    PutDelta(tail, point.point.step, 0);
    PutDelta(tail, point.point.time, 0);
    PutDouble(tail, point.point.value);
  }
}

Status ReadTail(std::string_view tail, std::vector<TailPoint>& points) {
  Reader reader(tail);
  while (!reader.AtEnd()) {
    std::uint64_t name = 0;
    TailPoint point;
    const bool read = reader.Varint(name) && reader.Delta(0, point.point.step) && reader.Delta(0, point.point.time) &&
                      reader.Double(point.point.value);
    if (!read) return DataLoss("the tail of a run's metrics ends inside a point");
    point.name = static_cast<std::int64_t>(name);
    points.push_back(point);
  }
  return Ok();
}

std::string PackChunk(std::span<const Point> points) {
  std::string out(1, kChunkFormat);
  out.reserve(points.size() * 12 + 8);
  Point before;
  for (const Point& point : points) {
    PutDelta(out, point.step, before.step);
    PutDelta(out, point.time, before.time);
    PutDouble(out, point.value);
    before = point;
  }
  return out;
}

Status UnpackChunk(std::string_view chunk, std::vector<Point>& points) {
  Reader reader(chunk);
  char format = 0;
  if (!reader.Byte(format) || format != kChunkFormat) return DataLoss("a chunk of a metric has an unknown format");
  // Room for all that it can hold, then what it holds: a chart reads millions.
  std::size_t count = points.size();
  points.resize(count + chunk.size() / kPointBytesMin);
  Point point;
  bool whole = true;
  while (whole && !reader.AtEnd()) {
    whole = reader.Delta(point.step, point.step) && reader.Delta(point.time, point.time) && reader.Double(point.value);
    if (whole) points[count++] = point;
  }
  points.resize(count);
  return whole ? Ok() : Status(DataLoss("a chunk of a metric ends inside a point"));
}

void SortPoints(std::vector<Point>& points) {
  if (!std::is_sorted(points.begin(), points.end(), Before)) std::sort(points.begin(), points.end(), Before);
  points.erase(std::unique(points.begin(), points.end(), Same), points.end());
}

std::vector<Point> Thin(std::span<const Point> points, std::size_t count) {
  if (points.size() <= count) return {points.begin(), points.end()};
  if (count <= 2) {
    std::vector<Point> ends{points.front()};
    if (count == 2) ends.push_back(points.back());
    ends.resize(count);
    return ends;
  }
  std::vector<Point> out{points.front()};
  const std::span<const Point> inner = points.subspan(1, points.size() - 2);
  const std::size_t stretches = std::max<std::size_t>((count - 2) / 2, 1);
  const auto less = [](const Point& a, const Point& b) { return CompareValues(a.value, b.value) < 0; };
  const auto greatest_number = [](const Point& a, const Point& b) {
    const double low = -HUGE_VAL;
    return (std::isnan(a.value) ? low : a.value) < (std::isnan(b.value) ? low : b.value);
  };
  for (std::size_t i = 0; i < stretches; ++i) {
    const std::size_t begin = inner.size() * i / stretches, end = inner.size() * (i + 1) / stretches;
    if (begin == end) continue;
    const std::span<const Point> stretch = inner.subspan(begin, end - begin);
    const auto least = std::min_element(stretch.begin(), stretch.end(), less);
    const auto most = std::max_element(stretch.begin(), stretch.end(), greatest_number);
    out.push_back(*std::min(least, most));
    if (least != most && count > 3) out.push_back(*std::max(least, most));
  }
  out.push_back(points.back());
  return out;
}

}  // namespace mw::tracking
