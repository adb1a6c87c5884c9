// Following a control plane that deploys, sends damaged packages, goes away, and comes back elsewhere.
#include "serving/follower.h"

#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "serving/test_control_plane.h"
#include "serving/test_model.h"

namespace mw::serving {
namespace {

using testing::Eventually;
using testing::TestControlPlane;
using testing::TestDirectory;
using testing::WriteTestPackage;
using wire::DesiredEndpoint;
using wire::VersionState;

/// A catalog with a follower on its own thread.
class Server {
 public:
  Server(const std::string& url, const std::string& state_directory) {
    FollowerOptions options;
    options.control_plane.url = url;
    options.state_directory = state_directory;
    options.server_id = "server-1";
    options.program_version = "0.1.0";
    options.retry_min = std::chrono::milliseconds(5);
    options.retry_max = std::chrono::milliseconds(20);
    follower_ = *Follower::Make(options, catalog_, metrics_);
    follower_->TakeOverLast();
  }
  ~Server() { Stop(); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  void Follow() {
    thread_ = std::thread([this] { follower_->Run("http://127.0.0.1:8080"); });
  }
  void Stop() {
    if (!thread_.joinable()) return;
    follower_->Stop();
    thread_.join();
  }
  /// The live version, 0 when there is none.
  std::int64_t Live(const std::string& endpoint = "late") {
    const auto live = catalog_.Live(endpoint);
    return live == nullptr ? 0 : live->version;
  }
  bool Ready() {
    return reader_.Read([](const Snapshot& snapshot) { return snapshot.ready; });
  }
  Catalog& catalog() { return catalog_; }
  bool Connected() { return metrics_.Expose().find("\nmillwright_follower_connected 1") != std::string::npos; }

 private:
  MetricsRegistry metrics_;
  Catalog catalog_{metrics_};
  CatalogReader& reader_ = catalog_.NewReader();
  std::unique_ptr<Follower> follower_;
  std::thread thread_;
};

class FollowerTest : public ::testing::Test {
 protected:
  void SetUp() override { SetLogLevel(static_cast<LogLevel>(4)); }
  void TearDown() override { SetLogLevel(LogLevel::kInfo); }
  DesiredEndpoint Package(std::int64_t version, const std::string& endpoint = "late") {
    const std::string path = directory_ / Cat(endpoint, version);
    WriteTestPackage(path, static_cast<std::uint64_t>(version));
    return DesiredEndpoint{endpoint, "late", version, plane_.AddPackage(path)};
  }
  [[nodiscard]] std::string State() const { return directory_ / "state"; }
  /// What the server last said of the version.
  std::optional<VersionState> Reported(std::int64_t version, const std::string& endpoint = "late") {
    for (const wire::EndpointStatus& status : plane_.report().endpoints) {
      if (status.name == endpoint && status.version == version) return status.state;
    }
    return std::nullopt;
  }

