// Who answers: known answers that hold for ever, shares as they were asked for, keys that stay where they are.
#include "serving/router.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "base/text.h"
#include "serving/served.h"

namespace mw::serving {
namespace {

using Parts = std::vector<TrafficSplit::Part>;

/// The version that the key gets.
std::int64_t VersionOf(std::string_view endpoint, const Parts& parts, std::string_view key) {
  return parts[TrafficSplit(endpoint, parts).Choose(sketch::HashText(key))].version;
}

// Computed by another implementation of the sentence at the top of router.h. They never change: a caller's version
// must not, on any server and after any release.
TEST(SplitTest, KnownAnswers) {
  const Parts canary = {{3, 9000}, {4, 1000}};
  std::vector<std::string> taken;
  for (int user = 0; user < 110; ++user) {
    if (VersionOf("late", canary, Cat("user-", user)) == 4) taken.push_back(Cat(user));
  }
  EXPECT_EQ(Join(taken, " "), "32 49 51 60 63 74 82 90 93 103 104 107 108");
  const Parts three = {{3, 5000}, {4, 3000}, {7, 2000}};
  std::string versions;
  for (const char* key :
       {"ada", "grace", "alan", "edsger", "user-17", "user-23", "", "0193a1b2c3d4e5f60718293a4b5c6d7e"}) {
    CatTo(versions, VersionOf("late", three, key), " ");
  }
  EXPECT_EQ(versions, "7 3 3 4 3 4 3 4 ");
}

TEST(SplitTest, SharesAreWhatWasAskedFor) {
  const Parts parts = {{9, 2500}, {3, 5000}, {4, 0}, {7, 2499}, {8, 1}};
  const TrafficSplit split("late", parts);
  std::map<std::int64_t, int> counts;
  constexpr int kKeys = 400'000;
  for (int key = 0; key < kKeys; ++key) ++counts[parts[split.Choose(sketch::HashText(Cat("user-", key)))].version];
  EXPECT_EQ(counts[4], 0);
  EXPECT_NEAR(counts[3], kKeys / 2, 1'200);
  EXPECT_NEAR(counts[9], kKeys / 4, 1'000);
  EXPECT_NEAR(counts[7], kKeys * 0.2499, 1'000);
  EXPECT_NEAR(counts[8], kKeys * 0.0001, 25);
}

TEST(SplitTest, RaisingACanaryMovesOnlyNewKeysAndOnlyIntoIt) {
  std::vector<std::int64_t> before(20'000, 3);
  for (const std::int64_t weight : {1, 100, 1000, 2000, 5000, 9999, 10'000}) {
    const Parts parts = {{3, 10'000 - weight}, {4, weight}};
    for (std::size_t key = 0; key < before.size(); ++key) {
      const std::int64_t version = VersionOf("late", parts, Cat("user-", key));
      ASSERT_TRUE(version == before[key] || version == 4) << key << " at " << weight;
      before[key] = version;
    }
  }
  EXPECT_EQ(before, std::vector<std::int64_t>(before.size(), 4));
}

TEST(SplitTest, RaisingOneOfThreeHardlyTouchesTheOthersKeys) {
  int strays = 0;
  for (int key = 0; key < 20'000; ++key) {
    const std::string text = Cat("user-", key);
    const std::int64_t before = VersionOf("late", {{3, 8000}, {4, 1000}, {5, 1000}}, text);
    const std::int64_t after = VersionOf("late", {{3, 7000}, {4, 1000}, {5, 2000}}, text);
    if (before != after && after != 5) ++strays;
  }
  EXPECT_LT(strays, 400);
}

TEST(SplitTest, TheOrderInWhichVersionsAreNamedDoesNotMatter) {
  for (int key = 0; key < 1000; ++key) {
    const std::string text = Cat("user-", key);
    EXPECT_EQ(VersionOf("late", {{3, 9000}, {4, 1000}}, text), VersionOf("late", {{4, 1000}, {3, 9000}}, text));
  }
}

TEST(SplitTest, WhoGetsOneCanaryIsNoMoreLikelyToGetTheNextOrAnotherEndpoints) {
  int first = 0, both = 0, elsewhere = 0, shown = 0;
  for (int key = 0; key < 100'000; ++key) {
    const std::string text = Cat("user-", key);
    if (VersionOf("late", {{3, 9000}, {4, 1000}}, text) != 4) continue;
    ++first;
    if (VersionOf("late", {{4, 9000}, {5, 1000}}, text) == 5) ++both;
    if (VersionOf("iris", {{3, 9000}, {4, 1000}}, text) == 4) ++elsewhere;
    if (TrafficShare("late", 4, 1000).Holds(sketch::HashText(text))) ++shown;
  }
  EXPECT_NEAR(both, first / 10, 150);
  EXPECT_NEAR(elsewhere, first / 10, 150);
  EXPECT_NEAR(shown, first / 10, 150);
}

TEST(ShareTest, HoldsAllNoneOrItsPart) {
  int some = 0;
  for (std::uint64_t hash = 0; hash < 10'000; ++hash) {
    EXPECT_TRUE(TrafficShare("late", 4, 10'000).Holds(hash));
    EXPECT_FALSE(TrafficShare("late", 4, 0).Holds(hash));
    EXPECT_FALSE(TrafficShare().Holds(hash));
    if (TrafficShare("late", 4, 2000).Holds(hash)) ++some;
  }
  EXPECT_NEAR(some, 2000, 160);
}

class PickTest : public ::testing::Test {
 protected:
  std::shared_ptr<const ServedVersion> Served(std::int64_t version) {
    return std::make_shared<const ServedVersion>(ServedVersion{"late", version, Cat(version), "", nullptr, nullptr,
                                                               nullptr, MetricsOf(metrics_, "late", Cat(version))});
  }
  void Add(std::int64_t version, std::int64_t weight, bool in_memory = true) {
    RoutedVersion entry{.version = version, .version_text = Cat(version), .weight = weight};
    entry.state = wire::VersionState::kUnloaded;
    if (in_memory) entry.state = wire::VersionState::kReady;
    if (in_memory) entry.served = Served(version);
    endpoint_.versions.push_back(std::move(entry));
    Parts parts;
    for (const RoutedVersion& each : endpoint_.versions) parts.push_back({each.version, each.weight});
    endpoint_.split = TrafficSplit("late", parts);
  }
  MetricsRegistry metrics_;
  ServedEndpoint endpoint_;
};

TEST_F(PickTest, OneVersionAnswersEverybodyAndNeedsNoKey) {
  Add(3, 10'000);
  EXPECT_FALSE(NeedsKey(endpoint_));
  const Choice choice = Pick(endpoint_, "", "ada", 7);
  EXPECT_EQ(choice.version, endpoint_.versions[0].served.get());
  EXPECT_EQ(choice.shadow, nullptr);
}

TEST_F(PickTest, AKeyDecidesAndWithoutOneChanceDoes) {
  Add(4, 5000);
  Add(3, 5000);
  EXPECT_TRUE(NeedsKey(endpoint_));
  const ServedVersion* of_ada = Pick(endpoint_, "", "ada", 0).version;
  std::map<const ServedVersion*, int> by_chance;
  for (std::uint64_t random = 0; random < 1000; ++random) {
    EXPECT_EQ(Pick(endpoint_, "", "ada", random).version, of_ada);
    ++by_chance[Pick(endpoint_, "", "", random).version];
  }
  EXPECT_EQ(by_chance.size(), 2U);
}

TEST_F(PickTest, AVersionThatIsNamedAnswersAndIsNotShadowed) {
  Add(4, 10'000);
  Add(3, 0);
  endpoint_.shadow = Served(9);
  endpoint_.shadow_share = TrafficShare("late", 9, 10'000);
  EXPECT_EQ(Pick(endpoint_, "3", "", 0).version->version, 3);
  EXPECT_EQ(Pick(endpoint_, "3", "", 0).shadow, nullptr);
  EXPECT_EQ(Pick(endpoint_, "", "", 0).shadow->version, 9);
  EXPECT_EQ(Pick(endpoint_, "12", "", 0).entry, nullptr);
}

TEST_F(PickTest, AVersionThatIsNotInMemoryIsNamedWithItsState) {
  Add(4, 10'000, false);
  const Choice choice = Pick(endpoint_, "", "", 0);
  EXPECT_EQ(choice.version, nullptr);
  ASSERT_NE(choice.entry, nullptr);
  EXPECT_EQ(choice.entry->state, wire::VersionState::kUnloaded);
}

TEST_F(PickTest, AVersionIsNotItsOwnShadow) {
  Add(4, 10'000);
  endpoint_.shadow = endpoint_.versions[0].served;
  endpoint_.shadow_share = TrafficShare("late", 4, 10'000);
  EXPECT_EQ(Pick(endpoint_, "", "", 0).shadow, nullptr);
}

TEST_F(PickTest, AnEndpointOfNothingGivesNothing) { EXPECT_EQ(Pick(ServedEndpoint(), "", "", 0).entry, nullptr); }

}  // namespace
}  // namespace mw::serving
