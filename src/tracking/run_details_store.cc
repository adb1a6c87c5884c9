// SQL of what runs logged last. Names come as numbers and are looked up once for all runs.
#include "tracking/run_details_store.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/assert.h"
#include "base/text.h"
#include "tracking/input_store.h"

namespace mw::tracking::store {

std::string Marks(std::span<const std::int64_t> numbers, db::Values& values) {
  std::size_t size = 1;
  while (size < numbers.size()) size *= 4;
  std::string marks = "(?";
  values.reserve(values.size() + size);
  for (std::size_t i = 0; i < size; ++i) {
    if (i > 0) marks += ", ?";
    values.emplace_back(i < numbers.size() ? numbers[i] : numbers.back());
  }
  return marks += ")";
}

namespace {

using Numbers = std::vector<std::int64_t>;
/// Of each run: the numbers of names and what they have.
template <typename Held>
using Lists = std::vector<std::vector<std::pair<std::int64_t, Held>>>;

class Names {
 public:
  void Need(std::int64_t number) { places_.try_emplace(number); }

  Status Read(db::Snapshot& snapshot) {
    Numbers numbers;
    for (const auto& [number, place] : places_) numbers.push_back(number);
    for (std::size_t i = 0; i < numbers.size(); i += kRunsAtOnce) {
      const auto begin = numbers.begin() + static_cast<std::ptrdiff_t>(i);
      const auto count = static_cast<std::ptrdiff_t>(std::min(kRunsAtOnce, numbers.size() - i));
      db::Values values;
      const std::string marks = Marks(Numbers(begin, begin + count), values);
      for (const db::Row& row :
           TRY(snapshot.Query(Cat("SELECT id, name FROM tracking_names WHERE id IN ", marks), values))) {
        sorted_.emplace_back(row.Text(1), row.Int(0));
      }
    }
    std::sort(sorted_.begin(), sorted_.end());
    for (std::size_t i = 0; i < sorted_.size(); ++i) places_[sorted_[i].second] = i;
    return Ok();
  }

  /// In the order of the names.
  template <typename Held>
  std::vector<std::pair<std::string, Held>> Named(std::vector<std::pair<std::int64_t, Held>> list) const {
    for (auto& [number, held] : list) number = static_cast<std::int64_t>(places_.at(number));
    std::sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<std::pair<std::string, Held>> named;
    named.reserve(list.size());
    for (auto& [place, held] : list) {
      named.emplace_back(sorted_[static_cast<std::size_t>(place)].first, std::move(held));
    }
    return named;
  }

 private:
  std::unordered_map<std::int64_t, std::size_t> places_;  // in sorted_
  std::vector<std::pair<std::string, std::int64_t>> sorted_;
};

/// What a row of a run holds behind its name.
Point ReadHeld(const db::Row& row, Point*) { return {row.Int(2), row.Int(3), row.Double(4)}; }
std::string ReadHeld(const db::Row& row, std::string*) { return row.Text(2); }

template <typename Held>
Result<Lists<Held>> Gather(db::Snapshot& snapshot, std::string_view select, const Numbers& runs, Names& names) {
  std::unordered_map<std::int64_t, std::size_t> places;
  for (std::size_t i = 0; i < runs.size(); ++i) places.emplace(runs[i], i);
  Lists<Held> lists(runs.size());
  db::Values values;
  const std::string marks = Marks(runs, values);
  for (const db::Row& row : TRY(snapshot.Query(Cat(select, marks), values))) {
    names.Need(row.Int(1));
    lists[places.at(row.Int(0))].emplace_back(row.Int(1), ReadHeld(row, static_cast<Held*>(nullptr)));
  }
  return lists;
}

}  // namespace

Result<std::vector<RunDetails>> DetailsOf(db::Snapshot& snapshot, std::span<const StoredRun> runs) {
  MW_ASSERT(runs.size() <= kRunsAtOnce);
  std::vector<RunDetails> details(runs.size());
  if (runs.empty()) return details;
  Numbers numbers;
  for (const StoredRun& run : runs) numbers.push_back(run.number);
  Names names;
  auto latest = TRY(Gather<Point>(
      snapshot, "SELECT run, name, logged_at, step, value FROM tracking_latest WHERE run IN ", numbers, names));
  auto params =
      TRY(Gather<std::string>(snapshot, "SELECT run, name, value FROM tracking_params WHERE run IN ", numbers, names));
  auto tags =
      TRY(Gather<std::string>(snapshot, "SELECT run, name, value FROM tracking_tags WHERE run IN ", numbers, names));
  TRY(names.Read(snapshot));
  for (std::size_t i = 0; i < runs.size(); ++i) {
    details[i].run = runs[i].run;
    details[i].latest = names.Named(std::move(latest[i]));
    details[i].params = names.Named(std::move(params[i]));
    details[i].tags = names.Named(std::move(tags[i]));
  }
  TRY(AddInputs(snapshot, numbers, details));
  return details;
}

}  // namespace mw::tracking::store
