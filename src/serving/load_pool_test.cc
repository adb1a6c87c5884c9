// As many at once as there are threads; who waits for others lets another begin.
#include "serving/load_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>

namespace mw::serving {
namespace {

constexpr auto kDeadline = std::chrono::seconds(20);

TEST(LoadPoolTest, NoMoreRunAtOnceThanItHasThreads) {
  std::atomic<int> running{0}, most{0};
  std::promise<void> done;
  std::atomic<int> left{20};
  {
    LoadPool pool(2);
    for (int i = 0; i < 20; ++i) {
      pool.Submit([&] {
        const int now = ++running;
        for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
        }
        std::this_thread::yield();
        --running;
        if (--left == 0) done.set_value();
      });
    }
    ASSERT_EQ(done.get_future().wait_for(kDeadline), std::future_status::ready);
  }
  EXPECT_LE(most, 2);
}

TEST(LoadPoolTest, AJobThatWaitsForOthersLetsAnotherBegin) {
  std::promise<void> waits, release, other;
  const std::shared_future<void> released = release.get_future().share();
  LoadPool pool(1);
  pool.Submit([&] {
    pool.LetOthersBegin();
    pool.LetOthersBegin();  // counts once
    waits.set_value();
    released.wait();
  });
  ASSERT_EQ(waits.get_future().wait_for(kDeadline), std::future_status::ready);
  pool.Submit([&] { other.set_value(); });
  EXPECT_EQ(other.get_future().wait_for(kDeadline), std::future_status::ready);
  release.set_value();
  // And afterwards there is room for one again, no more.
  std::promise<void> last;
  pool.Submit([&] { last.set_value(); });
  EXPECT_EQ(last.get_future().wait_for(kDeadline), std::future_status::ready);
  pool.LetOthersBegin();  // no job of the pool's: nothing happens
}

}  // namespace
}  // namespace mw::serving
