// stub
#pragma once
#include <string_view>
#include "base/result.h"
#include "forest/ensemble.h"
namespace mw::forest {
inline Result<Ensemble> ParseOnnxModel(std::string_view) { return Unimplemented("not yet"); }
}  // namespace mw::forest
