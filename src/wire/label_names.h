// Labels that name their class in words, and the model that they judge: what a word means is said by its package.
// Pure, any thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "wire/label_batch.h"
#include "wire/package.h"

namespace mw::wire {

/// By what names labels of the model can say their class: those of several classes, or of two when they have any.
const std::vector<std::string>& LabelNames(const PackageInfo& info);

/// The place of a name among several. Numbers are compared as such, so that "5.0" finds "5". -1: it is none of them.
int PlaceOfName(const std::vector<std::string>& names, std::string_view text);

/// Turns the words of labels into numbers, where the model has one output: of two classes into 0 and 1, by
/// `label_values` or else as true, false, 1 and 0; of a regression into the number that stands there. Those of several
/// classes stay: their numbers are the endpoint's. Errors: kInvalidArgument naming the label (from 1), what it says and
/// what it could say.
Status NumberLabels(const PackageInfo& info, std::vector<Label>& labels);

}  // namespace mw::wire
