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
  Result<Deployment> Canary(const std::string& version, std::int64_t weight, const std::string& key = "") {
    return SyncWait(endpoints_->Deploy({"late", "late", version, "test", key, weight}));
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

TYPED_TEST(EndpointsTest, ACanaryTakesItsShareAndProductionStaysWhereItIs) {
  ASSERT_TRUE(this->Deploy("1").ok());
  const auto canary = this->Canary("2", 1000, "attempt");
  ASSERT_TRUE(canary.ok()) << canary.error().ToString();
  EXPECT_EQ(TrafficText(*canary), "versions 1=90% 2=10%");
  EXPECT_EQ(canary->version, 1);
  EXPECT_EQ(canary->cause, "canary");
  EXPECT_EQ(SyncWait(this->registry_->GetVersion({"default", "late"}, "production"))->version, 1);
  EXPECT_EQ(this->Canary("2", 1000, "attempt")->generation, canary->generation) << "the same attempt shares once";
  EXPECT_EQ(TrafficText(*this->Canary("2", 6000)), "versions 1=40% 2=60%");
  EXPECT_EQ(SyncWait(this->registry_->GetVersion({"default", "late"}, "production"))->version, 2);
  EXPECT_EQ(TrafficText(*this->Canary("2", 10'000)), "version 2");
}

TYPED_TEST(EndpointsTest, ACanaryNeedsSomethingOfItsModelThatAnswersTheRest) {
  EXPECT_EQ(this->Canary("1", 1000).error().code, Code::kFailedPrecondition);
  ASSERT_TRUE(this->Deploy("1").ok());
  EXPECT_EQ(this->Canary("1", 1000).error().code, Code::kFailedPrecondition);
}

TYPED_TEST(EndpointsTest, SharesAndSettingsOutliveARestartAndReachTheServers) {
  ASSERT_TRUE(this->Deploy("1").ok());
  SharingRequest request;
  request.endpoint = "late";
  request.versions = {{"1", 7000}, {"2", 3000}};
  request.shadow = VersionShare{"3", 500};
  request.sticky = wire::StickyKey{wire::StickyKey::From::kHeader, "x-user"};
  request.cache = wire::CacheRules{true, 30};
  const auto shared = SyncWait(this->endpoints_->Share(request));
  ASSERT_TRUE(shared.ok()) << shared.error().ToString();
  EXPECT_EQ(TrafficText(*shared), "versions 1=70% 2=30%, shadow 3=5%");
  const wire::DesiredState before = this->endpoints_->Desired();
  this->End();
  ASSERT_NO_FATAL_FAILURE(this->Open());
  EXPECT_EQ(this->endpoints_->Desired(), before);
  ASSERT_EQ(before.endpoints.size(), 1U);
  EXPECT_EQ(before.endpoints[0].settings.sticky.name, "x-user");
  EXPECT_TRUE(wire::ParseDesiredState(wire::ToJson(before).Dump()).ok());

  SharingRequest only_settings;
  only_settings.endpoint = "late";
  only_settings.cache = wire::CacheRules{};
  const auto changed = SyncWait(this->endpoints_->Share(only_settings));
  EXPECT_EQ(changed->cause, "settings");
  EXPECT_EQ(TrafficText(*changed), TrafficText(*shared));
  EXPECT_EQ(changed->settings.sticky.name, "x-user");
  EXPECT_FALSE(changed->settings.cache.enabled);

  const auto deployed = this->Deploy("3");
  EXPECT_EQ(TrafficText(*deployed), "version 3") << "one version for all, and no shadow";
  EXPECT_EQ(deployed->settings.sticky.name, "x-user") << "settings are the endpoint's, not the version's";
}

TYPED_TEST(EndpointsTest, RefusesSharesThatAreNoWholeAndVersionsThatAreNot) {
  ASSERT_TRUE(this->Deploy("1").ok());
  SharingRequest request;
  request.endpoint = "late";
  request.versions = {{"1", 7000}, {"2", 2000}};
  EXPECT_EQ(SyncWait(this->endpoints_->Share(request)).error().code, Code::kInvalidArgument);
  request.versions = {{"1", 7000}, {"9", 3000}};
  EXPECT_EQ(SyncWait(this->endpoints_->Share(request)).error().code, Code::kNotFound);
  request.endpoint = "lat";
  EXPECT_EQ(SyncWait(this->endpoints_->Share(request)).error().code, Code::kNotFound);
}

TYPED_TEST(EndpointsTest, ASplitIsReadyWhenItsVersionsAreThereAndGivenTheirWeights) {
  ASSERT_TRUE(this->Deploy("1").ok());
  ASSERT_TRUE(this->Canary("2", 1000).ok());
  wire::StatusReport report;
  report.server = "one";
  report.endpoints = {{"late", 1, wire::VersionState::kReady, "", 10'000}, {"late", 2, wire::VersionState::kLoading}};
  ASSERT_TRUE(SyncWait(this->endpoints_->Report(report)).ok());
  EXPECT_FALSE(SyncWait(this->endpoints_->Get("late"))->Ready());
  report.endpoints[1].state = wire::VersionState::kReady;
  report.endpoints[1].weight = 0;
  ASSERT_TRUE(SyncWait(this->endpoints_->Report(report)).ok());
  EXPECT_FALSE(SyncWait(this->endpoints_->Get("late"))->Ready()) << "the old shares are still in force";
  report.endpoints[0].weight = 9000;
  report.endpoints[1].weight = 1000;
  report.endpoints[1].memory_bytes = 4096;
  ASSERT_TRUE(SyncWait(this->endpoints_->Report(report)).ok());
  const auto view = SyncWait(this->endpoints_->Get("late"));
  EXPECT_TRUE(view->Ready());
  EXPECT_TRUE(view->current.ready);
  const Json json = ToJson(*view);
  ASSERT_EQ(json.Find("versions")->AsArray().size(), 2U);
  const Json& second = json.Find("versions")->AsArray()[0];
  EXPECT_EQ(second.IntOr("version", 0), 2);
  EXPECT_EQ(second.IntOr("weight", 0), 1000);
  EXPECT_EQ(second.Find("servers")->AsArray()[0].IntOr("memory_bytes", 0), 4096);
}

TYPED_TEST(EndpointsTest, WhatNothingServesSaysWhyWhereThatIsKnown) {
  ASSERT_TRUE(this->Deploy("1").ok());
  EXPECT_EQ(ToJson(*SyncWait(this->endpoints_->Get("late"))).Find("fault"), nullptr);
  this->endpoints_->SetServerFault("the port is taken");
  EXPECT_EQ(ToJson(*SyncWait(this->endpoints_->Get("late"))).StringOr("fault", ""), "the port is taken");
  this->ReportReady(1);
  EXPECT_EQ(ToJson(*SyncWait(this->endpoints_->Get("late"))).Find("fault"), nullptr) << "another server answers";
}

TYPED_TEST(EndpointsTest, RollingASplitBackGivesTheCanaryUp) {
  ASSERT_TRUE(this->Deploy("1").ok());
  this->ReportReady(1);
  ASSERT_TRUE(this->Canary("2", 1000).ok());
  const auto back = SyncWait(this->endpoints_->Rollback("late", std::nullopt, "", "test"));
  ASSERT_TRUE(back.ok()) << back.error().ToString();
  EXPECT_EQ(TrafficText(*back), "version 1");
  EXPECT_EQ(SyncWait(this->endpoints_->Rollback("late", 2, "", "test"))->version, 2) << "it was part of a split";
}

TYPED_TEST(EndpointsTest, ARemovedEndpointIsWantedNoMoreAndComesBackWithADeployment) {
  ASSERT_TRUE(this->Deploy("1").ok());
  this->ReportReady(1);
  const auto removed = SyncWait(this->endpoints_->Remove("late", "test", "attempt"));
  ASSERT_TRUE(removed.ok()) << removed.error().ToString();
  EXPECT_EQ(SyncWait(this->endpoints_->Remove("late", "test", "attempt"))->generation, removed->generation);
  EXPECT_EQ(SyncWait(this->endpoints_->Remove("late", "test", "")).error().code, Code::kNotFound);
  EXPECT_TRUE(this->endpoints_->Desired().endpoints.empty());
  EXPECT_EQ(this->endpoints_->Desired().generation, removed->generation);
  EXPECT_TRUE(SyncWait(this->endpoints_->List())->empty());
  EXPECT_EQ(SyncWait(this->endpoints_->Get("late")).error().code, Code::kNotFound);
  EXPECT_EQ(SyncWait(this->endpoints_->ChangedSince(FromMicros(0), 10))->size(), 2U);
  this->End();
  ASSERT_NO_FATAL_FAILURE(this->Open());
  EXPECT_TRUE(this->endpoints_->Desired().endpoints.empty());
  ASSERT_TRUE(this->Deploy("2").ok());
  EXPECT_EQ(this->endpoints_->Desired().endpoints.size(), 1U);
}

TYPED_TEST(EndpointsTest, RulesOfAdmissionReachTheServersAndOutliveARestart) {
  EXPECT_EQ(this->endpoints_->CurrentAdmission().generation, 0);
  ASSERT_TRUE(this->Deploy("1").ok());
  int heard = 0;
  {
    const Endpoints::Watch watch(*this->endpoints_, [&heard] { ++heard; });
    AdmissionRequest request{.shares = {{"shop", 500}}, .rows_per_second_max = 1'000};
    request.idempotency_key = "once";
    request.requested_by = "ada";
    for (int again = 0; again < 2; ++again) {
      const auto set = SyncWait(this->endpoints_->SetAdmission(request));
      ASSERT_TRUE(set.ok()) << set.error().ToString();
      EXPECT_EQ(set->generation, 2) << "after the deployment's";
    }
  }
  EXPECT_EQ(heard, 1);
  EXPECT_EQ(this->Deploy("2")->generation, 3) << "numbered together";
  const wire::DesiredState state = this->endpoints_->Desired();
  EXPECT_EQ(state.generation, 3);
  EXPECT_EQ(state.admission, (wire::AdmissionRules{"x-client", {{"shop", 500}}, 0, 1'000}));
  EXPECT_EQ(SyncWait(this->endpoints_->SetAdmission({.rows_per_second_max = 10})).error().code, Code::kInvalidArgument);
  this->End();
  ASSERT_NO_FATAL_FAILURE(this->Open());
  EXPECT_EQ(this->endpoints_->Desired(), state);
  EXPECT_EQ(this->endpoints_->CurrentAdmission().requested_by, "ada");
  ASSERT_TRUE(SyncWait(this->endpoints_->SetAdmission({.from_nothing = true})).ok());
  EXPECT_EQ(this->endpoints_->Desired().admission, wire::AdmissionRules{});
  EXPECT_EQ(this->endpoints_->generation(), 4);
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
