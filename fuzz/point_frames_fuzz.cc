// Bodies of the bulk import of any bytes: no crash, and what was read is written and read again as the same.
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "tracking/point_frames.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string again;
  std::size_t frames = 0, frames_again = 0;
  const auto read = mw::tracking::ReadFrames(bytes, [&](const mw::tracking::PointFrame& frame) {
    ++frames;
    mw::tracking::AppendFrame(again, frame.run, frame.key, frame.points);
    return mw::Ok();
  });
  const auto count = [&](const mw::tracking::PointFrame&) {
    ++frames_again;
    return mw::Ok();
  };
  if (read.ok()) MW_ASSERT(mw::tracking::ReadFrames(again, count).ok() && frames == frames_again);
  return 0;
}
