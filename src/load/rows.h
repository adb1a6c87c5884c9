// Where the rows of a load come from: a file of recorded ones, what a model's training data looked like (the baseline
// in its package), or made up. One source gives rows one after the other, in the order of the model's columns.
//
// Owner: who prepares requests, before the load begins; one thread. Invariant: a row has one cell for each column.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "sketch/baseline.h"

namespace mw::load {

inline constexpr std::size_t kRowFileBytesMax = std::size_t{256} << 20;
inline constexpr std::size_t kRowFileRowsMax = 1'000'000;
inline constexpr std::size_t kInputColumnsMax = 16'384;

/// As a client would send it; std::monostate is a missing value.
using Cell = std::variant<std::monostate, double, bool, std::string>;
using Row = std::vector<Cell>;

/// A column as the server's metadata or the package's schema names it.
struct InputColumn {
  std::string name;
  std::string datatype = "FP32";        ///< of the Open Inference Protocol
  std::vector<std::string> vocabulary;  ///< of a category, where known: the position is its code in a matrix
};

class RowSource {
 public:
  virtual ~RowSource() = default;
  virtual void Next(Row& row) = 0;
  /// For people: "rows like the training data's (27,662 of them)".
  [[nodiscard]] virtual std::string About() const = 0;
};

/// Numbers around nought, and texts that the model has hardly seen.
std::unique_ptr<RowSource> MadeUpRows(std::vector<InputColumn> columns, std::uint64_t seed);

/// Each column as it was in the training data, independent of the others; columns that the baseline lacks are made up.
std::unique_ptr<RowSource> BaselineRows(std::vector<InputColumn> columns, const sketch::Baseline& baseline,
                                        std::uint64_t seed);

/// The file's rows in its order, from the start again at its end. `text` is CSV with a heading, or one JSON object on
/// each line; columns are found by name, those that the model lacks are passed over; empty cells are missing.
/// Errors: kInvalidArgument with the line, for a column that is absent or a value that is none of its column's type.
Result<std::unique_ptr<RowSource>> RecordedRows(const std::vector<InputColumn>& columns, std::string_view text,
                                                bool csv);

}  // namespace mw::load
