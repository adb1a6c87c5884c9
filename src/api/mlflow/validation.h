// MLflow's rules for names, lengths and batches, in its words. Lengths are counted in characters. Pure, any thread.
// Errors of all functions: kInvalidArgument.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace mw::api::mlflow {

inline constexpr std::size_t kKeyCharactersMax = 250;
inline constexpr std::size_t kParamCharactersMax = 6000;
inline constexpr std::size_t kTagCharactersMax = 8000;
inline constexpr std::size_t kExperimentTagCharactersMax = 20000;
inline constexpr std::size_t kExperimentNameCharactersMax = 500;
inline constexpr std::size_t kDatasetNameCharactersMax = 500, kDatasetDigestCharactersMax = 36;
inline constexpr std::size_t kArtifactLocationCharactersMax = 2048;
inline constexpr std::size_t kBatchMetricsMax = 1000, kBatchParamsMax = 100, kBatchTagsMax = 100, kBatchMax = 1000;

/// Of UTF-8.
std::size_t CountCharacters(std::string_view text);
/// The text's first characters.
std::string Truncated(std::string_view text, std::size_t characters_max);
/// `what`: "name", "tags[0].key".
Status CheckLength(std::string_view what, std::string_view text, std::size_t characters_max);
/// Of a metric, parameter or tag; `path`: "name", "params[0].key".
Status CheckName(std::string_view path, std::string_view name);
/// That a name which is taken for a path is that path: not "a//b", not "..".
Status CheckLeadsNowhereElse(std::string_view path, std::string_view name);
/// Whether it is of word characters and dashes.
bool IsAliasText(std::string_view text);
Status CheckRunId(std::string_view id);
/// Not blank.
Status CheckExperimentName(std::string_view name);
/// Not empty: a name that was given.
Status CheckLoggedModelName(std::string_view name);
Status CheckArtifactLocation(std::string_view location);
/// `entity`: "params".
Status CheckBatch(std::string_view entity, std::size_t count, std::size_t most);

/// Keys of the parameters of one batch.
Status CheckDoubles(const std::vector<std::pair<std::string, std::string>>& params);

/// As Python's posixpath.normpath gives it.
std::string NormalPath(std::string_view path);

}  // namespace mw::api::mlflow
