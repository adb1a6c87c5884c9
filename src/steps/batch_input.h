// The files of a batch prediction: which they are, and the query that reads one of them for a model. One thread.
//
// A CSV file is read as texts in one pass; the model's schema says what they mean. A Parquet file's own types are taken
// as they are, a text for a number is read as in a CSV file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "data/duckdb_session.h"
#include "schema/schema.h"

namespace mw::steps {

struct InputFile {
  std::string path;  ///< absolute
  std::int64_t bytes = 0;
  std::int64_t modified_us = 0;
  bool operator==(const InputFile&) const = default;

  [[nodiscard]] bool is_csv() const { return path.ends_with(".csv"); }
};

/// A file; a dataset's directory; all .parquet or all .csv files of a directory; what a pattern ("2024-*.csv") names.
/// Sorted by path. Errors: kNotFound; kInvalidArgument for files of two kinds.
Result<std::vector<InputFile>> FindInputs(const std::string& input);
/// The file as it is now. Errors: from errno.
Result<InputFile> DescribeFile(const std::string& path);
/// Of Parquet files exact, of CSV files by their sizes and the lines at the beginning of the first.
Result<std::int64_t> CountRows(data::DuckdbSession& session, const std::vector<InputFile>& files);

/// Which columns go into the output besides the answers.
struct Keep {
  enum class What : std::uint8_t { kKey, kAll, kNamed };
  What what = What::kKey;
  std::vector<std::string> names;

  /// "key" (the schema's key and event time, as far as the file has them), "all", or names with commas between.
  static Keep Parse(std::string_view text);
};

struct InputWants {
  std::vector<schema::Column> features;  ///< what the model takes: names and types
  const schema::Schema* schema = nullptr;
  Keep keep;
  bool times_and_keys = false;  ///< for recording
};

/// How one file is read. The query's columns: those that are kept, one for each feature, then, where wanted and there,
/// event time, event time as a text, key.
struct InputQuery {
  std::string sql;
  std::vector<std::string> kept;  ///< "name TYPE": two files must agree
  int time = -1;                  ///< place among the values behind the kept columns; -1: there is none
  int time_text = -1;             ///< where times are texts: to tell a wrong one from none
  int key = -1;
};

/// `first_row`: rows that are left out at the beginning. Errors: kInvalidArgument naming the file and the column that
/// it lacks or whose type does not fit.
Result<InputQuery> PlanInput(data::DuckdbSession& session, const InputFile& file, const InputWants& wants,
                             std::int64_t first_row);

}  // namespace mw::steps
