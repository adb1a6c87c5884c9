// The process: it listens, locks, tells where it is, drains, and is found, adopted and replaced.
#include "serving/serve.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdlib>
#include <cstring>
#include <thread>

#include "base/log.h"
#include "net/http_client.h"
#include "net/socket.h"
#include "serving/local_server.h"
#include "serving/test_control_plane.h"
#include "serving/test_model.h"

namespace mw::serving {
namespace {

using testing::TestControlPlane;
using testing::TestDirectory;
using testing::WriteTestPackage;

/// Answers every request with the live version of "late".
class VersionHandler final : public net::LoopHandler {
 public:
  explicit VersionHandler(Catalog& catalog) : reader_(catalog.NewReader()) {}
  void Handle(const net::RequestView&, net::ResponseWriter& out) override {
    reader_.Read([&out](const Snapshot& snapshot) {
      const ServedEndpoint* endpoint = snapshot.Find("late");
      out.Json(endpoint == nullptr || endpoint->live == nullptr ? "0" : endpoint->live->version_text);
    });
  }

 private:
  CatalogReader& reader_;
};

std::unique_ptr<net::LoopHandler> MakeVersionHandler(const HandlerContext& context) {
  return std::make_unique<VersionHandler>(context.catalog);
}

/// This test's own program plays the model server when it is started as `PROGRAM serve --follow URL
/// --state-dir DIR --listen HOST:PORT`, as AdoptOrStart does.
[[maybe_unused]] const bool kPlayedServer = [] {
  const auto text = ReadFile("/proc/self/cmdline");
  if (!text.ok()) return false;
  const std::vector<std::string_view> arguments = Split(*text, '\0');
  if (arguments.size() < 8 || arguments[1] != "serve") return false;
  ServeOptions options;
  options.follow = arguments[3];
  options.state_directory = arguments[5];
  options.port = static_cast<int>(*ParseInt(arguments[7].substr(arguments[7].rfind(':') + 1)));
  options.loops = 1;
  const char* version = std::getenv("MW_TEST_SERVE_VERSION");
  options.program_version = version == nullptr ? "1" : version;
  BlockStopSignals();
  auto plane = DataPlane::Start(options, MakeVersionHandler);
  if (!plane.ok()) {
    std::fprintf(stderr, "millwright: %s\n", plane.error().message.c_str());
    std::_Exit(1);
  }
  WaitForStopSignal();
  (*plane)->Stop();
  std::_Exit(0);
}();

std::string Ask(const std::string& address) {
  auto client = net::HttpClient::Make(address, net::ClientOptions{});
  const auto response = client->Send(net::Method::kGet, "/");
  return response.ok() ? response->body : response.error().ToString();
}

class ServeTest : public ::testing::Test {
 protected:
  void SetUp() override { SetLogLevel(static_cast<LogLevel>(4)); }
  void TearDown() override { SetLogLevel(LogLevel::kInfo); }
  ServeOptions Options() {
    ServeOptions options;
    options.port = 0;
    options.loops = 1;
    options.program_version = "1";
    return options;
  }
  LocalServerOptions LocalOptions(const std::string& url) {
    LocalServerOptions options;
    options.program = "/proc/self/exe";
    options.control_plane_url = url;
    options.state_directory = directory_ / "serve";
    options.listen = "127.0.0.1:0";
    options.log_path = directory_ / "serve.log";
    options.program_version = "1";
    return options;
  }
  TestDirectory directory_;
};

/// Answers like VersionHandler and records each request as one row of version 3.
class RecordingHandler final : public net::LoopHandler {
 public:
  explicit RecordingHandler(const HandlerContext& context) : reader_(context.catalog.NewReader()), context_(context) {}
  void Handle(const net::RequestView&, net::ResponseWriter& out) override {
    reader_.Read([&](const Snapshot& snapshot) {
      const ServedEndpoint* endpoint = snapshot.Find("late");
      out.Json(endpoint == nullptr || endpoint->live == nullptr ? "0" : endpoint->live->version_text);
      if (endpoint == nullptr || endpoint->live == nullptr) return;
      RecordedRequest request;
      const std::vector<float> features(endpoint->live->model->num_features(), 1.0F);
      const float prediction = 0.5F;
      request.id = "id";
      request.features = features;
      request.predictions = std::span(&prediction, 1);
      request.start = context_.clock.Elapsed();
      context_.recording->AddAnswered(endpoint->live->recorded, snapshot.recording.rows_per_second_full, request);
    });
  }

