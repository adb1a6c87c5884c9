// Text for people: aligned columns, and what others wrote as a terminal may show it. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mw {

/// Rows of cells as lines, columns two spaces apart, no trailing spaces. The first row is the heading; the others
/// may be shorter, never longer. A column whose cells are numbers ("1,234", "-0.5", "12%"; "" and "-" for none) is
/// right-aligned with its heading, every other one left-aligned. A short row's last cell is free to run to the right,
/// and one of more than 60 characters does not make its column wider: it moves the rest of its row alone. Line breaks
/// in cells are shown as "\n".
std::string TextTable(const std::vector<std::vector<std::string>>& rows);

/// With what a terminal would obey as "\u001b": control characters but line breaks and tabs, and those that turn the
/// direction of writing. In a JSON text the same value.
std::string Printable(std::string_view text);

}  // namespace mw
