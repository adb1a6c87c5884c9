// package.json and warmup.json, which whoever registers a model brings: what is accepted keeps its limits and says the
// same when it is written and read again. The first byte says how many numbers each row's answer has; behind a
// zero byte, if there is one, stands the warmup.json.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "wire/package.h"
#include "wire/warm_up_file.h"

namespace {

using namespace mw::wire;

void ReadInfo(std::string_view text) {
  const auto info = ParsePackageInfo(text);
  if (!info.ok()) return;
  MW_ASSERT(info->features.size() <= kPackageFeaturesMax && info->classes.size() <= kPackageClassesMax);
  MW_ASSERT(info->files.size() <= kPackageFilesMax && info->num_outputs() <= kPackageOutputsMax);
  MW_ASSERT(IsPackagePath(info->model_file));
  for (const PackageFile& file : info->files) MW_ASSERT(IsPackagePath(file.path));
  const std::string written = PackageInfoText(*info);
  const auto again = ParsePackageInfo(written);
  MW_ASSERT(again.ok() && PackageInfoText(*again) == written);
}

void ReadWarmUp(std::string_view text, std::size_t outputs) {
  const auto warm_up = ParseWarmUp(text, outputs);
  if (!warm_up.ok()) return;
  MW_ASSERT(warm_up->rows.size() <= kWarmUpRowsMax && warm_up->requests.size() <= kWarmUpRowsMax);
  MW_ASSERT(warm_up->probabilities.size() == warm_up->rows.size() * outputs);
  MW_ASSERT(warm_up->values.empty() || warm_up->values.size() == warm_up->probabilities.size());
  const bool rows = warm_up->requests.empty();
  const std::string written = WarmUpText(*warm_up, rows);
  const auto again = ParseWarmUp(written, outputs);
  MW_ASSERT(again.ok() && WarmUpText(*again, rows) == written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t end = bytes.find('\0');
  ReadInfo(bytes.substr(0, end));
  if (end != std::string_view::npos) ReadWarmUp(bytes.substr(end + 1), 1 + data[0] % 4);
  return 0;
}
