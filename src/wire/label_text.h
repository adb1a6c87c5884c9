// Labels as people and their programs write them: JSON objects, alone or one on each line.
//   {"prediction_id": "AA1-2013-05-01-JFK", "label": 1, "time": "2013-05-01T10:15:00Z"}
// "key" names an entity instead of a prediction; "label" is a number, true or false, or a class by its name as a
// text; "time" may be left out. Pure.
#pragma once

#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "wire/label_batch.h"

namespace mw::wire {

/// Errors: kInvalidArgument names the key and what was found.
Result<Label> LabelFromJson(const Json& json);
/// An array of labels. Errors: kInvalidArgument naming the label (from 1).
Result<std::vector<Label>> LabelsFromJson(const Json& json);
/// One JSON object on each line; empty lines are passed over. Errors: kInvalidArgument naming the line.
Result<std::vector<Label>> LabelsFromLines(std::string_view text);

}  // namespace mw::wire
