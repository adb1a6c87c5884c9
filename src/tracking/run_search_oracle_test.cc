// Random searches over runs against a brute force, on both databases: enough runs that indexes are walked, values that
// many runs share, NaNs, metrics that are missing, texts that differ late; page by page while runs are added.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "base/random.h"
#include "base/text.h"
#include "db/temporary_database.h"
#include "tracking/run_table.h"
#include "tracking/tracking.h"

namespace mw::tracking {
namespace {

constexpr int kRuns = 2400;  // more than are sorted without further thought
constexpr int kQueries = 60;

struct Known {
  std::string id;
  int experiment = 0;
  bool deleted = false;
  std::int64_t started = 0;
  std::map<std::string, double> metrics;
  std::map<std::string, std::string> params;
  bool finished = false;
};

using Test = std::function<bool(const Known&)>;
/// Less, equal or greater in one key.
using Compare = std::function<int(const Known&, const Known&)>;

template <typename T>
int Sign(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

/// Missing last, NaN before it, in either direction.
template <typename Values>
Compare ByValue(Values Known::*member, const std::string& key, bool ascending) {
  return [=](const Known& a, const Known& b) {
    const auto rank = [&](const Known& run) {
      const auto found = (run.*member).find(key);
      if (found == (run.*member).end()) return 2;
      if constexpr (std::is_same_v<Values, std::map<std::string, double>>) return std::isnan(found->second) ? 1 : 0;
      return 0;
    };
    if (rank(a) != rank(b)) return Sign(rank(a), rank(b));
    if (rank(a) != 0) return 0;
    const int sign = Sign((a.*member).at(key), (b.*member).at(key));
    return ascending ? sign : -sign;
  };
}

/// Where the last character begins.
std::size_t BeginOfLast(const std::string& text) {
  std::size_t at = text.size() - 1;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U) --at;
  return at;
}

template <typename Driver>
class RunSearchOracle : public db::StoreTest<Driver> {
 protected:
  RunSearchOracle() : db::StoreTest<Driver>(Migrations()) {}
  void Begin() override {
    tracking_.emplace(*this->database_, clock_);
    for (int i = 1; i < 3; ++i) {
      NewExperiment made;
      made.name = Cat("experiment ", i);
      EXPECT_TRUE(SyncWait(tracking_->CreateExperiment(made)).ok());
    }
    for (int i = 0; i < kRuns; ++i) runs_.push_back(MakeUp(i));
    Add(runs_);
  }

  Known MakeUp(int index) {
    Known run;
    run.id = Cat("r", random_.Below(1'000'000), "x", index);
    // Nearly all in one, so that walks are worth it; some in the others.
    run.experiment = random_.Below(10) < 8 ? 0 : 1 + static_cast<int>(random_.Below(2));
    run.deleted = random_.Below(20) == 0;
    run.started = static_cast<std::int64_t>(random_.Below(500)) * 1000;
    run.finished = random_.Below(3) == 0;
    if (random_.Below(10) > 0) run.metrics["loss"] = random_.Below(15) == 0 ? std::nan("") : random_.Normal();
    if (random_.Below(10) > 1) run.metrics["depth"] = static_cast<double>(random_.Below(4));
    if (random_.Below(10) > 0) run.params["kind"] = Cat("kind ", random_.Below(5));
    if (random_.Below(10) > 2) {
      static constexpr const char* kLate[] = {"\xC3\xA4", "\xC3\xB6", "a", "b", "\xE2\x82\xAC", ""};
      run.params["note"] =
          Cat(std::string(63 - random_.Below(2), 'n'), kLate[random_.Below(6)], kLate[random_.Below(6)]);
    }
    return run;
  }

  void Add(const std::vector<Known>& runs) {
    const Status added = SyncWait(this->database_->Write([&](db::Transaction& t) -> Status {
      for (const Known& run : runs) TRY(AddOne(t, run));
      return Ok();
    }));
    ASSERT_TRUE(added.ok()) << added.error().ToString();
    for (const Known& run : runs) {
      if (!run.deleted) continue;
      EXPECT_TRUE(SyncWait(tracking_->DeleteRun(RunId(run.id))).ok());
    }
  }
  Status AddOne(db::Transaction& t, const Known& run) {
    NewRun made;
    made.id = RunId(run.id);
    made.experiment = ExperimentId(Cat(run.experiment));
    made.started = run.started;
    TRY(tracking_->CreateRun(t, made));
    LogBatch batch{RunId(run.id), {}, {run.params.begin(), run.params.end()}, {}};
    for (const auto& [key, value] : run.metrics) batch.metrics.push_back({key, {1, 0, value}});
    TRY(Tracking::Log(t, batch));
    RunChange change;
    if (run.finished) change.status = RunStatus::kFinished;
    TRY(Tracking::UpdateRun(t, made.id, change));
    return Ok();
  }

