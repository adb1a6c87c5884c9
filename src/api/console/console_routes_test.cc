// The console's routes over a real server: files, pages, refusals, and the stream of changes.
#include <gtest/gtest.h>

#include "api/console/routes.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "net/http_client.h"
#include "net/stream_server.h"
#include "net/test_client.h"

namespace mw::api::console {
namespace {

using net::Method;
using net::Permission;

constexpr BundleFile kFiles[] = {
    {"index.html", "text/html; charset=utf-8", "<html>", "zipped page", "\"p1\""},
    {"app-1.js", "text/javascript; charset=utf-8", "run()", "", "\"a1\""},
};

class ConsoleRoutesTest : public testing::Test {
 protected:
  ConsoleRoutesTest() {
    net::RouteTable routes;
    const auto done = [](net::Request&) -> Task<Result<net::Response>> { co_return net::Response{200, {}, "done"}; };
    routes.Add({Method::kPost, "/api/v1/models/{name}/versions", Permission::kWrite, 0, net::Simple(done)});
    routes.Add({Method::kGet, "/api/v1/models/{name}", Permission::kRead, 0, net::Simple(done)});
    AddBundleRoutes(routes, kFiles);
    AddEventRoutes(routes, feed_);
    auto server = net::StreamServer::Start({}, Announcing(routes, feed_), authenticator_, metrics_);
    EXPECT_TRUE(server.ok());
    server_ = std::move(*server);
  }

  net::TestClient::Answer Get(const std::string& path, const std::string& headers = "") {
    return Ask("GET", path, headers);
  }
  net::TestClient::Answer Ask(const std::string& method, const std::string& path, const std::string& headers = "") {
    net::TestClient client(server_->port());
    client.Send(method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n");
    return client.Read();
  }

  RealClock clock_;
  MetricsRegistry metrics_;
  // Nobody is local here: what is public answers all the same.
  net::TokenAuthenticator authenticator_{clock_, std::nullopt};
  ChangeFeed feed_;
  std::unique_ptr<net::StreamServer> server_;
};

TEST_F(ConsoleRoutesTest, PagesAnswerWithIndexAndFilesAreKept) {
  for (const char* path : {"/", "/goals", "/goals/late", "/runs/1?step=train", "/models/m/1", "/endpoints/e"}) {
    const auto page = Get(path);
    EXPECT_EQ(page.status, 200) << path;
    EXPECT_EQ(page.body, "<html>") << path;
    EXPECT_EQ(*net::FindHeader(page.headers, "cache-control"), "no-cache");
  }
  const auto script = Get("/assets/app-1.js");
  EXPECT_EQ(script.body, "run()");
  EXPECT_NE(net::FindHeader(script.headers, "cache-control")->find("immutable"), std::string::npos);
  EXPECT_EQ(Get("/assets/app-1.js", "If-None-Match: \"a1\"\r\n").status, 304);
  EXPECT_EQ(Get("/assets/app-2.js").status, 404);
  EXPECT_EQ(Get("/assets/index.html").status, 404);
  EXPECT_EQ(Get("/elsewhere").status, 404);
}

TEST_F(ConsoleRoutesTest, CompressesForThoseWhoTakeIt) {
  const auto zipped = Get("/", "Accept-Encoding: gzip, br\r\n");
  EXPECT_EQ(zipped.body, "zipped page");
  EXPECT_EQ(*net::FindHeader(zipped.headers, "content-encoding"), "gzip");
  EXPECT_EQ(Get("/", "Accept-Encoding: gzip;q=0\r\n").body, "<html>");
  EXPECT_EQ(Get("/assets/app-1.js", "Accept-Encoding: gzip\r\n").body, "run()");
}

TEST_F(ConsoleRoutesTest, NothingInlineAndNothingFromElsewhere) {
  const std::string policy = *net::FindHeader(Get("/").headers, "content-security-policy");
  EXPECT_NE(policy.find("default-src 'none'"), std::string::npos);
  EXPECT_EQ(policy.find("unsafe"), std::string::npos);
  EXPECT_EQ(policy.find("http"), std::string::npos);
}

TEST_F(ConsoleRoutesTest, TheStreamIsGuardedAndTellsWhatRequestsChange) {
  EXPECT_EQ(Get("/api/v1/events").status, 401);
  authenticator_.Add("secret", {"somebody", {Permission::kAdmin}});
  const std::string token = "Authorization: Bearer secret\r\n";
  net::TestClient stream(server_->port());
  stream.Send("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n" + token + "\r\n");
  ASSERT_TRUE(stream.ReadUntil(": still here"));
  const auto all = feed_.Subscribe([] {});
  EXPECT_EQ(Ask("GET", "/api/v1/models/quiet", token).status, 200);
  EXPECT_EQ(Ask("POST", "/api/v1/models/loud/versions", token + "Content-Length: 0\r\n").status, 200);
  EXPECT_TRUE(stream.ReadUntil(R"(data: {"topic":"model","name":"loud"})"));
  feed_.Publish("run", "r1");
  EXPECT_TRUE(stream.ReadUntil(R"(data: {"topic":"run","name":"r1"})"));
  EXPECT_EQ((*all)->Take(), (std::vector<Change>{{"model", "loud"}, {"run", "r1"}}));
}

}  // namespace
}  // namespace mw::api::console
