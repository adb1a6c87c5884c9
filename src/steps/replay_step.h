// mw-step replay: sends a dataset's rows to a model server as live requests, in event-time order, each row
// its own request, pipelined over a few connections, and says how it went.
//
// A second thread reads and encodes rows ahead of the sending one, a few thousand at most, so that
// memory stays bounded whatever the dataset's size. Latencies are wall time as the client sees them. A third brings
// the rows' labels to the control plane once they are known in event time (label_feed.h).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace mw::steps {

/// `mw-step replay DATASET --url URL [--model NAME] [--from TIME] [--to TIME] [--limit N] [--rate R]
/// [--connections N] [--in-flight N] [--labels-to URL] [--no-labels] [--fault FAULT]... [--predictions FILE.parquet]
/// [--json]`. --labels-to: the control plane, with MILLWRIGHT_TOKEN when it wants one. Faults: replay_fault.h.
/// Prints a summary. Errors: kInvalidArgument for arguments or rows that do not fit the model; kUnavailable when no
/// server answers, or labels could not be sent; kFailedPrecondition when a request failed, with the first refusal.
Status Replay(const std::vector<std::string>& arguments);

}  // namespace mw::steps
