// A dataset: rows in Parquet with what is known about them beside. The artifact that steps hand on.
//
//   <directory>/data.parquet   the rows (zstd), in event-time order when they have one
//   <directory>/dataset.json   {"format_version":1,"rows":..,"event_time":..,"known_at":..,"key":..,"label":..,
//                               "columns":[..],"profile":{..},"split":{..}|null,"sources":["sha256:..."],
//                               "origins":{"weather":["temp",..]}}
//
// Written once, then only read. Invariant: dataset.json is written last and describes exactly the rows in
// data.parquet; the roles it names are columns. One thread, through the caller's session.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "data/duckdb_session.h"
#include "schema/schema.h"

namespace mw::data {

inline constexpr int kDatasetFormatVersion = 1;

/// Which columns play which part; empty: none does.
struct Roles {
  std::string event_time;  ///< the moment to which a row's features belong
  std::string known_at;    ///< the moment from which its label is known
  std::string key;         ///< names the row
  std::string label;
};

/// For a table that rows were made of: the columns that are empty without it.
using Origins = std::map<std::string, std::vector<std::string>>;

struct Dataset {
  std::int64_t rows = 0;
  Roles roles;
  std::vector<schema::Column> columns;
  Json profile;
  Json split;                        ///< null, or which part of a split this is (split.h)
  std::vector<std::string> sources;  ///< digests of what it was made from
  Origins origins;                   ///< empty where nobody looked

  /// Columns and roles as the encoder and the validation want them.
  [[nodiscard]] schema::Schema AsSchema(std::string_view name) const;
};

/// What dataset.json says. Errors: kInvalidArgument; kFailedPrecondition for a newer format.
Result<Dataset> ParseDataset(std::string_view json);
/// Reads dataset.json of a directory. Errors: kNotFound; kInvalidArgument; kFailedPrecondition for a newer format.
Result<Dataset> ReadDataset(const std::string& directory);

struct DatasetSpec {
  Roles roles;
  /// Columns whose types, units, ranges are known already; the others' are inferred. Vocabularies that
  /// are empty here are taken from the rows.
  std::vector<schema::Column> declared;
  Json split;
  std::vector<std::string> sources;
  Origins origins;
};

/// Runs one SELECT into a new dataset in `directory`, which exists and which the session may write.
/// A text column becomes a category when it has at most 1,000 values and each occurs ten times on
/// average, or when it has at most 20; its vocabulary is sorted by bytes.
/// Errors: kInvalidArgument for a role that is no column, an event time that is no time or missing
/// somewhere, a key that is missing or occurs twice (the value is named).
Result<Dataset> WriteDataset(DuckdbSession& session, std::string_view sql, const DatasetSpec& spec,
                             const std::string& directory);

}  // namespace mw::data
