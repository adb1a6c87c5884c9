// Filters and orders of every kind of search, and patterns. What is accepted keeps the promises of filter.h, and reads
// the same when it is written again, as a whole and clause by clause.
#include <cstdlib>
#include <span>
#include <string>

#include "search/filter.h"
#include "search/like.h"
#include "search/order_by.h"
#include "search/testing.h"

namespace {

using mw::search::Clause;
using mw::search::Comparator;
using mw::search::Filter;
using mw::search::OrderBy;

using FilterParser = mw::Result<Filter> (*)(std::string_view);
using OrderParser = mw::Result<OrderBy> (*)(std::span<const std::string>);

void Require(bool holds) {
  if (!holds) std::abort();
}

void CheckMessage(const mw::Error& error) {
  Require(!error.message.empty() && error.message.size() < 20'000 && mw::IsUtf8(error.message));
}

// A value is of the kind that its comparator compares with.
void CheckValue(const Clause& clause) {
  const bool null_test = clause.comparator == Comparator::kIsNull || clause.comparator == Comparator::kIsNotNull;
  const bool list_test = clause.comparator == Comparator::kIn || clause.comparator == Comparator::kNotIn;
  const bool pattern = clause.comparator == Comparator::kLike || clause.comparator == Comparator::kILike;
  Require(null_test == std::holds_alternative<std::monostate>(clause.value));
  Require(list_test == std::holds_alternative<std::vector<std::string>>(clause.value));
  if (pattern) Require(std::holds_alternative<std::string>(clause.value));
  if (clause.entity == mw::search::Entity::kMetric) Require(std::holds_alternative<mw::search::Number>(clause.value));
}

void CheckAgain(FilterParser parse, const Filter& filter) {
  for (const Clause& clause : filter) {
    if (const auto text = ToText(clause)) Require(parse(*text).value() == Filter{clause});
  }
  const auto text = ToText(filter);
  if (text && text->size() <= mw::search::kMaxFilterBytes) Require(parse(*text).value() == filter);
}

void CheckFilter(FilterParser parse, std::string_view text) {
  const mw::Result<Filter> filter = parse(text);
  if (!filter.ok()) return CheckMessage(filter.error());
  Require(filter->size() <= mw::search::kMaxClauses);
  for (const Clause& clause : *filter) CheckValue(clause);
  CheckAgain(parse, *filter);
}

void CheckOrder(OrderParser parse, const std::string& text) {
  const mw::Result<OrderBy> order = parse({&text, 1});
  if (!order.ok()) return CheckMessage(order.error());
  Require(order->size() == 1);
  const mw::search::OrderKey& key = order->front();
  if (key.key.find('`') != std::string::npos) return;
  const std::string again =
      mw::Cat(mw::search::EntityName(key.entity), ".`", key.key, "`", key.ascending ? "" : " desc");
  if (again.size() <= mw::search::kMaxOrderBytes) Require(parse({&again, 1}).value() == *order);
}

// The first line is a pattern for the rest.
void CheckLike(std::string_view text) {
  const std::size_t line = std::min(text.find('\n'), std::size_t{200});
  const std::string_view pattern = text.substr(0, line);
  const std::string_view rest = text.substr(std::min(line, text.size()), 1000);
  if (mw::search::MatchesLike(rest, pattern)) Require(mw::search::MatchesILike(rest, pattern));
  if (mw::IsUtf8(rest)) Require(mw::search::MatchesLike(rest, mw::Cat("%", rest, "%")));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const FilterParser parse :
       {mw::search::ParseRunFilter, mw::search::ParseExperimentFilter, mw::search::ParseRegisteredModelFilter,
        mw::search::ParseModelVersionFilter, mw::search::ParseLoggedModelFilter}) {
    CheckFilter(parse, text);
  }
  for (const OrderParser parse : {mw::search::ParseRunOrderBy, mw::search::ParseExperimentOrderBy,
                                  mw::search::ParseRegisteredModelOrderBy, mw::search::ParseModelVersionOrderBy}) {
    CheckOrder(parse, text);
  }
  const mw::search::LoggedModelOrderField field{text, true, text, ""};
  if (const auto order = mw::search::ParseLoggedModelOrderBy({&field, 1}); !order.ok()) CheckMessage(order.error());
  CheckLike(text);
  return 0;
}
