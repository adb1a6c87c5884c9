// Baselines and windows as the detectors want them, from the sketches that the planes keep. Pure, any thread.
#pragma once

#include <string>

#include "base/result.h"
#include "monitoring/column.h"
#include "schema/schema.h"
#include "sketch/baseline.h"
#include "sketch/profile.h"

namespace mw::monitoring {

/// `schema` gives units and ranges; nullptr when there is none. Features are the columns before `prediction`.
/// Errors: kDataLoss for a baseline whose parts do not fit each other.
Result<BaselineView> ViewOf(const sketch::Baseline& baseline, const schema::Schema* schema);

/// One column of a window over the baseline's bins.
ColumnPeriod PeriodOf(const BaselineColumn& column, const sketch::ColumnProfile& profile);

/// Features by name; one that the window's profile lacks stays absent. `rows` and times are the caller's to fill in.
WindowView ViewOf(const BaselineView& baseline, const sketch::Profile& features,
                  const sketch::ColumnProfile& prediction);

}  // namespace mw::monitoring
