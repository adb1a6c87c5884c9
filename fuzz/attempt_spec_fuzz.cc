// The shim's reader of specs: whatever it accepts has a program, ends both lists with a null, and stays in its buffer.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/assert.h"
#include "exec/shim_spec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mw::exec::shim::Spec spec;
  spec.buffer.assign(reinterpret_cast<const char*>(data), reinterpret_cast<const char*>(data) + size);
  if (!mw::exec::shim::ParseSpec(spec)) return 0;
  MW_ASSERT(spec.argv.size() >= 2 && spec.argv.back() == nullptr && spec.envp.back() == nullptr);
  MW_ASSERT(spec.working_directory != nullptr && spec.memory_bytes >= 0 && spec.log_bytes >= 0);
  for (const char* argument : spec.argv) {
    if (argument != nullptr) MW_ASSERT(argument + std::strlen(argument) < spec.buffer.data() + spec.buffer.size());
  }
  return 0;
}
