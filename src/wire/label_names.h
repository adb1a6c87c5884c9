// Labels that name their class in words, and the model that they judge: what a word means is said by its package.
// Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/label_batch.h"
#include "wire/package.h"

namespace mw::wire {

/// By what names labels of the model can say their class: those of several classes, or of two when they have any.
const std::vector<std::string>& LabelNames(const PackageInfo& info);

/// The place of a name among several. Numbers are compared as such, so that "5.0" finds "5". -1: it is none of them.
int PlaceOfName(const std::vector<std::string>& names, std::string_view text);

/// yes and no, y and n, true and false, t and f, 1 and 0, in any case; nothing for another text.
std::optional<bool> TruthOf(std::string_view text);

/// Turns the words of labels into numbers, where the model has one output: of two classes into 0 and 1, by
/// `label_values` or else by TruthOf, which says those that are true and false, too; of a regression into the number
/// that stands there. Those of several classes stay: their numbers are the endpoint's. Errors: kInvalidArgument naming
/// the label (from 1), what it says and what it could say.
Status NumberLabels(const PackageInfo& info, std::vector<Label>& labels);

/// Labels that are numbers, after NumberLabels: of two classes 0 and 1, of several the places in `classes`, which is
/// the endpoint's list; of a regression any. Errors: kInvalidArgument naming the label (from 1), its number and those
/// there are.
Status CheckNumbers(const PackageInfo& info, const std::vector<std::string>& classes, const std::vector<Label>& labels);

/// That labels of some predictions find none, where the record keeps `kept` of `rows`; empty where it keeps all.
std::string KeptSentence(std::int64_t rows, std::int64_t kept);

}  // namespace mw::wire