  /// A clause and what it means.
  std::pair<std::string, Test> RandomClause() {
    const auto metric = [](const std::string& key, auto test) {
      return [=](const Known& run) {
        const auto found = run.metrics.find(key);
        return found != run.metrics.end() && !std::isnan(found->second) && test(found->second);
      };
    };
    const auto param = [](const std::string& key, auto test) {
      return [=](const Known& run) {
        const auto found = run.params.find(key);
        return found != run.params.end() && test(found->second);
      };
    };
    const double bound = std::round(random_.Normal() * 100) / 100;
    const std::string kind = Cat("kind ", random_.Below(5));
    switch (random_.Below(12)) {
      case 0: return {Cat("metrics.loss < ", Fixed(bound, 2)), metric("loss", [=](double v) { return v < bound; })};
      case 1: return {"metrics.loss > 2.2", metric("loss", [](double v) { return v > 2.2; })};
      case 2: return {"metrics.depth != 2", metric("depth", [](double v) { return v != 2; })};
      case 3: return {"metrics.depth = 1", metric("depth", [](double v) { return v == 1; })};
      case 4: return {Cat("params.kind = '", kind, "'"), param("kind", [=](const auto& v) { return v == kind; })};
      case 5: return {Cat("params.kind != '", kind, "'"), param("kind", [=](const auto& v) { return v != kind; })};
      case 6:
        return {"params.note LIKE 'nnn%a'",
                param("note", [](const auto& v) { return v.starts_with("nnn") && v.ends_with("a"); })};
      case 7: return {"params.note != 'nnn'", param("note", [](const auto& v) { return v != "nnn"; })};
      case 8:
        return {"params.note ILIKE '%N\xC3\xA4_'", param("note", [](const auto& v) {
                  const std::size_t last = v.empty() ? 0 : BeginOfLast(v);
                  return last >= 3 && v.substr(last - 3, 3) == "n\xC3\xA4";
                })};
      case 9: return {"params.note IS NOT NULL", [](const Known& run) { return run.params.contains("note"); }};
      case 10: return {"params.kind IS NULL", [](const Known& run) { return !run.params.contains("kind"); }};
      default: return {"attributes.status = 'FINISHED'", [](const Known& run) { return run.finished; }};
    }
  }

  std::pair<std::string, Compare> RandomKey() {
    const bool ascending = random_.Below(2) == 0;
    const std::string direction = ascending ? " ASC" : " DESC";
    switch (random_.Below(5)) {
      case 0: return {"metrics.loss" + direction, ByValue(&Known::metrics, "loss", ascending)};
      case 1: return {"metrics.depth" + direction, ByValue(&Known::metrics, "depth", ascending)};
      case 2: return {"params.note" + direction, ByValue(&Known::params, "note", ascending)};
      case 3: return {"params.nothing" + direction, ByValue(&Known::params, "nothing", ascending)};
      default:
        return {"attributes.start_time" + direction, [=](const Known& a, const Known& b) {
                  return ascending ? Sign(a.started, b.started) : Sign(b.started, a.started);
                }};
    }
  }

