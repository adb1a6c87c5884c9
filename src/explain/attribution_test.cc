// Shares and means by hand.
#include "explain/attribution.h"

#include <gtest/gtest.h>

namespace mw::explain {
namespace {

TEST(Attribution, SharesOfTheMeanAbsoluteValues) {
  const std::vector<double> phi = {1, -2, 0, 9, -3, 2, 0, 9};  // two rows of three features and the expectation
  EXPECT_EQ(MeanAbsolute(phi, 3), (std::vector<double>{0.5, 0.5, 0}));
  EXPECT_EQ(MeanSigned(phi, 3), (std::vector<double>{-1, 0, 0}));
}

TEST(Attribution, NothingFromNothing) {
  EXPECT_EQ(MeanAbsolute({}, 2), (std::vector<double>{0, 0}));
  EXPECT_EQ(MeanSigned({}, 2), (std::vector<double>{0, 0}));
  EXPECT_EQ(MeanAbsolute(std::vector<double>{0, 0, 5}, 2), (std::vector<double>{0, 0}));
}

}  // namespace
}  // namespace mw::explain
