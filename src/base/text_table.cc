// Aligned columns.
#include "base/text_table.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/assert.h"
#include "base/text.h"

namespace mw {
namespace {

constexpr std::size_t kWidthMax = 60;

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
      if (const std::size_t width = Width(row[i]); width <= kWidthMax) {
        columns[i].width = std::max(columns[i].width, width);
      }
      if (&row == &rows.front()) continue;
      columns[i].numbers |= IsNumber(row[i]);
      columns[i].words |= !IsNumber(row[i]) && !IsNone(row[i]);
    }
  }
  return columns;
}

/// The code point that begins there, of one or of the two and three bytes that matter here, and how many those are.
std::pair<unsigned, std::size_t> CodePointAt(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const unsigned first = byte(at);
  if (first == 0xC2 && (byte(at + 1) & 0xC0) == 0x80) return {byte(at + 1), 2};
  if (first == 0xE2 && (byte(at + 1) & 0xC0) == 0x80 && (byte(at + 2) & 0xC0) == 0x80) {
    return {0x2000 + ((byte(at + 1) & 0x3F) << 6) + (byte(at + 2) & 0x3F), 3};
  }
  return {first < 0x80 ? first : 0xFFFD, 1};
}

bool IsObeyed(unsigned point) {
  if (point < 0x20) return point != '\n' && point != '\t';
  const bool is_control = point >= 0x7F && point <= 0x9F;
  const bool turns = (point >= 0x202A && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069) ||
                     (point >= 0x200E && point <= 0x200F);
  return is_control || turns;
}

std::string OneLine(std::string cell) {
  for (std::size_t at = cell.find('\n'); at != std::string::npos; at = cell.find('\n', at)) cell.replace(at, 1, "\\n");
  return cell;
}

}  // namespace

std::string Printable(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto [point, bytes] = CodePointAt(text, at);
    if (IsObeyed(point)) {
      CatTo(out, "\\u", Hex(std::string{static_cast<char>(point >> 8), static_cast<char>(point & 0xFF)}));
    } else {
      out.append(text.substr(at, bytes));
    }
    at += bytes;
  }
  return out;
}

std::string TextTable(const std::vector<std::vector<std::string>>& given) {
  if (given.empty()) return {};
  std::vector<std::vector<std::string>> rows = given;
  for (auto& row : rows) {
    for (std::string& cell : row) cell = OneLine(std::move(cell));
  }
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
