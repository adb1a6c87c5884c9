// ONNX files from outside: whatever the bytes, the parser refuses them or makes a forest whose engines agree.
#include "forest/forest.h"
#include "forest_engines.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  mw::forest::ExpectEnginesAgree(mw::forest::Forest::Load(bytes, mw::forest::Format::kOnnx), bytes);
  return 0;
}
