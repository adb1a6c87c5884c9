// Aligned columns of text for people. Pure; any thread.
#pragma once

#include <string>
#include <vector>

namespace mw::goals {

/// Rows of cells as lines, columns two spaces apart, the last column unpadded; no trailing spaces.
/// The first row is the heading. Rows may be shorter than the heading, never longer.
std::string AlignedTable(const std::vector<std::vector<std::string>>& rows);

}  // namespace mw::goals
