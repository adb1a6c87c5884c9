// What is in force and what is forgotten, event by event; who leaves the memory, table by table.
#include "serving/life_cycle.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "wire/traffic.h"

namespace mw::serving {
namespace {

using wire::DesiredEndpoint;
using wire::VersionState;
using wire::WeightedVersion;

std::string Source(std::int64_t version) { return Cat("content ", version); }

/// {{3, 9000}, {4, 1000}}: the first is the primary one.
DesiredEndpoint Of(const std::vector<std::pair<std::int64_t, std::int64_t>>& weights) {
  DesiredEndpoint endpoint{"late", "late", weights[0].first, Source(weights[0].first)};
  if (weights.size() == 1) return endpoint;
  for (const auto& [version, weight] : weights) {
    endpoint.traffic.versions.push_back({version, Source(version), weight});
  }
  return endpoint;
}

class LifeCycleTest : public ::testing::Test {
 protected:
  void Want(const DesiredEndpoint& endpoint) {
    serving::Want(cycle_, endpoint);
    settled_ = Settle(cycle_);
  }
  void Becomes(std::int64_t version, VersionState state) {
    CycleEntry* entry = cycle_.FindVersion(version);
    ASSERT_NE(entry, nullptr) << version;
    entry->state = state;
    entry->error.reset();
    if (state == VersionState::kFailed) entry->error = Internal("no");
    settled_ = Settle(cycle_);
  }
  void Serve(const DesiredEndpoint& endpoint) {
    Want(endpoint);
    for (const WeightedVersion& version : endpoint.Versions()) Becomes(version.version, VersionState::kReady);
  }
  /// "3=90% 4=10%, previous 2"; "-" when nothing answers.
  std::string InForce() {
    if (!cycle_.in_force) return "-";
    std::string text;
    for (const WeightedVersion& version : cycle_.in_force->Versions()) {
      CatTo(text, text.empty() ? "" : " ", version.version, "=", wire::WeightText(version.weight));
    }
    if (cycle_.previous) CatTo(text, ", previous ", cycle_.previous->version);
    return text;
  }
  std::string Known() {
    std::string text;
    for (const CycleEntry& entry : cycle_.entries) CatTo(text, text.empty() ? "" : " ", entry.key.version);
    return text;
  }

