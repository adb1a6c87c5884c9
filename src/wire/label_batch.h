// What really happened, as clients bring it: labels of earlier predictions, many at a time. A client that
// retries sends the same batch id, and the batch counts once. Pure values, any thread.
//
// The compact form (Content-Type kLabelBatchType) is for clients that send hundreds of thousands a second:
//   "MWL1" varint(count) count x { id kind u8, id (varint length, bytes), value f64, time signed varint }
//   "MWL2": the same, but a label whose id kind has bit 1 set has a class name (varint length, bytes) for its value
// with numbers as in sketch/bytes.h; the batch's id travels in the request's query. Labels without names are written
// as MWL1, which earlier readers know.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mw::wire {

inline constexpr std::string_view kLabelBatchType = "application/vnd.millwright.labels";
inline constexpr std::size_t kLabelsMax = 100'000;     ///< of one batch
inline constexpr std::size_t kLabelIdBytesMax = 1024;  ///< of a prediction's id or an entity's key
inline constexpr std::size_t kBatchIdBytesMax = 256;
/// A label whose sender did not say since when it is known.
inline constexpr std::int64_t kNoLabelTime = std::numeric_limits<std::int64_t>::min();

/// How a label names its prediction.
enum class LabelBy : std::uint8_t {
  kPrediction = 0,  ///< by the prediction's id, as the answer gave it
  kKey = 1,         ///< by the entity's key, as the request sent it
};

struct Label {
  LabelBy by = LabelBy::kPrediction;
  std::string id;
  double value = 0;                     ///< 0 or 1, the class's number, or the number that was predicted; finite
  std::int64_t time_us = kNoLabelTime;  ///< event time since when it is known
  std::string text{};                   ///< the class by its name, in place of `value`; empty: none
  bool operator==(const Label&) const = default;
};

struct LabelBatch {
  std::string endpoint;
  std::string batch_id;  ///< the client's: a batch that is sent again counts once
  std::vector<Label> labels;
};

/// Errors: kInvalidArgument: without an id, with one that is too long, a value that is not finite, a text that can be
/// no class's name.
Status CheckLabel(const Label& label);
std::string LabelBytes(const std::vector<Label>& labels);
/// Errors: kInvalidArgument naming the label (from 1) and its fault, or for bytes that are no labels.
Result<std::vector<Label>> ParseLabelBytes(std::string_view bytes);

}  // namespace mw::wire
