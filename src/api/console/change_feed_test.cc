// What is published reaches every subscription, once, and never too much of it.
#include "api/console/change_feed.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace mw::api::console {
namespace {

TEST(ChangeFeed, GathersEachChangeOnceAndWakesOnce) {
  ChangeFeed feed;
  int woken = 0;
  const auto subscription = feed.Subscribe([&] { ++woken; });
  ASSERT_TRUE(subscription.ok());
  feed.Publish("run", "a");
  feed.Publish("run", "a");
  feed.Publish("goal", "");
  EXPECT_EQ(woken, 1);
  EXPECT_EQ((*subscription)->Take(), (std::vector<Change>{{"goal", ""}, {"run", "a"}}));
  EXPECT_TRUE((*subscription)->Take().empty());
  feed.Publish("run", "a");
  EXPECT_EQ(woken, 2);
}

TEST(ChangeFeed, EachSubscriptionTakesForItself) {
  ChangeFeed feed;
  auto first = feed.Subscribe([] {});
  const auto second = feed.Subscribe([] {});
  feed.Publish("model", "m");
  EXPECT_EQ((*first)->Take().size(), 1U);
  first->reset();
  feed.Publish("model", "n");
  EXPECT_EQ((*second)->Take().size(), 2U);
}

TEST(ChangeFeed, WhoLagsBehindReadsEverythingAnew) {
  ChangeFeed feed;
  const auto subscription = feed.Subscribe([] {});
  for (int i = 0; i < 1000; ++i) feed.Publish("run", std::to_string(i));
  const std::vector<Change> taken = (*subscription)->Take();
  EXPECT_LE(taken.size(), ChangeFeed::kGatheredMax);
  EXPECT_NE(std::find(taken.begin(), taken.end(), Change{"all", ""}), taken.end());
}

TEST(ChangeFeed, BoundsItsSubscriptions) {
  ChangeFeed feed;
  std::vector<std::unique_ptr<ChangeFeed::Subscription>> kept;
  for (std::size_t i = 0; i < ChangeFeed::kSubscriptionsMax; ++i) kept.push_back(std::move(*feed.Subscribe([] {})));
  const auto refused = feed.Subscribe([] {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kResourceExhausted);
  kept.pop_back();
  EXPECT_TRUE(feed.Subscribe([] {}).ok());
}

}  // namespace
}  // namespace mw::api::console
