// Rows by the values of a column: what every kind of report slices by. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace mw::evaluation {

/// A column to slice by; one code per row into `values`.
struct SliceColumn {
  std::string name;
  std::vector<std::uint32_t> codes;
  std::vector<std::string> values;
};

/// Errors: kInvalidArgument for a column of another length than `rows`, a code without a value, or so many
/// values that there would be more than kSlicesMax slices.
Status CheckSlices(std::size_t rows, const std::vector<SliceColumn>& columns);
/// The codes in the order in which people look their values up.
std::vector<std::uint32_t> ByName(const SliceColumn& column);
/// The rows that have the value.
std::vector<std::size_t> RowsOf(const SliceColumn& column, std::uint32_t code);

/// The blocks of `rows` alone, numbered anew without gaps. No blocks: none again.
std::vector<std::uint32_t> BlocksOfRows(std::span<const std::uint32_t> blocks, const std::vector<std::size_t>& rows);
/// Blocks as they are, or, for none, each row a block of its own. `count` is set to their number.
/// Errors: kInvalidArgument for numbers with gaps or another length than `rows`.
Result<std::vector<std::uint32_t>> FillBlocks(const std::vector<std::uint32_t>& blocks, std::size_t rows,
                                              std::size_t& count);

}  // namespace mw::evaluation
