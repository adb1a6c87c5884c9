// Words of a command line that nobody knows, with the nearest that somebody does. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace CLI {
class App;
}

namespace mw::app::cli {

/// After a parse that found words too many: a sentence about the first option among them that its verb does not have.
/// Empty when there is none.
std::string UnknownOption(const CLI::App& root);

/// Errors: kNotFound, when `name` is none of `known`. `what`: "endpoint".
Status CheckKnown(std::string_view what, std::string_view name, const std::vector<std::string>& known);

}  // namespace mw::app::cli
