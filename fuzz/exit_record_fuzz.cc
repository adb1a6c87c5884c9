// The record of how an attempt ended: any bytes are a record or an error.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "exec/attempt_directory.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static_cast<void>(mw::exec::ParseExitRecord(std::string_view(reinterpret_cast<const char*>(data), size)));
  return 0;
}
