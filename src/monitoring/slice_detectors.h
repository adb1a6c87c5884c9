// Decide: what slices of a window (the rows with one value in a column) show against the same slices of the baseline.
// A slice is looked at like a window of its own; what differs is what becomes of its findings:
//
//   the whole window says the same of the same column --in one slice alone?--> the whole's finding names that slice
//                                                      '-otherwise------------> nothing is added
//   the whole window does not                          ---------------------> a finding of the slice, its impact scaled
//                                                                             by its share of the rows; one for each
//                                                                             kind and column, the others named in it
// A slice with fewer rows than a window must have says nothing. Many slices are many comparisons, so a slice's floor is
// the farthest of all healthy stretches. Pure, any thread.
#pragma once

#include <memory>
#include <vector>

#include "monitoring/detectors.h"

namespace mw::monitoring {

/// What one slice is held against.
struct SliceReference {
  Slice slice;
  std::size_t feature = 0;                     ///< its column, by position in the model
  float value = 0;                             ///< as the model sees it
  std::shared_ptr<const Detectors> detectors;  ///< of the slice's rows in the baseline
};

/// One slice's rows of the window.
struct SliceWindow {
  const SliceReference* reference = nullptr;
  WindowView view;
};

/// Adds to `evaluation`, which Detectors::Detect made of the whole window, what the slices show. `rows`: of which the
/// slices are parts (the sampled ones). `previous`: as for Detect.
void DetectSlices(const std::vector<SliceWindow>& slices, double rows, const Evaluation* previous,
                  Evaluation& evaluation);

}  // namespace mw::monitoring
