// Reads the batches that clients send all day, a thousand points at a time, straight from their JSON.
// Pure, any thread.
#pragma once

#include <optional>
#include <string>

#include "tracking/run.h"

namespace mw::api::mlflow {

/// Nothing for a body that is in any way unusual or wrong: it is then to be read as every other, which says what is
/// wrong with it. What is read here is what would be read there. `body` keeps its text; its capacity may grow.
std::optional<tracking::LogBatch> ReadPlainBatch(std::string& body);

}  // namespace mw::api::mlflow
