// What a person's table holds, column by column, before anybody has said so: for each the SQL that reads it
// as what it is (numbers with a decimal comma, dates as texts, marks of missing values), counts, ranges,
// and how well it tells the label by itself. Reads through DuckDB only; one thread.
//
// Invariant: the readings are SQL over the table as the pipeline's import will make it, so what was counted
// here is what the pipeline will see.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "data/duckdb_session.h"
#include "data/profile.h"
#include "goals/metric.h"

namespace mw::steps {

struct ColumnSurvey {
  std::string name;
  schema::ColumnType file_type = schema::ColumnType::kText;  ///< as the file's reader sees it
  schema::ColumnType type = schema::ColumnType::kText;       ///< as `reading` makes it; kCategory for texts that repeat
  std::string reading;                                       ///< SQL over the file's columns
  std::string remark;                                        ///< what `reading` does; empty: nothing
  std::int64_t rows = 0, missing = 0, distinct = 0;          ///< after reading
  std::int64_t marks = 0;                                    ///< texts that stand for a missing value: NA, ?, null
  std::int64_t unreadable = 0;                               ///< values that `reading` makes missing, without marks
  std::vector<std::string> unreadable_examples;
  std::int64_t beyond = 0;      ///< numbers that no float32 holds; `reading` makes them missing
  bool ambiguous_date = false;  ///< day and month could be the other way round
  std::optional<data::Moments> moments;
  std::optional<std::pair<std::string, std::string>> period;  ///< first and last time
  std::vector<std::pair<std::string, std::int64_t>> values;   ///< most frequent first; all of them up to kValuesMax

  [[nodiscard]] std::int64_t present() const { return rows - missing; }
  [[nodiscard]] double missing_share() const {
    return rows == 0 ? 0 : static_cast<double>(missing) / static_cast<double>(rows);
  }
  [[nodiscard]] bool is_number() const {
    return type == schema::ColumnType::kFloat || type == schema::ColumnType::kInteger;
  }
};

inline constexpr std::size_t kValuesMax = 200;

struct TableSurvey {
  std::int64_t rows = 0;
  std::int64_t duplicates = 0;  ///< rows beyond the first of their kind
  std::vector<ColumnSurvey> columns;

  [[nodiscard]] const ColumnSurvey* Find(std::string_view name) const;
};

/// What stands for a missing value in a column of texts, in small letters and without blanks: as an SQL list.
inline constexpr std::string_view kMissingMarks =
    "'', 'na', 'n/a', '#n/a', 'nan', 'null', 'none', '?', '-', '.', 'missing'";

/// The name under which the file is bound, and as which the pipeline's query will see it.
inline constexpr std::string_view kFileTable = "data";
/// The table of the columns as read, made by SurveyTable; same names.
inline constexpr std::string_view kReadTable = "mw_read";

/// `separator`: of a CSV file, else ','. Errors: kInvalidArgument for a table without rows or with names that differ
/// in no more than case; those of the session.
Result<TableSurvey> SurveyTable(data::DuckdbSession& session, char separator);

/// How well one column by itself predicts the label, on rows it was not learned from: for two classes the area
/// under the ROC curve, for several the share of rows named right, for numbers r2.
struct Signal {
  std::string column;
  double score = 0;
  /// 0: no better than a constant, 1: exactly.
  double strength = 0;
};

struct SignalRequest {
  std::vector<std::string> columns;
  std::string label_sql;  ///< over kReadTable: a number; for classes their code
  goals::Problem problem = goals::Problem::kBinaryClassification;
  std::size_t classes = 2;
};

/// In the order of the columns; last, with an empty name, the number of the row in the file.
Result<std::vector<Signal>> MeasureSignals(data::DuckdbSession& session, const SignalRequest& request);

}  // namespace mw::steps
