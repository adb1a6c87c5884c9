// Who gets which share, case by case.
#include "endpoints/sharing.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace mw::endpoints {
namespace {

using Versions = std::vector<wire::WeightedVersion>;

Deployment Of(Versions versions) {
  Deployment deployment;
  deployment.endpoint = "late";
  deployment.version = versions.front().version;
  EXPECT_TRUE(Share(deployment, std::move(versions)).ok());
  return deployment;
}

std::string Texts(const Result<Versions>& versions) {
  if (!versions.ok()) return versions.error().message;
  std::string text;
  for (const auto& version : *versions) {
    CatTo(text, text.empty() ? "" : " ", version.version, "=", wire::WeightText(version.weight));
  }
  return text;
}

TEST(Sharing, ACanaryTakesItsShareOfTheOneVersion) {
  EXPECT_EQ(Texts(WithWeight(Of({{3, "c", 10'000}}), {4, "d", 1000})), "3=90% 4=10%");
}

TEST(Sharing, RaisingACanaryTakesFromTheOthersInProportion) {
  EXPECT_EQ(Texts(WithWeight(Of({{3, "c", 9000}, {4, "d", 1000}}), {4, "d", 2500})), "3=75% 4=25%");
  EXPECT_EQ(Texts(WithWeight(Of({{2, "b", 6000}, {3, "c", 3000}, {4, "d", 1000}}), {4, "d", 4000})),
            "2=40% 3=20% 4=40%");
}

TEST(Sharing, NoTenThousandthIsLost) {
  EXPECT_EQ(Texts(WithWeight(Of({{1, "a", 3334}, {2, "b", 3333}, {3, "c", 3333}}), {4, "d", 1})),
            "1=33.33% 2=33.33% 3=33.33% 4=0.01%");
}

TEST(Sharing, TheWholeIsOneVersionAgain) {
  EXPECT_EQ(Texts(WithWeight(Of({{3, "c", 9000}, {4, "d", 1000}}), {4, "d", 10'000})), "4=100%");
  EXPECT_TRUE(Of({{4, "d", 10'000}}).traffic.versions.empty());
}

TEST(Sharing, NobodyIsThereToTakeTheRest) {
  EXPECT_NE(
      Texts(WithWeight(Of({{3, "c", 10'000}}), {3, "c", 1000})).find("no version that could answer the other 90%"),
      std::string::npos);
}

TEST(Sharing, ThePrimaryVersionIsTheHeaviestAndStaysSoAmongEquals) {
  EXPECT_EQ(Of({{3, "c", 9000}, {4, "d", 1000}}).version, 3);
  EXPECT_EQ(Of({{3, "c", 1000}, {4, "d", 9000}}).version, 4);
  EXPECT_EQ(Of({{4, "d", 5000}, {3, "c", 5000}}).version, 4) << "it was the primary one before";
  Deployment deployment;
  deployment.version = 1;
  ASSERT_TRUE(Share(deployment, {{4, "d", 5000}, {3, "c", 5000}}).ok());
  EXPECT_EQ(deployment.version, 3);
  EXPECT_EQ(deployment.package, "c");
}

TEST(Sharing, WeightsMustBeAWhole) {
  Deployment deployment;
  EXPECT_NE(Share(deployment, {{3, "c", 9000}, {4, "d", 900}}).error().message.find("99%"), std::string::npos);
  EXPECT_FALSE(Share(deployment, {}).ok());
}

}  // namespace
}  // namespace mw::endpoints
