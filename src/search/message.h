// Pieces of error messages: parts of a filter, shortened, and texts as Python writes them, which is how MLflow's
// messages quote. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mw::search {

inline constexpr std::size_t kMaxQuotedBytes = 500;

/// The text, or its beginning and "..."; never half a character.
std::string Clipped(std::string_view text);
/// 'it', "it's": as Python's repr writes a text; clipped.
std::string PythonText(std::string_view text);

}  // namespace mw::search
