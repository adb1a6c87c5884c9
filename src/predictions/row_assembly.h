// Puts stored rows and their labels together into columns. Pure; one thread.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "predictions/joined_rows.h"
#include "predictions/prediction_store.h"

namespace mw::predictions {

using LabelsByArrival = std::unordered_map<std::int64_t, std::vector<store::SettledRow>>;

/// Appends the piece's rows but for repeated ones. Features that only some versions have are NaN in the others. Classes
/// are those that `rows` has: the piece's numbers lie among them.
void AppendRows(JoinedRows& rows, store::SampledPiece piece, const LabelsByArrival& labels, JoinedColumns columns);

}  // namespace mw::predictions
