// What the data steps share: a session that sees the task's files and nothing else, and the readings of
// common options. One thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "data/dataset.h"
#include "data/duckdb_session.h"
#include "steps/task.h"

namespace mw::steps {

/// What a step's rows are called in its session.
inline constexpr std::string_view kRowsTable = "mw_rows";

/// Makes the directories of the dataset outputs named and opens a session over them, the task's inputs and
/// `files`. Memory: half the process's address space limit, else 1 GiB; what is more spills beside
/// the result.
Result<data::DuckdbSession> OpenSession(const StepTask& task, const std::vector<std::string>& dataset_outputs,
                                        const std::vector<std::string>& files = {});

/// A text option. Errors: kInvalidArgument when it is absent (without `otherwise`) or no text.
Result<std::string> TextOption(const StepTask& task, std::string_view key);
Result<std::string> TextOption(const StepTask& task, std::string_view key, std::string_view otherwise);

/// Digests of the inputs, by name: the sources of a dataset.
std::vector<std::string> InputDigests(const StepTask& task);

/// {"rows":..,"columns":..} and, for a part of a split, the part: what lineage keeps of a dataset.
Json DatasetMetadata(const data::Dataset& dataset);

}  // namespace mw::steps