 private:
  CatalogReader& reader_;
  HandlerContext context_;
};

TEST_F(ServeTest, AServerThatFollowsDeliversWhatItRecorded) {
  TestControlPlane plane;
  WriteTestPackage(directory_ / "p", 1);
  plane.Want({{"late", "late", 3, plane.AddPackage(directory_ / "p")}});
  ServeOptions options = Options();
  options.follow = plane.url();
  options.state_directory = directory_ / "serve";
  auto serving = DataPlane::Start(
      options, [](const HandlerContext& context) { return std::make_unique<RecordingHandler>(context); });
  ASSERT_TRUE(serving.ok()) << serving.error().ToString();
  int asked = 0;
  for (int rows = 0; rows < 10 && asked < 100'000; ++asked) rows += Ask((*serving)->address()) == "3" ? 1 : 0;
  (*serving)->Stop();
  std::int64_t rows = 0;
  for (const wire::WindowPiece& piece : plane.pieces()) {
    EXPECT_EQ(piece.endpoint, "late");
    EXPECT_EQ(piece.version, 3);
    EXPECT_EQ(piece.server, plane.report().server);
    rows += piece.sampled_rows;
  }
  EXPECT_EQ(rows, 10);
}

TEST_F(ServeTest, AServerOfFilesRecordsNothing) {
  WriteTestPackage(directory_ / "p", 1);
  ServeOptions options = Options();
  options.models = {{"late", directory_ / "p"}};
  options.state_directory = directory_ / "serve";
  const auto plane = DataPlane::Start(options, [](const HandlerContext& context) {
    EXPECT_EQ(context.recording, nullptr);
    return std::make_unique<VersionHandler>(context.catalog);
  });
  ASSERT_TRUE(plane.ok()) << plane.error().ToString();
  EXPECT_FALSE(std::filesystem::exists(directory_ / "serve/windows"));
}

TEST_F(ServeTest, ServesNamedFilesAndPackages) {
  WriteTestPackage(directory_ / "p", 1);
  ServeOptions options = Options();
  options.models = {{"late", directory_ / "p"}, {"bare", directory_ / "p/model.json"}};
  auto plane = DataPlane::Start(options, MakeVersionHandler);
  ASSERT_TRUE(plane.ok()) << plane.error().ToString();
  EXPECT_EQ(Ask((*plane)->address()), "1");
  EXPECT_NE((*plane)->catalog().Live("bare"), nullptr);
}

TEST_F(ServeTest, SaysWhatIsWrongWithItsOptions) {
  EXPECT_EQ(DataPlane::Start(Options(), MakeVersionHandler).error().message,
            "nothing to serve; give --model NAME=PATH, --model-repository DIR or --follow URL");
  ServeOptions options = Options();
  options.models = {{"late", directory_ / "absent"}};
  EXPECT_EQ(DataPlane::Start(options, MakeVersionHandler).error().code, Code::kNotFound);
  options.models = {{"la te", directory_ / "absent"}};
  EXPECT_EQ(DataPlane::Start(options, MakeVersionHandler).error().code, Code::kInvalidArgument);
  options = Options();
  options.follow = "http://127.0.0.1:1";
  EXPECT_NE(DataPlane::Start(options, MakeVersionHandler).error().message.find("--state-dir"), std::string::npos);
}

TEST_F(ServeTest, HoldsItsStateDirectoryAlone) {
  ServeOptions options = Options();
  options.follow = "http://127.0.0.1:1";
  options.state_directory = directory_ / "serve";
  auto first = DataPlane::Start(options, MakeVersionHandler);
  ASSERT_TRUE(first.ok()) << first.error().ToString();
  EXPECT_EQ(DataPlane::Start(options, MakeVersionHandler).error().code, Code::kFailedPrecondition);
  const auto found = FindLocalServer(options.state_directory);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->pid, getpid());
  EXPECT_EQ(found->address, (*first)->address());
  (*first)->Stop();
  first->reset();
  EXPECT_EQ(FindLocalServer(options.state_directory).error().code, Code::kNotFound);
}

TEST_F(ServeTest, ALocalServerIsStartedAdoptedAndStopped) {
  TestControlPlane plane;
  WriteTestPackage(directory_ / "p", 1);
  plane.Want({{"late", "late", 3, plane.AddPackage(directory_ / "p")}});
  const LocalServerOptions options = LocalOptions(plane.url());
  const auto started = AdoptOrStart(options);
  ASSERT_TRUE(started.ok()) << started.error().ToString();
  EXPECT_FALSE(started->adopted);
  const auto adopted = AdoptOrStart(options);
  ASSERT_TRUE(adopted.ok()) << adopted.error().ToString();
  EXPECT_TRUE(adopted->adopted);
  EXPECT_EQ(adopted->pid, started->pid);
  EXPECT_EQ(adopted->address, started->address);
  EXPECT_TRUE(StopLocalServer(options.state_directory, std::chrono::seconds(20)).ok());
  EXPECT_TRUE(StopLocalServer(options.state_directory, std::chrono::seconds(20)).ok());
}

TEST_F(ServeTest, AServerThatWasKilledIsReplaced) {
  TestControlPlane plane;
  const LocalServerOptions options = LocalOptions(plane.url());
  const auto first = AdoptOrStart(options);
  ASSERT_TRUE(first.ok()) << first.error().ToString();
  ASSERT_EQ(kill(first->pid, SIGKILL), 0);
  ASSERT_EQ(waitpid(first->pid, nullptr, 0), first->pid);
  const auto second = AdoptOrStart(options);
  ASSERT_TRUE(second.ok()) << second.error().ToString();
  EXPECT_FALSE(second->adopted);
  EXPECT_EQ(second->server_id, first->server_id);
  EXPECT_TRUE(StopLocalServer(options.state_directory, std::chrono::seconds(20)).ok());
}

TEST_F(ServeTest, AServerOfAnotherVersionIsAdoptedOnlyWhenAccepted) {
  TestControlPlane plane;
  LocalServerOptions options = LocalOptions(plane.url());
  const auto first = AdoptOrStart(options);
  ASSERT_TRUE(first.ok()) << first.error().ToString();
  options.program_version = "2";
  options.accepted_versions = {"1"};
  const auto adopted = AdoptOrStart(options);
  ASSERT_TRUE(adopted.ok()) << adopted.error().ToString();
  EXPECT_TRUE(adopted->adopted);
  options.accepted_versions = {};
  setenv("MW_TEST_SERVE_VERSION", "2", 1);
  const auto replaced = AdoptOrStart(options);
  unsetenv("MW_TEST_SERVE_VERSION");
  ASSERT_TRUE(replaced.ok()) << replaced.error().ToString();
  EXPECT_FALSE(replaced->adopted);
  EXPECT_NE(replaced->pid, first->pid);
  EXPECT_TRUE(StopLocalServer(options.state_directory, std::chrono::seconds(20)).ok());
}

TEST_F(ServeTest, AServerThatCannotStartShowsItsLog) {
  LocalServerOptions options = LocalOptions("no url");
  const auto started = AdoptOrStart(options);
  ASSERT_FALSE(started.ok());
  EXPECT_NE(started.error().message.find("ended at once"), std::string::npos);
  EXPECT_NE(started.error().message.find("no url"), std::string::npos) << started.error().message;
}

TEST_F(ServeTest, AServerWhosePortIsTakenSaysSo) {
  const auto taken = net::ListenTcp("127.0.0.1", 0);
  ASSERT_TRUE(taken.ok());
  const std::string address = net::HostPort("127.0.0.1", net::LocalPort(taken->get()));
  LocalServerOptions options = LocalOptions("http://127.0.0.1:1");
  options.listen = address;
  const auto started = AdoptOrStart(options);
  ASSERT_FALSE(started.ok());
  EXPECT_TRUE(started.error().message.starts_with(
      Cat("the model server ended at once: cannot listen on ", address, ": address already in use; ")))
      << started.error().message;
}

}  // namespace
}  // namespace mw::serving
