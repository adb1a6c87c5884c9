// dataset.json: what is accepted gives a schema to look columns up in.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "data/dataset.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto dataset = mw::data::ParseDataset({reinterpret_cast<const char*>(data), size});
  if (dataset.ok()) static_cast<void>(dataset->AsSchema("rows").Find("temp"));
  return 0;
}
