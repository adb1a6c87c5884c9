// Aligned columns of text for people: what programs print when a person reads along. Pure; any thread.
#pragma once

#include <string>
#include <vector>

namespace mw {

/// Rows of cells as lines, columns two spaces apart, no trailing spaces. The first row is the heading; the others
/// may be shorter, never longer. A column whose cells are numbers ("1,234", "-0.5", "12%"; "" and "-" for none) is
/// right-aligned with its heading, every other one left-aligned. A short row's last cell is free to run to the right.
std::string TextTable(const std::vector<std::vector<std::string>>& rows);

}  // namespace mw
