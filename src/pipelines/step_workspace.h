// The files of one attempt, before and after its program runs: inputs laid out, TASK.json written; then result.json
// read and outputs kept in the blob store. Blocks on files and hashes: called on workers, never on the control loop.
// Every function may be repeated after a crash.
#pragma once

#include <vector>

#include "base/result.h"
#include "blob/blob_store.h"
#include "pipelines/step_protocol.h"

namespace mw::pipelines {

/// Errors: kDataLoss when an input is no longer in the store; kResourceExhausted disk full.
Status PrepareWorkspace(blob::BlobStore& blobs, const TaskContext& context);

struct Collected {
  StepResult result;
  std::vector<NamedArtifact> outputs;  ///< durable in the blob store
};
/// Errors: kInvalidArgument when the program did not keep its side (an output missing or of the wrong kind, a
/// result that breaks its limits): trying again cannot cure it. Others: the machine's, safe to repeat.
Result<Collected> CollectOutputs(blob::BlobStore& blobs, const Step& step, const AttemptPaths& paths);

/// Removes what the blob store now holds; the log, TASK.json and result.json stay. What cannot be removed stays too.
void TidyWorkspace(const AttemptPaths& paths);

/// Whether every byte of the artifact is in the store.
Result<bool> ArtifactExists(blob::BlobStore& blobs, const Artifact& artifact);

}  // namespace mw::pipelines
