// Tasks of steps: what is accepted names a step and a result, and its options are an object.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "steps/task.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto task = mw::steps::ParseTask({reinterpret_cast<const char*>(data), size});
  if (!task.ok()) return 0;
  MW_ASSERT(task->with.IsObject());
  static_cast<void>(task->Input("rows"));
  static_cast<void>(task->Output("rows"));
  static_cast<void>(task->CheckOptions({"file", "label"}));
  return 0;
}
