// When bells ring, and for how long they are kept.
#include "base/gathered_bells.h"

#include <gtest/gtest.h>

#include <thread>

namespace mw {
namespace {

struct CountingBell final : Bell {
  void Ring() override { ++rung; }
  int rung = 0;
};

TEST(GatheredBells, RingAtTheEndOfTheirScope) {
  const auto bell = std::make_shared<CountingBell>();
  GatheredBells::Ring(bell);
  EXPECT_EQ(bell->rung, 1);
  {
    const GatheredBells outer;
    GatheredBells::Ring(bell);
    {
      const GatheredBells inner;
      GatheredBells::Ring(bell);
    }
    EXPECT_EQ(bell->rung, 1);
  }
  EXPECT_EQ(bell->rung, 3);
  GatheredBells::Ring(bell);
  EXPECT_EQ(bell->rung, 4);
}

TEST(GatheredBells, KeepWhatIsToRing) {
  std::weak_ptr<CountingBell> kept;
  {
    const GatheredBells gathered;
    auto own = std::make_shared<CountingBell>();
    kept = own;
    GatheredBells::Ring(std::move(own));
    EXPECT_FALSE(kept.expired());
  }
  EXPECT_TRUE(kept.expired());
}

TEST(GatheredBells, AreTheirOwnThreadsAlone) {
  const auto bell = std::make_shared<CountingBell>();
  const GatheredBells gathered;
  std::thread([&] { GatheredBells::Ring(bell); }).join();
  EXPECT_EQ(bell->rung, 1);
}

}  // namespace
}  // namespace mw
