// What a control plane that refuses some of it is told, and what the report says then.
#include "transfer/home.h"

#include <gtest/gtest.h>

#include <memory>

#include "base/mutex.h"
#include "base/text.h"
#include "net/authenticator.h"
#include "net/stream_server.h"

namespace mw::transfer {
namespace {

/// The import routes of a control plane that takes any run but those named "bad".
class PickyControl {
 public:
  PickyControl() : authenticator_(RealClock(), net::Principal{"local", {net::Permission::kAdmin}}) {
    net::RouteTable routes;
    routes.Add(net::Route(net::Method::kPost, "/api/v1/import/{what}", net::Permission::kWrite, std::size_t{1} << 22,
                          net::Simple([this](net::Request& request) -> Task<Result<net::Response>> {
                            const Json body = CO_TRY(co_await request.ReadJson());
                            const Json answer = CO_TRY(Answer(request.params.find("what")->second, body));
                            co_return net::JsonResponse(answer);
                          })));
    auto server = net::StreamServer::Start({}, std::move(routes), authenticator_, metrics_);
    MW_ASSERT(server.ok());
    server_ = *std::move(server);
  }
  [[nodiscard]] std::string url() const { return Cat("http://127.0.0.1:", server_->port()); }
  [[nodiscard]] std::string kept() {
    const Lock lock(mutex_);
    return kept_;
  }

 private:
  Result<Json> Answer(const std::string& what, const Json& body) {
    const Lock lock(mutex_);
    Json outcomes = Json::MakeArray();
    if (what == "experiments") {
      outcomes.Append(Json::Make({{"id", "1"}, {"to", "7"}, {"state", "made"}}));
    } else if (what == "runs") {
      std::string ids;
      for (const Json& run : body.Find("runs")->AsArray()) {
        const std::string id = run.Find("info")->StringOr("run_id", "");
        if (id.starts_with("bad")) return InvalidArgument("run ", Quoted(id), " is not as runs are");
        CatTo(ids, id, " ");
        outcomes.Append(Json::Make({{"id", id}, {"state", "open"}}));
      }
      kept_ += ids;
    } else {
      for (const Json& run : body.Find("runs")->AsArray()) {
        outcomes.Append(Json::Make({{"id", run.StringOr("run_id", "")}, {"state", "done"}}));
      }
    }
    return Json::Make({{"outcomes", std::move(outcomes)}});
  }

  Mutex mutex_;
  std::string kept_;
  net::TokenAuthenticator authenticator_;
  MetricsRegistry metrics_;
  std::unique_ptr<net::StreamServer> server_;
};

Json RunNamed(std::string_view id) {
  return Json::Make({{"info", Json::Make({{"run_id", id}, {"experiment_id", "1"}})}});
}

TEST(HomeTest, OneThatIsRefusedKeepsNoOtherAway) {
  PickyControl control;
  auto client = net::HttpClient::Make(control.url(), {});
  ASSERT_TRUE(client.ok()) << client.error().ToString();
  Report report("there", "here");
  Home home(*client, "there", nullptr, report);
  ASSERT_TRUE(home.Experiments({Json::Make({{"experiment_id", "1"}, {"name", "churn"}})}).ok());
  const auto wanted = home.BeginRuns({RunNamed("a"), RunNamed("bad1"), RunNamed("b"), RunNamed("c"), RunNamed("bad2")});
  ASSERT_TRUE(wanted.ok()) << wanted.error().ToString();
  EXPECT_EQ(*wanted, (std::vector<bool>{true, false, true, true, false}));
  EXPECT_EQ(control.kept(), "a b c ");
  const std::vector<Point> point = {{5, 1, 0.5}};
  EXPECT_TRUE(home.Points("a", "\xff", point).ok()) << "a name that is no text";
  ASSERT_TRUE(home.EndRuns().ok());
  EXPECT_EQ(report.count("run", "imported"), 3);
  EXPECT_EQ(report.count("run", "skipped"), 2);
  EXPECT_EQ(report.count("metric", "skipped"), 1);
  EXPECT_FALSE(report.whole());
  EXPECT_NE(report.ToText(0).find("run bad2: run \"bad2\" is not as runs are"), std::string::npos) << report.ToText(0);
}

}  // namespace
}  // namespace mw::transfer