  SimulatedClock clock_{FromMicros(0)};
  std::optional<Tracking> tracking_;
  std::vector<Known> runs_;
  Random random_{11};
};

TYPED_TEST_SUITE(RunSearchOracle, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(RunSearchOracle, FindsWhatABruteForceFinds) {
  for (int n = 0; n < kQueries; ++n) {
    RunQuery query;
    std::vector<std::string> filters, orders;
    std::vector<Test> tests;
    std::vector<Compare> compares;
    for (std::uint64_t i = this->random_.Below(3); i > 0; --i) {
      auto [text, test] = this->RandomClause();
      filters.push_back(text);
      tests.push_back(test);
    }
    for (std::uint64_t i = this->random_.Below(3); i > 0; --i) {
      auto [text, compare] = this->RandomKey();
      if (std::any_of(orders.begin(), orders.end(), [&](const std::string& known) {
            return known.substr(0, known.find(' ')) == text.substr(0, text.find(' '));
          })) {
        continue;
      }
      orders.push_back(text);
      compares.push_back(compare);
    }
    std::vector<int> experiments = {0};
    if (this->random_.Below(3) == 0) experiments = {1};
    if (this->random_.Below(3) == 0) experiments.push_back(2);
    for (const int id : experiments) query.experiments.emplace_back(Cat(id));
    query.view = this->random_.Below(3) == 0 ? StageView::kAll : StageView::kActiveOnly;
    query.limit = 5 + static_cast<std::int64_t>(this->random_.Below(400));
    query.filter = *search::ParseRunFilter(Join(filters, " AND "));
    query.order = *search::ParseRunOrderBy(orders);
    SCOPED_TRACE(Cat("filter ", Join(filters, " AND "), "; order ", Join(orders, ", "), "; limit ", query.limit));

    const auto before = [&](const Known& a, const Known& b) {
      for (const Compare& compare : compares) {
        if (const int sign = compare(a, b); sign != 0) return sign < 0;
      }
      return a.started != b.started ? a.started > b.started : a.id < b.id;
    };
    std::vector<Known> expected;
    for (const Known& run : this->runs_) {
      const bool inside = std::find(experiments.begin(), experiments.end(), run.experiment) != experiments.end() &&
                          (!run.deleted || query.view == StageView::kAll);
      if (inside && std::all_of(tests.begin(), tests.end(), [&](const Test& test) { return test(run); })) {
        expected.push_back(run);
      }
    }
    std::sort(expected.begin(), expected.end(), before);

    // A run that is added in the middle of the pages is seen when it belongs behind them, and moves no other.
    std::size_t at = 0;
    for (int page = 0; page < 4; ++page) {
      const auto found = SyncWait(this->tracking_->SearchRuns(query));
      ASSERT_TRUE(found.ok()) << found.error().ToString();
      const std::size_t count = std::min(static_cast<std::size_t>(query.limit), expected.size() - at);
      ASSERT_EQ(found->runs.size(), count) << "page " << page;
      for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(found->runs[i].run.id.text(), expected[at + i].id);
      at += count;
      ASSERT_EQ(found->next.has_value(), at < expected.size());
      if (!found->next) break;
      query.after = found->next;
      if (page > 0 || n % 4 > 0) continue;
      const Known added = this->MakeUp(kRuns + n);
      this->Add({added});
      this->runs_.push_back(added);
      const bool inside = std::find(experiments.begin(), experiments.end(), added.experiment) != experiments.end() &&
                          (!added.deleted || query.view == StageView::kAll) &&
                          std::all_of(tests.begin(), tests.end(), [&](const Test& test) { return test(added); });
      if (!inside || before(added, expected[at - 1])) continue;
      expected.insert(
          std::lower_bound(expected.begin() + static_cast<std::ptrdiff_t>(at), expected.end(), added, before), added);
    }
  }
}

TYPED_TEST(RunSearchOracle, MatchesOfTheTableAreWhatABruteForceFinds) {
  RunTable table(*this->database_);
  for (int n = 0; n < kQueries; ++n) {
    std::vector<std::string> filters;
    std::vector<Test> tests;
    for (std::uint64_t i = 1 + this->random_.Below(3); i > 0; --i) {
      auto [text, test] = this->RandomClause();
      filters.push_back(text);
      tests.push_back(test);
    }
    SCOPED_TRACE(Join(filters, " AND "));
    const int experiment = n % 4 == 0 ? 1 : 0;
    std::optional<Stage> stage = n % 5 == 0 ? Stage::kDeleted : Stage::kActive;
    if (n % 3 == 0) stage.reset();
    std::set<std::string> expected, found;
    for (const Known& run : this->runs_) {
      if (run.experiment == experiment && (!stage || run.deleted == (stage == Stage::kDeleted)) &&
          std::all_of(tests.begin(), tests.end(), [&](const Test& test) { return test(run); })) {
        expected.insert(run.id);
      }
    }
    const ExperimentId id(Cat(experiment));
    std::map<std::int64_t, std::string> ids;
    for (const Stage one : {Stage::kActive, Stage::kDeleted}) {
      const auto lines = *SyncWait(table.Lines(id, one, std::nullopt, RunTable::kLinesMax));
      for (const RunLine& line : lines) ids[line.number] = line.id.text();
    }
    const auto numbers = SyncWait(table.Matches(id, stage, *search::ParseRunFilter(Join(filters, " AND "))))->Numbers();
    for (const std::int64_t number : numbers) found.insert(ids.at(number));
    EXPECT_EQ(found.size(), numbers.size());
    ASSERT_EQ(found, expected);
  }
}

}  // namespace
}  // namespace mw::tracking
