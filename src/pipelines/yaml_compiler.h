// Native pipeline files (docs/guide/files.md) -> Graph, or every mistake of the file at once, each with file,
// line, value and remedy. Pure: reads no file but the text it is given.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "pipelines/graph.h"

namespace mw::pipelines {

/// `--set name=value`, in the order given; a later one wins.
using Overrides = std::vector<std::pair<std::string, std::string>>;

/// Largest graph: more steps are refused, with the remedy to loop inside a step or to split the pipeline.
inline constexpr std::size_t kMaxSteps = 20000;

/// `file_name` is only for messages. Errors: kInvalidArgument, one mistake per line.
Result<Graph> CompileYaml(std::string_view text, std::string_view file_name, const Overrides& overrides = {});

}  // namespace mw::pipelines
