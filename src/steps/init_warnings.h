// `init` warns: what a person should look at before trusting what the program made of a table, though nothing was
// decided otherwise because of it. Every sentence goes into the plan's findings. Pure; one thread.
#pragma once

#include "steps/init_plan.h"
#include "steps/table_survey.h"

namespace mw::steps {

/// Strength from which a single column tells so much of the label that a person should ask when it is known.
inline constexpr double kLeakLikely = 0.95;

/// Of a column that became a feature; `signal` is null when it was not measured.
void NoteFeature(const ColumnSurvey& column, const Signal* signal, InitPlan& plan);
/// How a column's values were read: what was taken for missing, what fits two readings.
void NoteReading(const PlannedColumn& planned, InitPlan& plan);
/// Whether the file is sorted by the label; `order` is the signal of the row's number, null when not measured.
void NoteOrder(const Signal* order, InitPlan& plan);
/// Once the split's facts are known: of rows and labels, with the slices and the gate's minimum that they allow.
/// Sorts the findings, warnings first.
void NoteRowsAndLabels(InitPlan& plan);

}  // namespace mw::steps
