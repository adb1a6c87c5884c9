// Frames, and the digest of a set.
#include "tracking/point_frames.h"

#include <bit>
#include <cmath>

#include "base/text.h"
#include "tracking/kept_value.h"

namespace mw::tracking {
namespace {

constexpr std::size_t kHeadBytes = 12;

void PutLength(std::string& out, std::size_t length) {
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(length >> shift));
}

std::size_t Length(std::string_view bytes) {
  std::size_t length = 0;
  for (std::size_t i = 0; i < 4; ++i) length |= std::size_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return length;
}

std::string_view Cut(std::string_view& rest, std::size_t length) {
  const std::string_view piece = rest.substr(0, length);
  rest.remove_prefix(length);
  return piece;
}

/// Every bit of the input changes about half of the bits (the finisher of SplitMix64).
std::uint64_t Mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

/// The same for values that Same takes for one, as they are kept.
std::uint64_t BitsOf(double value) {
  value = KeptValue(value);
  if (std::isnan(value)) return ~std::uint64_t{0};
  return value == 0 ? 0 : std::bit_cast<std::uint64_t>(value);
}

}  // namespace

void AppendFrame(std::string& body, std::string_view run, std::string_view key, std::span<const Point> points) {
  const std::string chunk = PackChunk(points);
  for (const std::size_t length : {run.size(), key.size(), chunk.size()}) PutLength(body, length);
  CatTo(body, run, key, chunk);
}

Status ReadFrames(std::string_view body, const std::function<Status(PointFrame)>& take) {
  while (!body.empty()) {
    if (body.size() < kHeadBytes) return InvalidArgument("the body ends inside the head of a frame");
    const std::size_t run = Length(body), key = Length(body.substr(4)), chunk = Length(body.substr(8));
    body.remove_prefix(kHeadBytes);
    if (run + key + chunk > body.size()) return InvalidArgument("the body ends inside a frame");
    PointFrame frame;
    frame.run = Cut(body, run);
    frame.key = Cut(body, key);
    const Status read = UnpackChunk(Cut(body, chunk), frame.points);
    if (!read.ok()) return InvalidArgument("metric ", Quoted(frame.key), ": ", read.error().message);
    TRY(take(std::move(frame)));
  }
  return Ok();
}

void PointDigest::Add(const Point& point) {
  ++count;
  const std::uint64_t value = Mix(BitsOf(point.value) + 1);
  sum += Mix(static_cast<std::uint64_t>(point.time) ^ Mix(static_cast<std::uint64_t>(point.step) ^ value));
}

}  // namespace mw::tracking