  TestDirectory directory_;
  TestControlPlane plane_;
};

TEST_F(FollowerTest, DeploysSwapsRemovesAndReports) {
  Server server(plane_.url(), State());
  EXPECT_FALSE(server.Ready());
  server.Follow();
  plane_.Want({Package(1)});
  ASSERT_TRUE(Eventually([&] { return server.Live() == 1; }));
  plane_.Want({Package(2), Package(7, "other")});
  ASSERT_TRUE(Eventually([&] { return server.Live() == 2 && server.Live("other") == 7; }));
  EXPECT_TRUE(server.Ready());
  ASSERT_TRUE(Eventually([&] { return Reported(2) == VersionState::kReady && Reported(7, "other"); }));
  const wire::StatusReport report = plane_.report();
  EXPECT_EQ(report.server, "server-1");
  EXPECT_EQ(report.address, "http://127.0.0.1:8080");
  EXPECT_EQ(report.generation, 2);
  EXPECT_EQ(report.endpoints[0].version, 2);
  EXPECT_EQ(report.endpoints[0].weight, 10'000);
  plane_.Want({Package(7, "other")});
  ASSERT_TRUE(Eventually([&] { return server.Live() == 0; }));
}

TEST_F(FollowerTest, GoesOnWithoutTheControlPlaneAndTakesItBack) {
  Server server(plane_.url(), State());
  server.Follow();
  plane_.Want({Package(1)});
  ASSERT_TRUE(Eventually([&] { return server.Live() == 1; }));
  plane_.Stop();
  ASSERT_TRUE(Eventually([&] { return !server.Connected(); }));
  EXPECT_EQ(server.Live(), 1);
  EXPECT_TRUE(server.Ready());
  plane_.Start();
  plane_.Want({Package(2)});
  ASSERT_TRUE(Eventually([&] { return server.Live() == 2; }));
  EXPECT_TRUE(Eventually([&] { return server.Connected(); }));
}

TEST_F(FollowerTest, RestartsFromItsDiskWhileTheControlPlaneIsGone) {
  {
    Server server(plane_.url(), State());
    server.Follow();
    plane_.Want({Package(1)});
    ASSERT_TRUE(Eventually([&] { return server.Live() == 1; }));
    plane_.Want({Package(2)});
    ASSERT_TRUE(Eventually([&] { return plane_.report().generation == 2; }));
  }
  plane_.Stop();
  Server server(plane_.url(), State());
  EXPECT_EQ(server.Live(), 2);
  EXPECT_TRUE(server.Ready());
}

TEST_F(FollowerTest, AVersionThatFailsIsNeverWhatARestartFinds) {
  Server server(plane_.url(), State());
  server.Follow();
  plane_.Want({Package(1)});
  ASSERT_TRUE(Eventually([&] { return server.Live() == 1; }));
  DesiredEndpoint wrong = Package(2);
  auto package = wire::ReadPackage(directory_ / "late2");
  package->warm_up.probabilities[0] = 0.123F;
  ASSERT_TRUE(wire::WritePackage(directory_ / "late2", *package).ok());
  wrong.package = plane_.AddPackage(directory_ / "late2");
  plane_.Want({wrong});
  ASSERT_TRUE(Eventually([&] { return Reported(2) == VersionState::kFailed; }));
  EXPECT_NE(plane_.report().endpoints[1].error.find("must not serve it"), std::string::npos);
  EXPECT_EQ(server.Live(), 1);
  server.Stop();
  Server restarted(plane_.url(), State());
  EXPECT_EQ(restarted.Live(), 1);
}

TEST_F(FollowerTest, BytesThatDoNotHaveTheirDigestAreNotServedAndFetchedAgain) {
  Server server(plane_.url(), State());
  server.Follow();
  plane_.Want({Package(1)});
  ASSERT_TRUE(Eventually([&] { return server.Live() == 1; }));
  const DesiredEndpoint second = Package(2);
  plane_.BendBlobs();
  plane_.Want({second});
  ASSERT_TRUE(Eventually([&] { return Reported(2) == VersionState::kFailed; }));
  EXPECT_EQ(server.Live(), 1);
  plane_.BendBlobs();  // straight again: tried again by itself
  EXPECT_TRUE(Eventually([&] { return server.Live() == 2; }));
}

TEST_F(FollowerTest, ADamagedPackageOnDiskIsFetchedAgain) {
  const DesiredEndpoint first = Package(1);
  {
    Server server(plane_.url(), State());
    server.Follow();
    plane_.Want({first});
    ASSERT_TRUE(Eventually([&] { return plane_.report().generation == 1; }));
  }
  const std::string model = Cat(State(), "/packages/", first.package.substr(7), "/model.json");
  ASSERT_TRUE(WriteFileDurably(model, "{}").ok());
  Server server(plane_.url(), State());
  EXPECT_EQ(server.Live(), 0);
  EXPECT_FALSE(server.Ready());
  server.Follow();
  EXPECT_TRUE(Eventually([&] { return server.Live() == 1; }));
}

TEST_F(FollowerTest, ReadsTheControlPlanesNewAddressFromItsFile) {
  Server server("http://127.0.0.1:1", State());
  server.Follow();
  plane_.Want({Package(1)});
  ASSERT_TRUE(WriteFileDurably(ControlPlanePath(State()), Json::Make({{"url", Json(plane_.url())}}).Dump()).ok());
  EXPECT_TRUE(Eventually([&] { return server.Live() == 1; }));
}

TEST_F(FollowerTest, StopsAtOnceInTheMiddleOfALongPoll) {
  plane_.SetHold(std::chrono::seconds(20));
  Server server(plane_.url(), State());
  server.Follow();
  plane_.Want({Package(1)});
  ASSERT_TRUE(Eventually([&] { return server.Live() == 1; }));
  const std::int64_t polls = plane_.polls();
  ASSERT_TRUE(Eventually([&] { return plane_.polls() >= polls; }));
  const RealClock clock;
  const Duration start = clock.Elapsed();
  server.Stop();
  EXPECT_LT(clock.Elapsed() - start, std::chrono::seconds(5));
}

TEST_F(FollowerTest, KeepsTheLiveAndThePreviousPackageOnly) {
  Server server(plane_.url(), State());
  server.Follow();
  for (const int version : {1, 2, 3, 4}) {
    plane_.Want({Package(version)});
    ASSERT_TRUE(Eventually([&] { return server.Live() == version; }));
  }
  ASSERT_TRUE(Eventually([&] { return plane_.report().generation == 4; }));
  EXPECT_TRUE(Eventually([&] {
    const std::filesystem::directory_iterator packages(State() + "/packages");
    return std::distance(begin(packages), end(packages)) == 2;
  }));
}

}  // namespace
}  // namespace mw::serving
