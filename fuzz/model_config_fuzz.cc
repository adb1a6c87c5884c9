// A model repository's config.pbtxt: whatever is accepted keeps its bounds, and versions are chosen from what is there.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "serving/model_config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = mw::serving::ParseModelConfig(text);
  if (!config.ok()) return 0;
  MW_ASSERT(config->max_batch_size >= 0 && config->instances >= 0 && config->instances <= 256);
  for (const auto* specs : {&config->inputs, &config->outputs}) {
    for (const mw::serving::TensorSpec& spec : *specs) {
      MW_ASSERT(!spec.name.empty() && spec.shape.size() <= mw::serving::kTensorDimensionsMax + 1);
    }
  }
  for (const std::int64_t version : mw::serving::ChooseVersions(config->versions, {1, 2, 3})) {
    MW_ASSERT(version >= 1 && version <= 3);
  }
  return 0;
}
