// Aligned columns.
#include "base/text_table.h"

#include <algorithm>
#include <string_view>

#include "base/assert.h"

namespace mw {
namespace {

struct Column {
  std::size_t width = 0;
  bool numbers = false;  ///< has some
  bool words = false;    ///< has some, not counting the heading
};

// Columns on the screen: bytes of UTF-8 that begin a character.
std::size_t Width(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

bool IsNone(std::string_view cell) { return cell.empty() || cell == "-"; }

bool IsNumber(std::string_view cell) {
  return cell.find_first_of("0123456789") != std::string_view::npos &&
         cell.find_first_not_of("0123456789.,-+%") == std::string_view::npos;
}

std::vector<Column> Measure(const std::vector<std::vector<std::string>>& rows) {
  std::vector<Column> columns(rows.front().size());
  for (const auto& row : rows) {
    MW_ASSERT(row.size() <= columns.size());
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool free = i + 1 == row.size() && i + 1 < columns.size();
      if (free) continue;
      columns[i].width = std::max(columns[i].width, Width(row[i]));
      if (&row == &rows.front()) continue;
      columns[i].numbers |= IsNumber(row[i]);
      columns[i].words |= !IsNumber(row[i]) && !IsNone(row[i]);
    }
  }
  return columns;
}

}  // namespace

std::string TextTable(const std::vector<std::vector<std::string>>& rows) {
  if (rows.empty()) return {};
  const std::vector<Column> columns = Measure(rows);
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(columns[i].width - std::min(columns[i].width, Width(row[i])), ' ');
      const bool right = columns[i].numbers && !columns[i].words;
      line += (right ? padding + row[i] : row[i] + padding) + "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace mw
