// Cores, machines and money with known answers.
#include "load/capacity.h"

#include <gtest/gtest.h>

namespace mw::load {
namespace {

TEST(Capacity, CountsCoresByProcessorTimeAndKeepsAShareFree) {
  // 13.7 us a request: a million requests a second are 13.7 cores of work, in 0.7 of 19.6 cores.
  const Capacity capacity = CapacityFor({1e6, false}, {40'000, 1, 13.7, 2});
  EXPECT_NEAR(*capacity.server_cores, 13.7 / 0.7, 1e-9);
  EXPECT_EQ(*capacity.server_machines, 10);
  EXPECT_EQ(capacity.machines_like_this, 36);  // 1e6 / 28,000
}

TEST(Capacity, KeepsRowsAndRequestsApart) {
  const Capacity capacity = CapacityFor({1'024'000, true}, {2000, 1024, 350.0, 2});
  EXPECT_DOUBLE_EQ(capacity.requests_per_second, 1000);
  EXPECT_NEAR(*capacity.server_cores, 0.35 / 0.7, 1e-9);
  EXPECT_EQ(*capacity.server_machines, 1);
  EXPECT_EQ(capacity.machines_like_this, 1);
}

TEST(Capacity, SaysNothingOfWhatIsUnknown) {
  const Capacity capacity = CapacityFor({1000, false}, {0, 1, std::nullopt, 2});
  EXPECT_FALSE(capacity.server_cores.has_value());
  EXPECT_FALSE(capacity.server_machines.has_value());
  EXPECT_EQ(capacity.machines_like_this, 0);
}

TEST(Capacity, PricesAMillionRows) {
  // 3.6 us each are 3.6 core-seconds a million, a thousandth of an hour; at 0.7 of a core's price used.
  EXPECT_NEAR(CostPerMillionRows(3.6, 0.07), 0.0001, 1e-12);
}

TEST(Capacity, ReadsRates) {
  EXPECT_DOUBLE_EQ(WantedRate::Parse("1000000/s")->per_second, 1e6);
  EXPECT_FALSE(WantedRate::Parse("1000000/s")->rows);
  EXPECT_TRUE(WantedRate::Parse("1,000,000rows/s")->rows);
  EXPECT_TRUE(WantedRate::Parse("5e4 rows/s")->rows);
  EXPECT_FALSE(WantedRate::Parse("250 requests/s")->rows);
  for (const char* wrong : {"", "many", "-1/s", "0", "nan", "inf", "1e13", "10/m"}) {
    EXPECT_FALSE(WantedRate::Parse(wrong).ok()) << wrong;
  }
}

}  // namespace
}  // namespace mw::load
