// The cache key of a step: everything that decides what it would make, part by part, and the digest of all of
// them. Two steps with equal keys make the same outputs, so the second need not run. The parts are kept with each
// entry, so that a miss can be explained: which part differs from the nearest earlier success. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "pipelines/graph.h"

namespace mw::pipelines {

struct KeyPart {
  std::string name;   ///< "uses", "max_depth", "file features.sql", "input rows", ...
  std::string value;  ///< JSON of an option, a digest
  bool operator==(const KeyPart&) const = default;
};

struct CacheKey {
  std::string digest;  ///< SHA-256 in hexadecimal
  std::vector<KeyPart> parts;
};

/// What the key needs that the graph does not hold.
struct KeyMaterial {
  std::vector<std::pair<std::string, std::string>> files;   ///< path as in the step, digest or "absent"
  std::string goal_file;                                    ///< digest; empty: none, or the step does not read it
  std::vector<std::pair<std::string, std::string>> inputs;  ///< input name, digest of its artifact
  std::string program;  ///< version and build of the built-in steps; unused for a program of the user's own
};

CacheKey KeyOf(const Step& step, const KeyMaterial& material);

Json PartsToJson(const std::vector<KeyPart>& parts);
/// Errors: kDataLoss.
Result<std::vector<KeyPart>> PartsFromJson(const Json& json);

/// How many parts differ: what makes an earlier entry the nearest.
std::size_t Distance(const std::vector<KeyPart>& a, const std::vector<KeyPart>& b);

/// "max_depth was 6, is 8; input rows changed". `earlier` are the parts of the nearest earlier success.
std::string ExplainMiss(const std::vector<KeyPart>& earlier, const std::vector<KeyPart>& now);

/// Keys of objects in byte order at every depth, so that the order in which a file was written decides nothing.
Json Canonical(const Json& json);

}  // namespace mw::pipelines
