// Models over their routes: the list with where aliases point, and one model with its versions.
#include <gtest/gtest.h>

#include "api/native/testing.h"

namespace mw::api::native {
namespace {

class ModelRoutesTest : public ::testing::Test {
 protected:
  void Register(const std::string& model, const std::string& digit) {
    registry::NewVersion version;
    version.name.model = model;
    version.package = Cat("sha256:", std::string(64, digit[0]));
    ASSERT_TRUE(SyncWait(world_.registry.CreateVersion(std::move(version))).ok());
  }
  std::string Point(const std::string& model, const std::string& alias, const std::string& body) {
    return world_.Say(Cat("/api/v1/models/", model, "/aliases/", alias), net::Method::kPut, body);
  }

  RecordedWorld world_;
};

TEST_F(ModelRoutesTest, EachIsListedWithWhereItsAliasesPoint) {
  EXPECT_EQ(world_.Say("/api/v1/models"), R"({"models":[]})");
  for (const char* digit : {"1", "2"}) Register("late", digit);
  Register("early", "3");
  EXPECT_EQ(Point("late", "production", R"({"version":1})"), R"({"alias":"production","version":1,"previous":0})");
  Point("late", "candidate", R"({"version":2})");
  EXPECT_EQ(world_.Say("/api/v1/models"),
            R"({"models":[{"name":"early","latest":1,"created":"2020-09-13T12:26:40Z","description":"","tags":{},)"
            R"("aliases":[]},{"name":"late","latest":2,"created":"2020-09-13T12:26:40Z","description":"","tags":{},)"
            R"("aliases":[)"
            R"({"alias":"candidate","version":2},{"alias":"production","version":1}]}]})");
}

TEST_F(ModelRoutesTest, AModelTellsItsVersionsNewestFirst) {
  for (const char* digit : {"1", "2"}) Register("late", digit);
  Point("late", "production", R"({"version":1})");
  const Json model = world_.Get("/api/v1/models/late");
  const Json::Array& versions = model.Find("versions")->AsArray();
  ASSERT_EQ(versions.size(), 2U);
  EXPECT_EQ(versions[0].IntOr("version", 0), 2);
  EXPECT_EQ(versions[1].Find("aliases")->Dump(), R"(["production"])");
  EXPECT_EQ(world_.Get("/api/v1/models/late/versions/production").Dump(), versions[1].Dump());
}

TEST_F(ModelRoutesTest, WhatIsNotThereIsNamed) {
  EXPECT_TRUE(world_.Say("/api/v1/models/late").starts_with("404 "));
  Register("late", "1");
  EXPECT_TRUE(world_.Say("/api/v1/models/late/versions/9").starts_with("404 "));
  EXPECT_TRUE(Point("late", "production", R"({"version":9})").starts_with("404 "));
  EXPECT_TRUE(Point("late", "production", "{}").starts_with("400 "));
  EXPECT_TRUE(
      world_.Say("/api/v1/models/late/versions", net::Method::kPost, R"({"package":"none"})").starts_with("400 "));
}

}  // namespace
}  // namespace mw::api::native
