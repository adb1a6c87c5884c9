// The order that a search asks for, read: `metrics.loss DESC`, `params.depth`, `Created asc`. One function for each
// kind of thing, and one for logged models, whose order is a list of objects. Pure functions, any thread.
//
// Keys are normalised as in search/filter.h; each appears once. What breaks ties is not appended; the stores do that:
//   runs               start_time DESC, run_id ASC
//   experiments        experiment_id DESC; no order at all is creation_time DESC, experiment_id ASC
//   registered models  name ASC
//   model versions     name ASC, version_number DESC; no order at all puts last_updated_timestamp DESC before
//   logged models      creation_timestamp DESC, model_id ASC
// each only where the order does not name that key. What lacks the key comes last in both directions, a NaN before it
// and after all numbers.
//
// Errors: kInvalidArgument in MLflow's words; kInternal for a field named twice, which MLflow answers with 500.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "search/filter.h"

namespace mw::search {

inline constexpr std::size_t kMaxOrderKeys = 16;
inline constexpr std::size_t kMaxOrderBytes = 4096;  ///< of one clause

struct OrderKey {
  Entity entity = Entity::kAttribute;
  std::string key;
  bool ascending = true;
  bool operator==(const OrderKey&) const = default;
};
using OrderBy = std::vector<OrderKey>;

/// metric, parameter, tag; attribute: run_id, run_name, status, artifact_uri, user_id, start_time, end_time.
Result<OrderBy> ParseRunOrderBy(std::span<const std::string> clauses);
/// name, experiment_id, creation_time, last_update_time. A field named again is passed over, as MLflow does here.
Result<OrderBy> ParseExperimentOrderBy(std::span<const std::string> clauses);
/// name, creation_timestamp, last_updated_timestamp (alias timestamp).
Result<OrderBy> ParseRegisteredModelOrderBy(std::span<const std::string> clauses);
/// name, version_number, creation_timestamp, last_updated_timestamp.
Result<OrderBy> ParseModelVersionOrderBy(std::span<const std::string> clauses);

/// One entry as a client sends it; an empty text is one that was not given.
struct LoggedModelOrderField {
  std::string field_name;
  bool ascending = true;
  std::string dataset_name;
  std::string dataset_digest;
};

struct LoggedModelOrderKey {
  Entity entity = Entity::kAttribute;  ///< or kMetric
  std::string key;
  bool ascending = true;
  /// For metrics: only those on that dataset; empty: on any.
  std::string dataset_name;
  std::string dataset_digest;
  bool operator==(const LoggedModelOrderKey&) const = default;
};

/// An attribute (see ParseLoggedModelFilter) or metrics.<key>. A field named again for the same dataset is passed over.
Result<std::vector<LoggedModelOrderKey>> ParseLoggedModelOrderBy(std::span<const LoggedModelOrderField> fields);

}  // namespace mw::search
