// Aligned columns of text for people. Pure; any thread.
#pragma once

#include <string>
#include <vector>

namespace mw::goals {

/// Rows of cells as lines, columns two spaces apart, no trailing spaces. The first row is the heading.
/// A row may be shorter than the heading, never longer; its last cell is free to run to the right.
std::string AlignedTable(const std::vector<std::vector<std::string>>& rows);

}  // namespace mw::goals
