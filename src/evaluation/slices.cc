// Slices and their blocks.
#include "evaluation/slices.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "base/text.h"
#include "evaluation/report.h"

namespace mw::evaluation {

Status CheckSlices(std::size_t rows, const std::vector<SliceColumn>& columns) {
  std::size_t total = 0;
  for (const SliceColumn& column : columns) {
    total += column.values.size();
    if (total > kSlicesMax) {
      return InvalidArgument("slicing by ", column.name, " makes ", total, " slices, more than ", kSlicesMax,
                             "; slice by a column with fewer values");
    }
    if (column.codes.size() != rows) {
      return InvalidArgument("slice column ", column.name, " has ", column.codes.size(), " rows, the data ", rows);
    }
    for (const std::uint32_t code : column.codes) {
      if (code >= column.values.size()) return InvalidArgument("slice column ", column.name, " has no value ", code);
    }
  }
  return Ok();
}

std::vector<std::uint32_t> ByName(const SliceColumn& column) {
  std::vector<std::uint32_t> order(column.values.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(),
            [&](std::uint32_t a, std::uint32_t b) { return column.values[a] < column.values[b]; });
  return order;
}

std::vector<std::size_t> RowsOf(const SliceColumn& column, std::uint32_t code) {
  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < column.codes.size(); ++row) {
    if (column.codes[row] == code) rows.push_back(row);
  }
  return rows;
}

std::vector<std::uint32_t> BlocksOfRows(std::span<const std::uint32_t> blocks, const std::vector<std::size_t>& rows) {
  std::vector<std::uint32_t> out;
  if (blocks.empty()) return out;
  std::map<std::uint32_t, std::uint32_t> numbers;
  for (const std::size_t row : rows) {
    out.push_back(numbers.try_emplace(blocks[row], static_cast<std::uint32_t>(numbers.size())).first->second);
  }
  return out;
}

Result<std::vector<std::uint32_t>> FillBlocks(const std::vector<std::uint32_t>& blocks, std::size_t rows,
                                              std::size_t& count) {
  count = rows;
  std::vector<std::uint32_t> filled = blocks;
  if (blocks.empty()) {
    filled.resize(rows);
    std::iota(filled.begin(), filled.end(), 0U);
    return filled;
  }
  if (blocks.size() != rows) return InvalidArgument("blocks: ", blocks.size(), " for ", rows, " rows");
  count = std::size_t{*std::max_element(blocks.begin(), blocks.end())} + 1;
  std::vector<bool> seen(std::min(count, rows + 1));
  for (const std::uint32_t block : blocks) {
    if (block < seen.size()) seen[block] = true;
  }
  if (count <= rows && std::find(seen.begin(), seen.end(), false) == seen.end()) return filled;
  return InvalidArgument("blocks are not numbered from 0 without gaps");
}

}  // namespace mw::evaluation
