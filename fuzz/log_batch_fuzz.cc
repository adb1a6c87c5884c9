// Bodies of log-batch: whatever comes, nothing is read that the limits would refuse.
#include <cstdint>
#include <string>

#include "api/mlflow/batch_reader.h"
#include "api/mlflow/validation.h"
#include "base/assert.h"
#include "base/json.h"
#include "base/text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  std::string body = bytes;
  const auto batch = mw::api::mlflow::ReadPlainBatch(body);
  MW_ASSERT(body == bytes);
  if (!batch) return 0;
  // What is read on demand is JSON for the reader of whole texts too.
  const auto json = mw::Json::Parse(bytes);
  MW_ASSERT(json.ok() && json->StringOr("run_id", "") == batch->run.text());
  MW_ASSERT(batch->metrics.size() + batch->params.size() + batch->tags.size() <= mw::api::mlflow::kBatchMax);
  for (const auto& metric : batch->metrics) MW_ASSERT(mw::api::mlflow::CheckName("key", metric.key).ok());
  return 0;
}
