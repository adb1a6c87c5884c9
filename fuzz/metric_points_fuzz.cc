// Packed points and page tokens of any bytes: no crash, and what was read is written and read again as the same.
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "tracking/points.h"
#include "tracking/run_search.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::vector<mw::tracking::Point> points, again;
  if (mw::tracking::UnpackChunk(bytes, points).ok()) {
    MW_ASSERT(mw::tracking::UnpackChunk(mw::tracking::PackChunk(points), again).ok());
    MW_ASSERT(std::equal(points.begin(), points.end(), again.begin(), again.end(), mw::tracking::Same));
    mw::tracking::SortPoints(points);
    MW_ASSERT(mw::tracking::Thin(points, 7).size() <= 7);
  }
  std::vector<mw::tracking::TailPoint> tail, tail_again;
  if (mw::tracking::ReadTail(bytes, tail).ok()) {
    std::string written;
    mw::tracking::AppendTail(written, tail);
    MW_ASSERT(mw::tracking::ReadTail(written, tail_again).ok() && tail.size() == tail_again.size());
  }
  const mw::search::OrderBy order{{mw::search::Entity::kMetric, "loss", true}};
  if (const auto place = mw::tracking::ParsePageToken(bytes, order); place.ok()) {
    MW_ASSERT(mw::tracking::ParsePageToken(mw::tracking::PageToken(*place), order).value() == *place);
  }
  return 0;
}
