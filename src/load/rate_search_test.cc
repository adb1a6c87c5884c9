// The search's policy: trials in, the next rate out.
#include "load/rate_search.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "base/text.h"

namespace mw::load {
namespace {

struct Case {
  const char* says;
  std::vector<Trial> trials;
  std::optional<double> next;
  double best = 0;
  bool confirmed = false;
};

std::string Words(const std::vector<Trial>& trials) {
  std::string words;
  for (const Trial& trial : trials) CatTo(words, trial.rate, trial.held ? " held, " : " missed, ");
  return words;
}

TEST(RateSearch, DecidesByWhatWasTried) {
  const std::vector<Case> cases = {
      {"begins with the first rate", {}, 1000, 0},
      {"doubles while rates hold", {{1000, true}}, 2000, 1000},
      {"doubles again", {{1000, true}, {2000, true}}, 4000, 2000},
      {"bisects once one missed", {{1000, true}, {2000, false}}, 1500, 1000},
      {"goes up when the middle held", {{1000, true}, {2000, false}, {1500, true}}, 1750, 1500},
      {"goes down when it did not", {{1000, true}, {2000, false}, {1500, false}}, 1250, 1000},
      {"halves when the first one missed", {{1000, false}}, 500, 0},
      {"gives up where nothing holds", {{1, false}}, std::nullopt, 0},
      {"confirms when it is near enough", {{1000, true}, {1040, false}}, 1000, 1000},
      {"confirms twice", {{1000, true}, {1040, false}, {1000, true}}, 1000, 1000},
      {"is done when it held three times",
       {{1000, true}, {1040, false}, {1000, true}, {1000, true}},
       std::nullopt,
       1000,
       true},
      {"goes on below a best that failed when confirmed",
       {{800, true}, {1000, true}, {1040, false}, {1000, false}},
       900,
       800},
      {"counts what held above a miss as luck", {{1000, true}, {4000, true}, {2000, false}}, 1500, 1000},
      {"asks for no more than it may", {{8e6, true}}, 10e6, 8e6},
      {"confirms the most it may ask for", {{10e6, true}}, 10e6, 10e6},
  };
  for (const Case& one : cases) {
    const SearchStep step = NextTrial(one.trials, {});
    EXPECT_EQ(step.next, one.next) << one.says << ": " << Words(one.trials);
    EXPECT_EQ(step.best, one.best) << one.says;
    EXPECT_EQ(step.confirmed, one.confirmed) << one.says;
  }
}

/// The whole search against a server that holds up to a capacity.
SearchStep SearchOf(const std::function<bool(double)>& holds, std::size_t& trials_made) {
  std::vector<Trial> trials;
  while (true) {
    const SearchStep step = NextTrial(trials, {});
    trials_made = trials.size();
    if (!step.next) return step;
    trials.push_back({*step.next, holds(*step.next)});
  }
}

TEST(RateSearch, FindsAnyCapacityToItsPrecision) {
  for (double capacity = 2; capacity < 3e6; capacity *= 1.37) {
    std::size_t trials = 0;
    const SearchStep step = SearchOf([&](double rate) { return rate <= capacity; }, trials);
    EXPECT_TRUE(step.confirmed) << capacity;
    EXPECT_LE(step.best, capacity);
    EXPECT_GE(step.best * 1.06, capacity) << capacity;  // the precision, and rates are round
    EXPECT_LE(trials, 24U);
  }
}

TEST(RateSearch, EndsAgainstAServerOfMoods) {
  std::size_t trials = 0;
  int asked = 0;
  const SearchStep step = SearchOf([&](double) { return ++asked % 3 != 0; }, trials);
  EXPECT_LE(trials, 40U);
  EXPECT_FALSE(step.next.has_value());
}

TEST(RateSearch, RoundsToThreeDigits) {
  EXPECT_DOUBLE_EQ(RoundRate(123'456), 123'000);
  EXPECT_DOUBLE_EQ(RoundRate(1.2345), 1.23);
  EXPECT_DOUBLE_EQ(RoundRate(999.6), 1000);
  EXPECT_DOUBLE_EQ(RoundRate(0), 0);
}

}  // namespace
}  // namespace mw::load
