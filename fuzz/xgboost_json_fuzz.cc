// Model files from outside: whatever the bytes, the parser refuses them or makes a forest whose engines
// agree in every bit on rows taken from the same bytes.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "forest/forest.h"

namespace {

constexpr std::size_t kRows = 40;
constexpr std::size_t kFeaturesMax = 512;

/// Rows of whatever floats the input's bytes spell, NaN and infinities included.
std::vector<float> RowsFrom(const std::uint8_t* data, std::size_t size, std::size_t num_features) {
  std::vector<float> rows(kRows * num_features);
  for (std::size_t at = 0; at < rows.size() && size >= sizeof(float); ++at) {
    std::memcpy(&rows[at], data + at * 3 % (size - sizeof(float) + 1), sizeof(float));
  }
  for (std::size_t at = 0; at < rows.size(); at += 2) rows[at] = static_cast<float>(data[at % size] % 12) - 1.0F;
  for (std::size_t at = 0; at < rows.size(); at += 7) rows[at] = std::nanf("");
  return rows;
}

/// NaN (from an overflowed sum) equals NaN whatever its sign.
bool Same(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) || (a != a && b != b);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using mw::forest::Engine;
  const auto forest = mw::forest::Forest::FromXgboostJson({reinterpret_cast<const char*>(data), size});
  if (!forest.ok() || forest->num_features() > kFeaturesMax) return 0;
  const std::vector<float> rows = RowsFrom(data, size, forest->num_features());
  std::vector<float> expected(kRows * forest->num_outputs());
  forest->PredictMarginOn(Engine::kWalk, rows, kRows, expected);
  for (const Engine engine : {Engine::kInterleaved, Engine::kBinned}) {
    if (!forest->Fits(engine)) continue;
    std::vector<float> found(expected.size());
    forest->PredictMarginOn(engine, rows, kRows, found);
    if (!std::equal(found.begin(), found.end(), expected.begin(), Same)) std::abort();
  }
  return 0;
}
