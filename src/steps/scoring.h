// A model package ready to score a dataset: its schema's encoder and the forest that also serves it. A
// package whose forest does not repeat the training library's own answers bit by bit is refused.
// One thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "forest/forest.h"
#include "schema/encoder.h"
#include "steps/encoded_rows.h"
#include "wire/package.h"

namespace mw::steps {

struct LoadedModel {
  wire::Package package;
  schema::Encoder encoder;
  forest::Forest forest;
  goals::Problem problem = goals::Problem::kBinaryClassification;

  /// How to load rows for it: as it encodes, and with its classes.
  [[nodiscard]] RowsWanted Wants(const std::string& label, const std::vector<std::string>& texts) const {
    return {&encoder, label, texts, problem, package.info.classes};
  }
};

/// Errors: those of wire::ReadPackage and Forest; kDataLoss when a warm-up row's answer differs.
Result<LoadedModel> LoadModel(const std::string& directory);

/// Probabilities (of several classes one for each; of a regression its numbers) in the order of the rows. The rows were
/// encoded by the model's own encoder.
std::vector<double> Score(const LoadedModel& model, const EncodedRows& rows);

/// Numbers the blocks of rows that are not independent: those of one hour of event time that agree in
/// `columns` (names among rows.texts). Without event time and columns: empty, each row for itself.
std::vector<std::uint32_t> BlocksOf(const EncodedRows& rows, const std::vector<std::string>& columns);
/// "hour of predicted_at x origin", "row".
std::string DescribeBlocks(const std::string& event_time, const std::vector<std::string>& columns);

}  // namespace mw::steps
