// Where a rollback goes, case by case.
#include "endpoints/rollback.h"

#include <gtest/gtest.h>

namespace mw::endpoints {
namespace {

Deployment Of(std::int64_t generation, std::int64_t version, bool ready) {
  Deployment deployment;
  deployment.generation = generation;
  deployment.endpoint = "late";
  deployment.version = version;
  if (ready) deployment.ready = FromMicros(generation);
  return deployment;
}

TEST(Rollback, GoesToTheVersionBefore) {
  EXPECT_EQ(ChooseRollback({Of(2, 2, true), Of(1, 1, true)}, std::nullopt)->version, 1);
}

TEST(Rollback, PassesOverAVersionThatWasNeverReady) {
  EXPECT_EQ(ChooseRollback({Of(3, 3, false), Of(2, 2, false), Of(1, 1, true)}, std::nullopt)->version, 1);
}

TEST(Rollback, OfARollbackGoesForwardAgain) {
  EXPECT_EQ(ChooseRollback({Of(3, 1, true), Of(2, 2, true), Of(1, 1, true)}, std::nullopt)->version, 2);
}

TEST(Rollback, TakesTheVersionAskedFor) {
  EXPECT_EQ(ChooseRollback({Of(3, 3, true), Of(2, 2, true), Of(1, 1, false)}, 1)->version, 1);
}

Deployment Split(std::int64_t generation, std::int64_t primary, std::int64_t canary) {
  Deployment deployment = Of(generation, primary, true);
  deployment.traffic.versions = {{primary, "p", 9000}, {canary, "c", 1000}};
  return deployment;
}

TEST(Rollback, OfASplitGoesToTheOneVersionBeforeIt) {
  const auto back = ChooseRollback({Split(3, 1, 2), Split(2, 1, 2), Of(1, 1, true)}, std::nullopt);
  EXPECT_EQ(back->version, 1);
  EXPECT_TRUE(back->traffic.versions.empty());
}

TEST(Rollback, PassesOverTheSplitsOfARollOut) {
  EXPECT_EQ(ChooseRollback({Of(4, 2, true), Split(3, 2, 1), Split(2, 1, 2), Of(1, 1, true)}, std::nullopt)->version, 1);
}

TEST(Rollback, TakesAVersionThatOnlyEverWasPartOfASplit) {
  const auto back = ChooseRollback({Of(3, 1, true), Split(2, 1, 2), Of(1, 1, true)}, 2);
  EXPECT_EQ(back->version, 2);
  EXPECT_EQ(back->package, "c");
  EXPECT_TRUE(back->traffic.versions.empty());
}

TEST(Rollback, KeepsTheSettingsThereAreAndNoShadow) {
  Deployment before = Of(1, 1, true);
  before.traffic.shadow = wire::ShadowVersion{9, "s", 10};
  Deployment current = Of(2, 2, true);
  current.settings.cache.enabled = true;
  const auto back = ChooseRollback({current, before}, std::nullopt);
  EXPECT_TRUE(back->settings.cache.enabled);
  EXPECT_FALSE(back->traffic.shadow);
}

TEST(Rollback, OfARemovalTakesTheVersionThatWasThere) {
  Deployment removed = Of(2, 1, false);
  removed.removed = true;
  EXPECT_EQ(ChooseRollback({removed, Of(1, 1, true)}, std::nullopt)->version, 1);
}

TEST(Rollback, SaysWhyThereIsNoWayBack) {
  EXPECT_NE(ChooseRollback({Of(1, 1, true)}, std::nullopt).error().message.find("nothing to go back to"),
            std::string::npos);
  EXPECT_NE(ChooseRollback({Of(2, 2, true), Of(1, 1, true)}, 7).error().message.find("it did with: 1"),
            std::string::npos);
  EXPECT_NE(ChooseRollback({Of(2, 2, true), Of(1, 1, false)}, std::nullopt).error().message.find("--to: 1"),
            std::string::npos);
  EXPECT_FALSE(ChooseRollback({Of(2, 2, true), Of(1, 1, true)}, 2).ok());
}

}  // namespace
}  // namespace mw::endpoints
