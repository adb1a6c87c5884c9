// Metric files of MLflow's file store of any bytes, those of runs and of logged models: no crash, points sorted, each
// point once.
#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "tracking/set_digest.h"
#include "transfer/mlflow_folder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto points = mw::transfer::ParseMetricFile(text);
  if (points.ok()) MW_ASSERT(std::is_sorted(points->begin(), points->end(), mw::tracking::Before));
  const auto metrics = mw::transfer::ParseModelMetricFile("loss", text);
  std::set<std::string> members;
  if (!metrics.ok()) return 0;
  for (const auto& metric : *metrics) MW_ASSERT(members.insert(mw::tracking::ModelMetricMember(metric)).second);
  return 0;
}
