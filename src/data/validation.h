// Rows held against a schema: which values cannot be right, where, and how many.
//
//   rule        a finding is ...                               it concerns
//   present     a column of the schema that the rows lack      the whole column
//   type        a value that does not read as the type         rows, or the column when no value can
//   required    a missing value in a required column           rows
//   min, max    a value outside the plausible range            rows
//   vocabulary  a category that the schema does not name       rows
//   missing     more missing values than allowed               the whole column
//   undeclared  a column that the schema does not name         the whole column, a note only
// Findings about rows can be cured by leaving the rows out (quarantine); the others cannot.
// One thread, through the caller's session.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "data/dataset.h"
#include "schema/schema.h"

namespace mw::data {

/// Rows shown for each finding.
inline constexpr int kExamplesMax = 5;

enum class Concern : std::uint8_t { kRows, kColumn, kNote };

struct Finding {
  std::string column;
  std::string rule;
  Concern concern = Concern::kRows;
  std::int64_t count = 0;  ///< rows
  Json value;              ///< the worst: farthest out of range, most frequent category; null where there is none
  std::string limit;       ///< what the schema says, e.g. "max 150 mph"
  Json examples = Json::MakeArray();  ///< {key, event time, value} of some of the rows
  std::string message;                ///< the whole as one sentence
};
Json ToJson(const Finding& finding);

struct Validation {
  std::int64_t rows = 0;
  std::int64_t rows_with_findings = 0;
  std::vector<Finding> findings;  ///< columns first, then rows, then notes; within these by the schema's order
  /// The condition (SQL) of a row that has a finding; empty: none has.
  std::string bad_row;
  /// What to select (SQL) so that each column has the type the schema gives it.
  std::string select_list;

  /// Findings that no quarantine cures.
  [[nodiscard]] bool HasColumnFindings() const;
};

/// `max_missing`: column -> the share of rows that may lack it; others may lack any.
/// `table` is bound in `session`; `roles` name the key and the time of the examples.
/// Errors: kInvalidArgument for a column of max_missing that is not in the schema.
Result<Validation> Validate(DuckdbSession& session, std::string_view table, const Roles& roles,
                            const schema::Schema& schema, const std::map<std::string, double>& max_missing);

}  // namespace mw::data
