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
