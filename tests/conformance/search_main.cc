// Answers questions about filters and orders for search_filters.py: one JSON object a line in, one a line out.
//   {"of":"runs","filter":".."}  {"of":"experiments","order_by":[".."]}  {"of":"logged_models","order_by":[{..}]}
//   {"like":[text, pattern]}  {"ilike":[text, pattern]}
// Out: {"clauses":[..]}, {"keys":[..]}, {"matches":..} or {"code":"..","error":".."}. Reads stdin to its end; one
// thread.
#include <cstdio>
#include <map>
#include <string>

#include "base/json.h"
#include "search/filter.h"
#include "search/like.h"
#include "search/order_by.h"

namespace mw::search {
namespace {

using FilterParser = Result<Filter> (*)(std::string_view);
using OrderParser = Result<OrderBy> (*)(std::span<const std::string>);

const std::map<std::string, FilterParser> kFilters = {{"runs", ParseRunFilter},
                                                      {"experiments", ParseExperimentFilter},
                                                      {"registered_models", ParseRegisteredModelFilter},
                                                      {"model_versions", ParseModelVersionFilter},
                                                      {"logged_models", ParseLoggedModelFilter}};
const std::map<std::string, OrderParser> kOrders = {{"runs", ParseRunOrderBy},
                                                    {"experiments", ParseExperimentOrderBy},
                                                    {"registered_models", ParseRegisteredModelOrderBy},
                                                    {"model_versions", ParseModelVersionOrderBy}};

Json ErrorJson(const Error& error) {
  return Json::Make({{"code", std::string(CodeName(error.code))}, {"error", error.message}});
}

Json ValueJson(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    Json out = Json::MakeArray();
    for (const std::string& each : *list) out.Append(each);
    return out;
  }
  const auto* number = std::get_if<Number>(&value);
  if (number == nullptr) return {};
  // As texts: JSON has no infinity, and readers round integers.
  return Json::Make({{"value", Cat(number->value)}, {"integer", number->integer ? Cat(*number->integer) : ""}});
}

Json ClauseJson(const Clause& clause) {
  return Json::Make({{"entity", std::string(EntityName(clause.entity))},
                     {"key", clause.key},
                     {"comparator", std::string(ComparatorName(clause.comparator))},
                     {"value", ValueJson(clause.value)}});
}

Json KeyJson(const OrderKey& key) {
  return Json::Make({{"entity", std::string(EntityName(key.entity))}, {"key", key.key}, {"ascending", key.ascending}});
}

Json KeyJson(const LoggedModelOrderKey& key) {
  return Json::Make({{"entity", std::string(EntityName(key.entity))},
                     {"key", key.key},
                     {"ascending", key.ascending},
                     {"dataset_name", key.dataset_name},
                     {"dataset_digest", key.dataset_digest}});
}

Json FilterAnswer(const Json& ask) {
  const Result<Filter> filter = kFilters.at(ask.StringOr("of", ""))(ask.StringOr("filter", ""));
  if (!filter.ok()) return ErrorJson(filter.error());
  Json clauses = Json::MakeArray();
  for (const Clause& clause : *filter) clauses.Append(ClauseJson(clause));
  return Json::Make({{"clauses", clauses}});
}

template <typename Order>
Json OrderJson(const Result<Order>& order) {
  if (!order.ok()) return ErrorJson(order.error());
  Json keys = Json::MakeArray();
  for (const auto& key : *order) keys.Append(KeyJson(key));
  return Json::Make({{"keys", keys}});
}

Json OrderAnswer(const Json& ask) {
  const Json::Array& clauses = ask.Find("order_by")->AsArray();
  if (ask.StringOr("of", "") == "logged_models") {
    std::vector<LoggedModelOrderField> fields;
    for (const Json& each : clauses) {
      fields.push_back({each.StringOr("field_name", ""), each.BoolOr("ascending", true),
                        each.StringOr("dataset_name", ""), each.StringOr("dataset_digest", "")});
    }
    return OrderJson(ParseLoggedModelOrderBy(fields));
  }
  std::vector<std::string> texts;
  for (const Json& each : clauses) texts.push_back(each.AsString());
  return OrderJson(kOrders.at(ask.StringOr("of", ""))(texts));
}

Json LikeAnswer(const Json::Array& pair, bool (*matches)(std::string_view, std::string_view)) {
  return Json::Make({{"matches", matches(pair[0].AsString(), pair[1].AsString())}});
}

Json Answer(const Json& ask) {
  if (const Json* pair = ask.Find("like")) return LikeAnswer(pair->AsArray(), MatchesLike);
  if (const Json* pair = ask.Find("ilike")) return LikeAnswer(pair->AsArray(), MatchesILike);
  return ask.Find("filter") != nullptr ? FilterAnswer(ask) : OrderAnswer(ask);
}

}  // namespace
}  // namespace mw::search

int main() {
  std::string line;
  for (int c = std::getchar(); c != EOF; c = std::getchar()) {
    if (c != '\n') {
      line.push_back(static_cast<char>(c));
      continue;
    }
    const mw::Result<mw::Json> ask = mw::Json::Parse(line);
    line.clear();
    if (!ask.ok()) return 1;
    std::puts(mw::search::Answer(*ask).Dump().c_str());
  }
  return 0;
}
