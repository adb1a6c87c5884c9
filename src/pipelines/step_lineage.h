// A finished step as lineage keeps it: an execution with what it read (inputs, files of the pipeline's folder), what
// it made, its code, its options and the machine; in the contexts of its run and its pipeline.
#pragma once

#include <vector>

#include "lineage/lineage.h"
#include "pipelines/step_recorder.h"

namespace mw::pipelines {

/// Runs inside a closure of db.Write. Returns the outputs with the ids that lineage gave them; idempotent by the
/// execution's id. `environment`: machine and versions. Errors: lineage's.
Result<std::vector<NamedArtifact>> RecordLineage(db::Transaction& transaction, const lineage::Lineage& lineage,
                                                 const FinishedStep& finished, const Json& environment);

}  // namespace mw::pipelines
