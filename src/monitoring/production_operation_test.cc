// What production shows of serving: which requests count for the rate of errors.
#include "monitoring/production_operation.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "goals/require.h"

namespace mw::monitoring {
namespace {

/// Of hours with so many requests, failures, refused ones.
goals::Measurement ErrorRateOf(const std::vector<std::array<std::int64_t, 3>>& hours) {
  goals::Target target;
  target.require = *goals::ParseRequirement("error_rate <= 0.1%", goals::Problem::kBinaryClassification);
  ProductionInput input;
  for (const auto& [requests, failures, refused] : hours) {
    predictions::WindowSummary& hour = input.hours.emplace_back();
    hour.requests = requests;
    hour.failures = failures;
    hour.refused = refused;
  }
  return MeasureOperation(target, input, nullptr).measurement;
}

TEST(ErrorRate, ABadRequestOfACallerIsNoErrorOfTheServers) {
  EXPECT_EQ(ErrorRateOf({{1000, 0, 19}}).value, 0.0);
  EXPECT_EQ(ErrorRateOf({{1000, 0, 19}, {138, 3, 119}}).value, 0.003);
}

TEST(ErrorRate, WithoutAValidRequestThereIsNone) {
  const goals::Measurement refused = ErrorRateOf({{1019, 0, 1019}});
  EXPECT_FALSE(refused.value.has_value());
  EXPECT_EQ(refused.reason, "none of the 1,019 requests was valid");
  EXPECT_EQ(ErrorRateOf({{0, 0, 0}}).reason, "there were no requests");
}

}  // namespace
}  // namespace mw::monitoring
