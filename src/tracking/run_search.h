// What a search over runs asks and gives. Plain values; pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "search/filter.h"
#include "search/order_by.h"
#include "tracking/run.h"

namespace mw::tracking {

enum class StageView : std::uint8_t { kActiveOnly, kDeletedOnly, kAll };

/// Where a run stands in an order: for each key whether it has it (0), has a NaN (1) or lacks it (2), and its value.
struct RunPlace {
  struct Key {
    std::int64_t rank = 0;
    std::variant<std::int64_t, double, std::string> value;
    bool operator==(const Key&) const = default;
  };
  std::vector<Key> keys;
  std::int64_t started = 0;
  std::string id;
  bool operator==(const RunPlace&) const = default;
};

struct RunQuery {
  std::vector<ExperimentId> experiments;
  search::Filter filter = {};
  search::OrderBy order = {};
  StageView view = StageView::kActiveOnly;
  std::int64_t limit = 1000;
  std::optional<RunPlace> after = {};  ///< of the same order
};

struct RunPage {
  std::vector<RunDetails> runs;
  std::optional<RunPlace> next = {};  ///< none: this was the last page
};

/// As a client carries it from page to page.
std::string PageToken(const RunPlace& place);
/// Errors: kInvalidArgument for a token that is none, or of an order of another length.
Result<RunPlace> ParsePageToken(std::string_view token, const search::OrderBy& order);
/// The same, of an order of so many keys.
Result<RunPlace> ParsePageToken(std::string_view token, std::size_t keys);

}  // namespace mw::tracking
