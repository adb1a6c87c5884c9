// Requests and numbers of model servers through the control plane: gathered from all that answer, the silent ones
// named.
#include <gtest/gtest.h>

#include <thread>

#include "api/native/routes.h"
#include "api/native/server_calls.h"
#include "base/text.h"
#include "db/temporary_database.h"
#include "net/fake_exchange.h"
#include "net/loop_server.h"

namespace mw::api::native {
namespace {

/// A thread for each piece of work.
class Workers final : public Executor {
 public:
  ~Workers() override {
    for (std::thread& thread : threads_) thread.join();
  }
  void Post(std::function<void()> work) override { threads_.emplace_back(std::move(work)); }

 private:
  std::vector<std::thread> threads_;
};

/// A model server that says what it is told to say.
class FakeServer {
 public:
  FakeServer() {
    class Handler final : public net::LoopHandler {
     public:
      explicit Handler(FakeServer& server) : server_(server) {}
      void Handle(const net::RequestView& request, net::ResponseWriter& out) override {
        if (request.path == "/metrics") return out.Send(200, "text/plain", server_.metrics);
        server_.asked = request.target;
        if (request.Header(net::KnownHeader::kAuthorization) != "Bearer token") {
          return out.Send(403, "application/json", R"({"error":"not you"})");
        }
        out.Json(server_.requests);
      }

     private:
      FakeServer& server_;
    };
    net::LoopServerOptions options;
    options.loops = 1;
    server_ = *net::LoopServer::Start(
        options, [this](int) { return std::make_unique<Handler>(*this); }, registry_);
  }
  [[nodiscard]] std::string address() const { return Cat("http://127.0.0.1:", server_->port()); }

  std::string metrics, requests, asked;

 private:
  MetricsRegistry registry_;
  std::unique_ptr<net::LoopServer> server_;
};

class ServerRoutesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    database_ = *driver_.Open();
    std::vector<db::Migration> all;
    for (const auto& module :
         {lineage::Migrations(), registry::Migrations(), endpoints::Migrations(), predictions::Migrations()}) {
      all.insert(all.end(), module.begin(), module.end());
    }
    ASSERT_TRUE(database_->Migrate(all).ok());
    registry_ = std::make_unique<registry::Registry>(*database_, clock_);
    endpoints_ = std::make_unique<endpoints::Endpoints>(*database_, *registry_, clock_);
    predictions_ = std::make_unique<predictions::Predictions>(*database_, clock_, metrics_);
    calls_ = std::make_unique<ServerCalls>(*endpoints_, workers_, "token");
    AddServerRoutes(routes_, *calls_, *endpoints_, *predictions_, clock_);
  }
  void Report(const std::string& server, const std::string& address) {
    wire::StatusReport report;
    report.server = server;
    report.address = address;
    report.endpoints.push_back({.name = "late", .version = 1, .state = wire::VersionState::kReady});
    ASSERT_TRUE(SyncWait(endpoints_->Report(std::move(report))).ok());
  }
  Json Get(const std::string& target, int status = 200) {
    const net::Response response = net::Ask(routes_, net::Method::kGet, target);
    EXPECT_EQ(response.status, status) << response.body;
    return *Json::Parse(response.body);
  }

  db::TemporarySqlite driver_;
  std::unique_ptr<db::Database> database_;
  RealClock clock_;
  MetricsRegistry metrics_;
  std::unique_ptr<registry::Registry> registry_;
  std::unique_ptr<endpoints::Endpoints> endpoints_;
  std::unique_ptr<predictions::Predictions> predictions_;
  Workers workers_;
  std::unique_ptr<ServerCalls> calls_;
  net::RouteTable routes_;
};

TEST_F(ServerRoutesTest, RequestsOfAllServersComeInTheOrderOfTime) {
  FakeServer one, two;
  one.requests = R"({"requests":[{"time":"2026-03-01T12:00:01Z","id":"a"},{"time":"2026-03-01T12:00:04Z","id":"c"}],)"
                 R"("reaches":"2026-03-01T11:00:00Z"})";
  two.requests = R"({"requests":[{"time":"2026-03-01T12:00:02Z","id":"b"}],"reaches":"2026-03-01T10:00:00Z"})";
  Report("s1", one.address());
  Report("s2", two.address());
  Report("s3", "http://127.0.0.1:1");
  const Json found = Get("/api/v1/requests?endpoint=late&since=2026-03-01T00:00:00Z&limit=2");
  std::vector<std::string> ids;
  for (const Json& request : found.Find("requests")->AsArray()) {
    ids.push_back(Cat(request.StringOr("id", ""), "@", request.StringOr("server", "")));
  }
  EXPECT_EQ(ids, (std::vector<std::string>{"b@s2", "c@s1"}));
  EXPECT_EQ(found.StringOr("reaches", ""), "2026-03-01T10:00:00Z");
  EXPECT_EQ(one.asked, "/millwright/v1/requests?endpoint=late&since=2026-03-01T00%3A00%3A00Z&limit=2");
  for (const Json& server : found.Find("servers")->AsArray()) {
    EXPECT_EQ(server.Find("error")->IsNull(), server.StringOr("server", "") != "s3") << server.Dump();
  }
  EXPECT_TRUE(Get("/api/v1/requests?endpoint=other").Find("servers")->AsArray().empty());
  Get("/api/v1/requests?since=whenever", 400);
  Get("/api/v1/requests?since=24h");
}

TEST_F(ServerRoutesTest, AnEndpointThatIsNotThereHasNoNumbers) { Get("/api/v1/endpoints/late/serving", 404); }

TEST_F(ServerRoutesTest, APredictionThatWasNotRecordedIsNotFound) {
  Get("/api/v1/endpoints/late/predictions?id=a&event_time=2026-03-01T12:00:00Z", 404);
  Get("/api/v1/endpoints/late/predictions?id=a", 400);
  Get("/api/v1/endpoints/late/predictions?id=a&event_time=now", 400);
}

}  // namespace
}  // namespace mw::api::native
