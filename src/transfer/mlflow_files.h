// How MLflow's file store writes: a meta.yaml in each folder, a file for each text, lines of points. Links are not
// followed. Pure but for reading; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "tracking/points.h"

namespace mw::transfer {

/// Names of folders in a folder, sorted; none when there is no such folder.
std::vector<std::string> FoldersIn(const std::string& folder);
/// Paths of files below a folder, sorted: a metric "val/loss" lies in val/.
std::vector<std::string> FilesBelow(const std::string& folder);
/// Errors: the file's; kInvalidArgument.
Result<Json> ReadMeta(const std::string& folder);

/// The member as text, also where YAML reads it as a number; empty when there is none.
std::string TextOf(const Json& meta, std::string_view key);
/// Sets the member, as it is or as text, when there is one.
void Copy(const Json& meta, std::string_view from, Json& to, std::string_view key);
void CopyText(const Json& meta, std::string_view from, Json& to, std::string_view key);

/// [{"key", "value"}] of the files below a folder.
Result<Json> ReadTexts(const std::string& folder);
/// The same of a map in a meta.yaml.
Json PairsOf(const Json* map);
/// [{"key", "bytes"}] of the files below a folder: what a fingerprint needs of metrics.
Json MetricFiles(const std::string& folder);

/// "TIME VALUE [STEP ...]". Errors: kInvalidArgument.
Result<tracking::Point> ParsePointLine(std::string_view line);

}  // namespace mw::transfer
