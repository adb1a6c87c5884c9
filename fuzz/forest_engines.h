// What the fuzz targets of model files share: a forest that was read from whatever bytes is asked on every engine,
// with rows taken from the same bytes, and the engines have to agree in every bit.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "forest/forest.h"

namespace mw::forest {

inline constexpr std::size_t kFuzzRows = 70;
inline constexpr std::size_t kFuzzFeaturesMax = 512;

/// Rows of whatever floats the input's bytes spell, NaN and infinities included.
inline std::vector<float> RowsFrom(std::string_view bytes, std::size_t num_features) {
  std::vector<float> rows(kFuzzRows * num_features);
  for (std::size_t at = 0; at < rows.size() && bytes.size() >= sizeof(float); ++at) {
    std::memcpy(&rows[at], bytes.data() + at * 3 % (bytes.size() - sizeof(float) + 1), sizeof(float));
  }
  for (std::size_t at = 0; at < rows.size(); at += 2) {
    rows[at] = static_cast<float>(static_cast<unsigned char>(bytes[at % bytes.size()]) % 12) - 1.0F;
  }
  for (std::size_t at = 0; at < rows.size(); at += 7) rows[at] = std::nanf("");
  return rows;
}

/// NaN (from an overflowed sum) equals NaN whatever its sign.
inline bool SameNumber(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) || (a != a && b != b);
}

inline void ExpectEnginesAgree(const Result<Forest>& forest, std::string_view bytes) {
  if (!forest.ok() || forest->num_features() > kFuzzFeaturesMax) return;
  const std::vector<float> rows = RowsFrom(bytes, forest->num_features());
  std::vector<double> expected(kFuzzRows * forest->num_margins());
  forest->PredictMarginOn(Engine::kWalk, rows, kFuzzRows, expected);
  for (std::size_t engine = 1; engine < kEngines; ++engine) {
    if (!forest->Fits(static_cast<Engine>(engine))) continue;
    std::vector<double> found(expected.size());
    forest->PredictMarginOn(static_cast<Engine>(engine), rows, kFuzzRows, found);
    if (!std::equal(found.begin(), found.end(), expected.begin(), SameNumber)) std::abort();
  }
  std::vector<double> wide(kFuzzRows * forest->num_outputs());
  std::vector<float> narrow(wide.size());
  forest->Predict(rows, kFuzzRows, wide);
  forest->Predict(rows, kFuzzRows, narrow);
  for (std::size_t i = 0; i < wide.size(); ++i) {
    if (!SameNumber(narrow[i], static_cast<float>(wide[i]))) std::abort();
  }
}

}  // namespace mw::forest
