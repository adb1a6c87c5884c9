// ONNX files from outside: the scan refuses them or names only plain files, says the same of the same bytes, and never
// finds fewer tensors when the model is wrapped in a training graph.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include "serving/backend/onnx_scan.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto scan = mw::serving::ScanOnnx(bytes);
  if (!scan.ok()) return 0;
  for (const std::string& name : scan->external) {
    const bool plain =
        !name.empty() && name[0] != '.' && name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos;
    if (!plain) std::abort();
  }
  const auto twice = mw::serving::ScanOnnx(std::string(bytes) + std::string(bytes));  // protobuf merges the two
  if (twice.ok() && twice->external != scan->external) std::abort();
  return 0;
}
