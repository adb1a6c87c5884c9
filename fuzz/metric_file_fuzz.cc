// Metric files of MLflow's file store of any bytes: no crash, points sorted and each once.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "transfer/mlflow_folder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto points = mw::transfer::ParseMetricFile({reinterpret_cast<const char*>(data), size});
  if (points.ok()) MW_ASSERT(std::is_sorted(points->begin(), points->end(), mw::tracking::Before));
  return 0;
}
