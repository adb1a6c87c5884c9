// Searches of models and versions: what is asked, and where the next page begins. A page begins behind the last one
// that was seen, by that one's own place in the order, so what is registered meanwhile neither repeats nor hides
// others. Plain values, pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "registry/model.h"
#include "search/filter.h"
#include "search/order_by.h"

namespace mw::registry {

/// One key of a whole order: of models "name", "creation_timestamp", "last_updated_timestamp"; of versions also
/// "version_number".
struct SearchKey {
  std::string key;
  bool ascending = true;
  bool operator==(const SearchKey&) const = default;
};

/// A place in an order: its keys' values.
using SearchPlace = std::vector<std::variant<std::int64_t, std::string>>;

struct SearchQuery {
  std::string project = "default";
  search::Filter filter = {};
  std::vector<SearchKey> order = {};  ///< whole: no two have the same place
  std::int64_t limit = 100;
  SearchPlace after = {};  ///< of the same order; empty: the first page
};

struct ModelPage {
  std::vector<Model> models;
  SearchPlace next = {};  ///< empty: this was the last page
};

struct VersionPage {
  std::vector<ModelVersion> versions;
  SearchPlace next = {};
};

/// With what breaks ties (search/order_by.h).
std::vector<SearchKey> WholeModelOrder(const search::OrderBy& order);
std::vector<SearchKey> WholeVersionOrder(const search::OrderBy& order);

/// As a client carries it from page to page.
std::string PageToken(const SearchPlace& place);
/// Errors: kInvalidArgument for a token that is none, or is of another order.
Result<SearchPlace> ParsePageToken(std::string_view token, const std::vector<SearchKey>& order);

/// Whether the filter asks for prompts, which are left out otherwise.
bool AsksForPrompts(const search::Filter& filter);

}  // namespace mw::registry
