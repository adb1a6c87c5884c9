// Deploying, reporting and rolling back over real databases.
#include "endpoints/endpoints.h"

#include <gtest/gtest.h>

#include <memory>

#include "base/text.h"
#include "db/temporary_database.h"
#include "endpoints/deployment_store.h"

namespace mw::endpoints {
namespace {

std::vector<db::Migration> AllMigrations() {
  std::vector<db::Migration> all = registry::Migrations();
  for (const db::Migration& migration : Migrations()) all.push_back(migration);
  return all;
}

template <typename Driver>
class EndpointsTest : public db::StoreTest<Driver> {
 protected:
  EndpointsTest() : db::StoreTest<Driver>(AllMigrations()) {}
  void Begin() override {
    registry_ = std::make_unique<registry::Registry>(*this->database_, clock_);
    endpoints_ = std::make_unique<Endpoints>(*this->database_, *registry_, clock_);
    for (const char* package : {"a", "b", "c"}) {
      registry::NewVersion version;
      version.name.model = "late";
      version.package = Cat("sha256:", std::string(64, package[0]));
      version.attempt_id = package;
      ASSERT_TRUE(SyncWait(registry_->CreateVersion(version)).ok());
    }
    ASSERT_TRUE(SyncWait(endpoints_->Load()).ok());
  }
  void End() {
    endpoints_.reset();
    registry_.reset();
  }
  Result<Deployment> Deploy(const std::string& version, const std::string& key = "") {
    return SyncWait(endpoints_->Deploy({"late", "late", version, "test", key}));
  }
  void ReportReady(std::int64_t version) {
    wire::StatusReport report;
    report.server = "one";
    report.generation = endpoints_->generation();
    report.endpoints = {{"late", version, wire::VersionState::kReady, ""}};
    ASSERT_TRUE(SyncWait(endpoints_->Report(report)).ok());
  }

  SimulatedClock clock_{FromMicros(1'700'000'000'000'000)};
  std::unique_ptr<registry::Registry> registry_;
  std::unique_ptr<Endpoints> endpoints_;
};
TYPED_TEST_SUITE(EndpointsTest, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(EndpointsTest, ADeploymentIsWantedByAllAndMovesProduction) {
  const auto deployment = this->Deploy("2");
  ASSERT_TRUE(deployment.ok()) << deployment.error().ToString();
  EXPECT_EQ(deployment->generation, 1);
  const wire::DesiredState desired = this->endpoints_->Desired();
  ASSERT_EQ(desired.endpoints.size(), 1u);
  EXPECT_EQ(desired.endpoints[0].version, 2);
  EXPECT_EQ(desired.generation, 1);
  EXPECT_EQ(SyncWait(this->registry_->GetVersion({"default", "late"}, "production"))->version, 2);
}

TYPED_TEST(EndpointsTest, TheSameAttemptDeploysOnce) {
  EXPECT_EQ(this->Deploy("1", "attempt")->generation, 1);
  EXPECT_EQ(this->Deploy("1", "attempt")->generation, 1);
  EXPECT_EQ(this->Deploy("2")->generation, 2);
}

TYPED_TEST(EndpointsTest, IsReadyWhenEveryLiveServerAnswersWithIt) {
  ASSERT_TRUE(this->Deploy("1").ok());
  EXPECT_FALSE(SyncWait(this->endpoints_->Get("late"))->Ready());
  this->ReportReady(1);
  EXPECT_TRUE(SyncWait(this->endpoints_->Get("late"))->Ready());
  ASSERT_TRUE(this->Deploy("2").ok());
  EXPECT_FALSE(SyncWait(this->endpoints_->Get("late"))->Ready());
  this->clock_.Advance(kServerGoneAfter + Duration(1));
  EXPECT_TRUE(this->endpoints_->Servers().empty());
}

TYPED_TEST(EndpointsTest, RollsBackToTheLastVersionThatWasReadyAlsoAfterARestart) {
  ASSERT_TRUE(this->Deploy("1").ok());
  this->ReportReady(1);
  ASSERT_TRUE(this->Deploy("2").ok());
  ASSERT_TRUE(this->Deploy("3").ok());
  this->ReportReady(3);
  this->End();
  ASSERT_NO_FATAL_FAILURE(this->Open());
  EXPECT_EQ(this->endpoints_->Desired().endpoints[0].version, 3);
  const auto back = SyncWait(this->endpoints_->Rollback("late", std::nullopt, "storms", "test"));
  ASSERT_TRUE(back.ok()) << back.error().ToString();
  EXPECT_EQ(back->version, 1);
  EXPECT_EQ(back->generation, 4);
  EXPECT_EQ(back->cause, "rollback: storms");
  EXPECT_EQ(SyncWait(this->registry_->GetVersion({"default", "late"}, "production"))->version, 1);
}

TYPED_TEST(EndpointsTest, RefusesWithWhatThereIs) {
  EXPECT_NE(this->Deploy("9").error().message.find("versions: 1, 2, 3"), std::string::npos);
  EXPECT_EQ(SyncWait(this->endpoints_->Deploy({"a/b", "late", "1", "test", ""})).error().code, Code::kInvalidArgument);
  EXPECT_EQ(SyncWait(this->endpoints_->Get("lat")).error().code, Code::kNotFound);
  EXPECT_EQ(SyncWait(this->endpoints_->Rollback("lat", std::nullopt, "", "")).error().code, Code::kNotFound);
}

TYPED_TEST(EndpointsTest, WhoWatchesHearsOfEachGrowthWhileItWatches) {
  int heard = 0;
  {
    const Endpoints::Watch watch(*this->endpoints_, [&heard] { ++heard; });
    ASSERT_TRUE(this->Deploy("1", "first").ok());
    EXPECT_EQ(heard, 1);
    ASSERT_TRUE(this->Deploy("1", "first").ok());
    EXPECT_EQ(heard, 1) << "the same deployment again is no growth";
  }
  ASSERT_TRUE(this->Deploy("2").ok());
  EXPECT_EQ(heard, 1);
}

}  // namespace
}  // namespace mw::endpoints