  EndpointCycle cycle_;
  Settled settled_;
};

TEST_F(LifeCycleTest, TheFirstVersionAnswersOnceItIsReady) {
  Want(Of({{1, 10'000}}));
  EXPECT_EQ(InForce(), "-");
  EXPECT_TRUE(IsUnderWay(cycle_));
  Becomes(1, VersionState::kReady);
  EXPECT_EQ(InForce(), "1=100%");
  EXPECT_TRUE(settled_.changed);
  EXPECT_FALSE(IsUnderWay(cycle_));
}

TEST_F(LifeCycleTest, TheOldVersionAnswersUntilTheNewOneIsReadyAndStaysWarm) {
  Serve(Of({{1, 10'000}}));
  Want(Of({{2, 10'000}}));
  EXPECT_EQ(InForce(), "1=100%");
  Becomes(2, VersionState::kReady);
  EXPECT_EQ(InForce(), "2=100%, previous 1");
  Want(Of({{1, 10'000}}));
  EXPECT_EQ(InForce(), "1=100%, previous 2") << "no load was needed";
}

TEST_F(LifeCycleTest, OnlyTheLatestOfTheOldVersionsStays) {
  Serve(Of({{1, 10'000}}));
  Serve(Of({{2, 10'000}}));
  Serve(Of({{3, 10'000}}));
  EXPECT_EQ(InForce(), "3=100%, previous 2");
  EXPECT_EQ(Known(), "2 3");
}

TEST_F(LifeCycleTest, AVersionThatFailsLeavesTheOldOneInForce) {
  Serve(Of({{1, 10'000}}));
  Want(Of({{2, 10'000}}));
  Becomes(2, VersionState::kFailed);
  EXPECT_EQ(InForce(), "1=100%");
  Want(Of({{2, 10'000}}));
  EXPECT_EQ(cycle_.FindVersion(2)->state, VersionState::kNew) << "wanting it again tries again";
  EXPECT_FALSE(cycle_.FindVersion(2)->error);
  Becomes(2, VersionState::kFailed);
  Want(Of({{1, 10'000}}));
  EXPECT_EQ(Known(), "1") << "nobody wants it any more";
}

TEST_F(LifeCycleTest, ANewerWantOvertakesAnOlderOne) {
  Serve(Of({{1, 10'000}}));
  Want(Of({{2, 10'000}}));
  Want(Of({{3, 10'000}}));
  EXPECT_EQ(Known(), "1 3");
  Becomes(3, VersionState::kReady);
  EXPECT_EQ(InForce(), "3=100%, previous 1");
}

TEST_F(LifeCycleTest, ASplitTakesForceWhole) {
  Serve(Of({{3, 10'000}}));
  Want(Of({{3, 9000}, {4, 1000}}));
  EXPECT_EQ(InForce(), "3=100%");
  Becomes(4, VersionState::kReady);
  EXPECT_EQ(InForce(), "3=90% 4=10%");
  Want(Of({{3, 5000}, {4, 5000}}));
  EXPECT_EQ(InForce(), "3=50% 4=50%") << "at once: both are there";
  Want(Of({{4, 10'000}}));
  EXPECT_EQ(InForce(), "4=100%, previous 3");
}

TEST_F(LifeCycleTest, ACanaryThatFailsChangesNothing) {
  Serve(Of({{2, 10'000}}));
  Serve(Of({{3, 10'000}}));
  Want(Of({{3, 9000}, {4, 1000}}));
  Becomes(4, VersionState::kFailed);
  EXPECT_EQ(InForce(), "3=100%, previous 2");
}

TEST_F(LifeCycleTest, WithNothingBeforeItThePrimaryVersionAnswersForAll) {
  Want(Of({{3, 9000}, {4, 1000}}));
  Becomes(3, VersionState::kReady);
  EXPECT_EQ(InForce(), "3=100%");
  Becomes(4, VersionState::kReady);
  EXPECT_EQ(InForce(), "3=90% 4=10%");
}

TEST_F(LifeCycleTest, WithNothingBeforeItTheCanaryWaitsForThePrimaryVersion) {
  Want(Of({{3, 9000}, {4, 1000}}));
  Becomes(4, VersionState::kReady);
  EXPECT_EQ(InForce(), "-");
  Becomes(3, VersionState::kFailed);
  EXPECT_EQ(InForce(), "4=100%") << "better than nothing";
  EXPECT_EQ(cycle_.in_force->version, 4);
  Becomes(3, VersionState::kReady);
  EXPECT_EQ(InForce(), "3=90% 4=10%");
}

TEST_F(LifeCycleTest, AShadowHoldsNothingUp) {
  DesiredEndpoint endpoint = Of({{3, 10'000}});
  endpoint.traffic.shadow = wire::ShadowVersion{5, Source(5), 1000};
  Want(endpoint);
  Becomes(3, VersionState::kReady);
  EXPECT_EQ(InForce(), "3=100%");
  EXPECT_TRUE(IsUnderWay(cycle_));
  Becomes(5, VersionState::kFailed);
  EXPECT_TRUE(cycle_.in_force->traffic.shadow);
  Want(Of({{3, 10'000}}));
  EXPECT_EQ(Known(), "3");
}

TEST_F(LifeCycleTest, AVersionWithoutWeightIsLoadedAndHoldsNothingUp) {
  Serve(Of({{3, 10'000}}));
  Want(Of({{3, 10'000}, {4, 0}}));
  EXPECT_EQ(InForce(), "3=100% 4=0%");
  EXPECT_EQ(Known(), "3 4");
}

TEST_F(LifeCycleTest, WhatWasUnloadedCountsAsThere) {
  Serve(Of({{3, 10'000}}));
  Becomes(3, VersionState::kUnloaded);
  EXPECT_EQ(InForce(), "3=100%");
  Want(Of({{3, 10'000}}));
  EXPECT_EQ(cycle_.FindVersion(3)->state, VersionState::kUnloaded) << "it comes back when it is asked";
  cycle_.held = true;
  Want(Of({{3, 10'000}}));
  EXPECT_EQ(cycle_.FindVersion(3)->state, VersionState::kNew) << "unloaded by name: wanting it brings it back";
}

TEST_F(LifeCycleTest, TheSameNumberWithOtherContentIsAnotherVersion) {
  Serve(Of({{1, 10'000}}));
  DesiredEndpoint other{"late", "late", 1, "other content"};
  Want(other);
  EXPECT_EQ(cycle_.entries.size(), 2U);
  EXPECT_EQ(cycle_.FindVersion(1)->key.source, Source(1)) << "the one in force is meant by the number";
  cycle_.Find(VersionKey{1, "other content"})->state = VersionState::kReady;
  Settle(cycle_);
  EXPECT_EQ(cycle_.in_force->package, "other content");
  EXPECT_EQ(cycle_.previous->source, Source(1));
}

TEST_F(LifeCycleTest, OtherSettingsTakeForceAtOnce) {
  Serve(Of({{3, 10'000}}));
  DesiredEndpoint cached = Of({{3, 10'000}});
  cached.settings.cache.enabled = true;
  Want(cached);
  EXPECT_TRUE(cycle_.in_force->settings.cache.enabled);
}

TEST_F(LifeCycleTest, WhoWaitsForAVersionThatIsForgottenIsTold) {
  Serve(Of({{1, 10'000}}));
  Want(Of({{2, 10'000}}));
  cycle_.FindVersion(2)->waiting.emplace_back([](const Status&) {});
  Want(Of({{3, 10'000}}));
  EXPECT_EQ(settled_.abandoned.size(), 1U);
}

struct UnloadCase {
  const char* says;
  std::vector<Resident> residents;
  std::int64_t bytes;
  std::optional<std::vector<std::size_t>> unloaded;
};

TEST(ChooseUnloadsTest, IdleVersionsFirstThenTheEndpointsUsedLongestAgo) {
  using std::chrono::seconds;
  const Resident idle_old{false, seconds(90), seconds(1), 100};
  const Resident idle_new{false, seconds(90), seconds(2), 100};
  const Resident quiet{true, seconds(5), seconds(5), 100};
  const Resident busy{true, seconds(9), seconds(9), 100};
  const Resident canary_of_busy{true, seconds(9), seconds(1), 100};
  const std::vector<UnloadCase> cases = {
      {"nothing is wanted", {busy, quiet}, 0, {{}}},
      {"there is room", {busy, quiet}, -50, {{}}},
      {"what nobody is given goes first", {busy, quiet, idle_new, idle_old}, 50, {{3}}},
      {"as many as are needed", {busy, quiet, idle_new, idle_old}, 101, {{3, 2}}},
      {"then the endpoint used longest ago", {busy, quiet, idle_new, idle_old}, 300, {{3, 2, 1}}},
      {"a canary is as busy as its endpoint", {canary_of_busy, busy, quiet}, 100, {{2}}},
      {"of one endpoint the version used longest ago", {busy, canary_of_busy}, 100, {{1}}},
      {"all of them", {busy, quiet}, 200, {{1, 0}}},
      {"all of them are too few", {busy, quiet}, 201, std::nullopt},
      {"there are none", {}, 1, std::nullopt},
  };
  for (const UnloadCase& c : cases) EXPECT_EQ(ChooseUnloads(c.residents, c.bytes), c.unloaded) << c.says;
}

}  // namespace
}  // namespace mw::serving
