// What a model file may hold, whatever its format: a file that says more is refused before memory is asked for it.
#pragma once

#include <cstddef>

namespace mw::forest {

inline constexpr std::size_t kModelBytesMax = std::size_t{1} << 30;
inline constexpr std::size_t kFeaturesMax = 65'536;
inline constexpr std::size_t kOutputsMax = 1'000;  ///< classes, or targets
inline constexpr std::size_t kTreesMax = 100'000;
inline constexpr std::size_t kNodesMax = std::size_t{1} << 24;  ///< of all trees together
inline constexpr std::size_t kDepthMax = 1'024;
/// Numbers of all category sets together, in the file.
inline constexpr std::size_t kCategoriesMax = std::size_t{1} << 24;

}  // namespace mw::forest
