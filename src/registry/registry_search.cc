// Orders and tokens. A token is the place as JSON.
#include "registry/registry_search.h"

#include <algorithm>

#include "base/text.h"

namespace mw::registry {
namespace {

constexpr std::size_t kTokenBytesMax = 16 << 10;

bool IsText(const SearchKey& key) { return key.key == "name"; }

void AddTie(std::vector<SearchKey>& order, SearchKey tie) {
  const bool named = std::any_of(order.begin(), order.end(), [&](const SearchKey& key) { return key.key == tie.key; });
  if (!named) order.push_back(std::move(tie));
}

std::vector<SearchKey> KeysOf(const search::OrderBy& order) {
  std::vector<SearchKey> keys;
  for (const search::OrderKey& key : order) keys.push_back({key.key, key.ascending});
  return keys;
}

bool ReadPlace(const Json& json, const std::vector<SearchKey>& order, SearchPlace& place) {
  if (!json.IsArray() || json.AsArray().size() != order.size()) return false;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const Json& value = json.AsArray()[i];
    if (IsText(order[i]) ? !value.IsString() : !value.IsInt()) return false;
    if (value.IsString()) {
      place.emplace_back(value.AsString());
    } else {
      place.emplace_back(value.AsInt());
    }
  }
  return true;
}

}  // namespace

std::vector<SearchKey> WholeModelOrder(const search::OrderBy& order) {
  std::vector<SearchKey> keys = KeysOf(order);
  AddTie(keys, {"name", true});
  return keys;
}

std::vector<SearchKey> WholeVersionOrder(const search::OrderBy& order) {
  std::vector<SearchKey> keys = KeysOf(order);
  if (keys.empty()) keys.push_back({"last_updated_timestamp", false});
  AddTie(keys, {"name", true});
  AddTie(keys, {"version_number", false});
  return keys;
}

std::string PageToken(const SearchPlace& place) {
  Json token = Json::MakeArray();
  for (const auto& value : place) {
    std::visit([&token](const auto& one) { token.Append(Json(one)); }, value);
  }
  return token.Dump();
}

Result<SearchPlace> ParsePageToken(std::string_view token, const std::vector<SearchKey>& order) {
  SearchPlace place;
  if (token.empty()) return place;
  const Result<Json> json = token.size() <= kTokenBytesMax ? Json::Parse(token) : Result<Json>(InvalidArgument("long"));
  if (json.ok() && ReadPlace(*json, order, place)) return place;
  return InvalidArgument("Invalid page token, could not base64-decode ", Quoted(token),
                         "; it is not one that this search gave");
}

bool AsksForPrompts(const search::Filter& filter) {
  return std::any_of(filter.begin(), filter.end(), [](const search::Clause& clause) {
    const auto* value = std::get_if<std::string>(&clause.value);
    if (clause.entity != search::Entity::kTag || clause.key != kPromptTag || value == nullptr) return false;
    return (clause.comparator == search::Comparator::kEqual && EqualsIgnoreCase(*value, "true")) ||
           (clause.comparator == search::Comparator::kNotEqual && EqualsIgnoreCase(*value, "false"));
  });
}

}  // namespace mw::registry
