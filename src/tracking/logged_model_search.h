// What a search over logged models asks and gives, and how its pages are carried. Plain values; pure, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "search/filter.h"
#include "search/order_by.h"
#include "tracking/logged_model.h"
#include "tracking/run_search.h"

namespace mw::tracking {

struct DatasetChoice {
  std::string name;
  std::string digest = {};  ///< empty: any
};

struct LoggedModelQuery {
  std::vector<ExperimentId> experiments;
  search::Filter filter = {};
  /// Clauses about metrics look at the latest point on any of these alone; without such a clause a model fits that was
  /// measured on one of them.
  std::vector<DatasetChoice> datasets = {};
  std::vector<search::LoggedModelOrderKey> order = {};
  std::int64_t limit = 50;
  std::optional<RunPlace> after = {};  ///< the last model of the page before: of the same search
};

struct LoggedModelPage {
  std::vector<LoggedModelDetails> models;
  std::optional<RunPlace> next = {};  ///< none: this was the last page
};

/// As a client carries it from page to page.
std::string PageToken(const LoggedModelQuery& query, const RunPlace& place);
/// Errors: kInvalidArgument for a token that is none, or of another search.
Result<RunPlace> ParsePageToken(std::string_view token, const LoggedModelQuery& query);

}  // namespace mw::tracking
