// Reads an ONNX graph that is one tree ensemble (TreeEnsembleRegressor, TreeEnsembleClassifier, TreeEnsemble) with what
// converters put around it (Identity, Cast, ZipMap, Normalizer by L1) into an Ensemble that computes what ONNX Runtime
// computes. Pure, any thread.
//
// A leaf that votes for several classes becomes a tree for each of them; sums stay in the order of the trees.
#pragma once

#include <string_view>

#include "base/result.h"
#include "forest/ensemble.h"

namespace mw::forest {

/// Errors: as Forest::Load; kUnimplemented names the node that is more than a tree ensemble.
Result<Ensemble> ParseOnnxModel(std::string_view bytes);

}  // namespace mw::forest
