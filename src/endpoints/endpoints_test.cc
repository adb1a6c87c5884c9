// Deploying, reporting and rolling back over a real database.
#include "endpoints/endpoints.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/text.h"
#include "db/sqlite_database.h"
#include "endpoints/deployment_store.h"

namespace mw::endpoints {
namespace {

class EndpointsTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = testing::TempDir() + "mwendpointsXXXXXX";
    ASSERT_NE(mkdtemp(directory_.data()), nullptr);
    Open();
    for (const char* package : {"a", "b", "c"}) {
      registry::NewVersion version;
      version.name.model = "late";
      version.package = Cat("sha256:", std::string(64, package[0]));
      version.attempt_id = package;
      ASSERT_TRUE(SyncWait(registry_->CreateVersion(version)).ok());
    }
  }
  void TearDown() override {
    Close();
    std::filesystem::remove_all(directory_);
  }
  void Open() {
    auto database = db::SqliteDatabase::Open(directory_ + "/test.db");
    ASSERT_TRUE(database.ok()) << database.error().ToString();
    database_ = std::move(*database);
    std::vector<db::Migration> migrations = registry::Migrations();
    for (const auto& migration : Migrations()) migrations.push_back(migration);
    ASSERT_TRUE(database_->Migrate(migrations).ok());
    registry_ = std::make_unique<registry::Registry>(*database_, clock_);
    endpoints_ = std::make_unique<Endpoints>(*database_, *registry_, clock_);
    ASSERT_TRUE(SyncWait(endpoints_->Load()).ok());
  }
  void Close() {
    endpoints_.reset();
    registry_.reset();
    database_.reset();
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

  std::string directory_;
  SimulatedClock clock_{FromMicros(1'700'000'000'000'000)};
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<registry::Registry> registry_;
  std::unique_ptr<Endpoints> endpoints_;
};

TEST_F(EndpointsTest, ADeploymentIsWantedByAllAndMovesProduction) {
  const auto deployment = Deploy("2");
  ASSERT_TRUE(deployment.ok()) << deployment.error().ToString();
  EXPECT_EQ(deployment->generation, 1);
  const wire::DesiredState desired = endpoints_->Desired();
  ASSERT_EQ(desired.endpoints.size(), 1u);
  EXPECT_EQ(desired.endpoints[0].version, 2);
  EXPECT_EQ(desired.generation, 1);
  EXPECT_EQ(SyncWait(registry_->GetVersion({"default", "late"}, "production"))->version, 2);
}

TEST_F(EndpointsTest, TheSameAttemptDeploysOnce) {
  EXPECT_EQ(Deploy("1", "attempt")->generation, 1);
  EXPECT_EQ(Deploy("1", "attempt")->generation, 1);
  EXPECT_EQ(Deploy("2")->generation, 2);
}

TEST_F(EndpointsTest, IsReadyWhenEveryLiveServerAnswersWithIt) {
  ASSERT_TRUE(Deploy("1").ok());
  EXPECT_FALSE(SyncWait(endpoints_->Get("late"))->Ready());
  ReportReady(1);
  EXPECT_TRUE(SyncWait(endpoints_->Get("late"))->Ready());
  ASSERT_TRUE(Deploy("2").ok());
  EXPECT_FALSE(SyncWait(endpoints_->Get("late"))->Ready());
  clock_.Advance(kServerGoneAfter + Duration(1));
  EXPECT_TRUE(endpoints_->Servers().empty());
}

TEST_F(EndpointsTest, RollsBackToTheLastVersionThatWasReadyAlsoAfterARestart) {
  ASSERT_TRUE(Deploy("1").ok());
  ReportReady(1);
  ASSERT_TRUE(Deploy("2").ok());
  ASSERT_TRUE(Deploy("3").ok());
  ReportReady(3);
  Close();
  Open();
  EXPECT_EQ(endpoints_->Desired().endpoints[0].version, 3);
  const auto back = SyncWait(endpoints_->Rollback("late", std::nullopt, "storms", "test"));
  ASSERT_TRUE(back.ok()) << back.error().ToString();
  EXPECT_EQ(back->version, 1);
  EXPECT_EQ(back->generation, 4);
  EXPECT_EQ(back->cause, "rollback: storms");
  EXPECT_EQ(SyncWait(registry_->GetVersion({"default", "late"}, "production"))->version, 1);
}

TEST_F(EndpointsTest, RefusesWithWhatThereIs) {
  EXPECT_NE(Deploy("9").error().message.find("versions: 1, 2, 3"), std::string::npos);
  EXPECT_EQ(SyncWait(endpoints_->Deploy({"a/b", "late", "1", "test", ""})).error().code, Code::kInvalidArgument);
  EXPECT_EQ(SyncWait(endpoints_->Get("lat")).error().code, Code::kNotFound);
  EXPECT_EQ(SyncWait(endpoints_->Rollback("lat", std::nullopt, "", "")).error().code, Code::kNotFound);
}

TEST_F(EndpointsTest, WhoWatchesHearsOfEachGrowthWhileItWatches) {
  int heard = 0;
  {
    const Endpoints::Watch watch(*endpoints_, [&heard] { ++heard; });
    ASSERT_TRUE(Deploy("1", "first").ok());
    EXPECT_EQ(heard, 1);
    ASSERT_TRUE(Deploy("1", "first").ok());
    EXPECT_EQ(heard, 1) << "the same deployment again is no growth";
  }
  ASSERT_TRUE(Deploy("2").ok());
  EXPECT_EQ(heard, 1);
}

}  // namespace
}  // namespace mw::endpoints
