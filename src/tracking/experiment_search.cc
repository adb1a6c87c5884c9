// Tests and comparisons, clause by clause.
#include "tracking/experiment_search.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "search/like.h"

namespace mw::tracking {
namespace {

using search::Clause;
using search::Comparator;
using search::Entity;

template <typename Value>
bool Compare(const Value& ours, Comparator comparator, const Value& theirs) {
  switch (comparator) {
    case Comparator::kEqual: return ours == theirs;
    case Comparator::kNotEqual: return ours != theirs;
    case Comparator::kLess: return ours < theirs;
    case Comparator::kLessOrEqual: return ours <= theirs;
    case Comparator::kGreater: return ours > theirs;
    case Comparator::kGreaterOrEqual: return ours >= theirs;
    default: return false;
  }
}

bool FitsText(const std::string& text, const Clause& clause) {
  const auto* wanted = std::get_if<std::string>(&clause.value);
  if (wanted == nullptr) return false;
  if (clause.comparator == Comparator::kLike) return search::MatchesLike(text, *wanted);
  if (clause.comparator == Comparator::kILike) return search::MatchesILike(text, *wanted);
  return Compare(text, clause.comparator, *wanted);
}

/// Ids are the same text when they are the same number.
bool FitsId(const std::string& id, const Clause& clause) {
  const auto* list = std::get_if<std::vector<std::string>>(&clause.value);
  if (list == nullptr) return FitsText(id, clause);
  const bool is_in = std::find(list->begin(), list->end(), id) != list->end();
  return is_in == (clause.comparator == Comparator::kIn);
}

bool FitsNumber(std::int64_t number, const Clause& clause) {
  const auto* wanted = std::get_if<search::Number>(&clause.value);
  if (wanted == nullptr) return false;
  if (wanted->integer) return Compare(number, clause.comparator, *wanted->integer);
  return Compare(static_cast<double>(number), clause.comparator, wanted->value);
}

bool FitsTag(const Experiment& experiment, const Clause& clause) {
  const auto tag = experiment.tags.find(clause.key);
  const bool is_there = tag != experiment.tags.end();
  if (clause.comparator == Comparator::kIsNull) return !is_there;
  if (clause.comparator == Comparator::kIsNotNull) return is_there;
  return is_there && FitsText(tag->second, clause);
}

bool Fits(const Experiment& experiment, const Clause& clause) {
  if (clause.entity == Entity::kTag) return FitsTag(experiment, clause);
  if (clause.key == "name") return FitsText(experiment.name, clause);
  if (clause.key == "experiment_id") return FitsId(experiment.id.text(), clause);
  return FitsNumber(clause.key == "creation_time" ? experiment.created : experiment.updated, clause);
}

std::int64_t NumberOf(const Experiment& experiment) { return ParseInt(experiment.id.text()).value_or(0); }

/// Below, equal, above: -1, 0, 1.
template <typename Value>
int Order(const Value& a, const Value& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

int Order(const Experiment& a, const Experiment& b, std::string_view key) {
  if (key == "name") return Order(a.name, b.name);
  if (key == "creation_time") return Order(a.created, b.created);
  if (key == "last_update_time") return Order(a.updated, b.updated);
  return Order(NumberOf(a), NumberOf(b));
}

bool IsSeen(StageView view, Stage stage) {
  if (view == StageView::kAll) return true;
  return (view == StageView::kActiveOnly) == (stage == Stage::kActive);
}

search::OrderBy WholeOrder(search::OrderBy order) {
  if (order.empty()) {
    order = {{Entity::kAttribute, "creation_time", false}, {Entity::kAttribute, "experiment_id", true}};
  }
  const bool has_id =
      std::any_of(order.begin(), order.end(), [](const auto& key) { return key.key == "experiment_id"; });
  if (!has_id) order.push_back({Entity::kAttribute, "experiment_id", false});
  return order;
}

}  // namespace

ExperimentPage SelectExperiments(std::vector<Experiment> all, const ExperimentQuery& query) {
  std::erase_if(all, [&](const Experiment& experiment) {
    return !IsSeen(query.view, experiment.stage) ||
           !std::all_of(query.filter.begin(), query.filter.end(),
                        [&](const Clause& clause) { return Fits(experiment, clause); });
  });
  std::sort(all.begin(), all.end(), [order = WholeOrder(query.order)](const Experiment& a, const Experiment& b) {
    for (const search::OrderKey& key : order) {
      if (const int found = Order(a, b, key.key); found != 0) return (found < 0) == key.ascending;
    }
    return false;
  });
  auto begin = all.begin();
  if (!query.after.empty()) {
    begin = std::find_if(all.begin(), all.end(), [&](const Experiment& one) { return one.id == query.after; });
    if (begin != all.end()) ++begin;
  }
  const auto count = std::min(static_cast<std::size_t>(all.end() - begin), query.limit);
  const auto end = begin + static_cast<std::ptrdiff_t>(count);
  ExperimentPage page;
  if (end != all.end()) page.next = (end - 1)->id;
  page.experiments.assign(std::make_move_iterator(begin), std::make_move_iterator(end));
  return page;
}

}  // namespace mw::tracking
