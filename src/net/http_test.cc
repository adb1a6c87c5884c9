// Paths, queries, errors as answers, routes, and what keeps foreign pages out.
#include "net/http.h"

#include <gtest/gtest.h>

#include "base/disk_full.h"
#include "net/host_guard.h"
#include "net/http_client.h"
#include "net/route.h"
#include "net/socket.h"

namespace mw::net {
namespace {

TEST(Http, DecodesOnceAndEncodes) {
  EXPECT_EQ(*PercentDecode("a%20b%2Fc+d"), "a b/c+d");
  EXPECT_EQ(*PercentDecode("%252e"), "%2e");
  for (const char* bad : {"%", "%1", "%zz", "a%2", "%00"}) EXPECT_FALSE(PercentDecode(bad).ok()) << bad;
  const std::string odd = "a b/\xc3\xa9~%";
  EXPECT_EQ(PercentEncode(odd), "a%20b%2F%C3%A9~%25");
  EXPECT_EQ(*PercentDecode(PercentEncode(odd)), odd);
}

TEST(Http, ParsesQueries) {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(*ParseQuery("a=1&b=x%20y+z&c&&=d&a=2"),
            (Pairs{{"a", "1"}, {"b", "x y z"}, {"c", ""}, {"", "d"}, {"a", "2"}}));
  EXPECT_EQ(*ParseQuery(""), Pairs{});
  EXPECT_FALSE(ParseQuery("a=%").ok());
}

TEST(Http, RefusesPathsThatCouldLeadOutOfARoot) {
  EXPECT_EQ(*DecodePath("/a/b%20c/...d"), "/a/b c/...d");
  EXPECT_EQ(*DecodePath("/"), "/");
  EXPECT_EQ(*DecodePath("/a/"), "/a/");
  EXPECT_EQ(*DecodePath("/100%25.txt"), "/100%.txt");
  EXPECT_EQ(*DecodePath("/a%2520b"), "/a%20b");
  for (const char* bad : {"/..",
                          "/../etc/passwd",
                          "/a/../b",
                          "/a/..",
                          "/a/./b",
                          "/%2e%2e/x",
                          "/%2E%2E%2Fx",
                          "/..%2fx",
                          "/%252e%252e/x",
                          "/%252fetc",
                          "/a%255cb",
                          "/%25252e%25252e/x",
                          "/%2500",
                          "/..%253b/x",
                          "/a\\b",
                          "/%5c..%5cx",
                          "/..;/x",
                          "/..;a=b/x",
                          "/a/%2e;x/",
                          "/a%00b",
                          "/a%0ab",
                          "/a%7f",
                          "//etc/passwd",
                          "/a//b",
                          "/a/%2fetc",
                          "/%c0%ae%c0%ae/x",
                          "/%ff",
                          "a",
                          "",
                          "/%u002e",
                          "/%"}) {
    EXPECT_FALSE(DecodePath(bad).ok()) << bad;
  }
}

TEST(Http, ErrorsTravelAsAnswers) {
  const Response response = ErrorResponse(NotFound("model \"iris\" has no version 7"));
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.body, R"({"error":{"code":"NOT_FOUND","message":"model \"iris\" has no version 7"}})");
  EXPECT_EQ(ErrorResponse(DiskFull("/home/db").In("logging")).status, 507);
  EXPECT_EQ(ErrorResponse(ResourceExhausted("too many")).status, 429);
  const Error back = ErrorFromResponse(response);
  EXPECT_EQ(back.code, Code::kNotFound);
  EXPECT_EQ(back.message, "model \"iris\" has no version 7");
  const Error other = ErrorFromResponse(Response{503, {}, "upstream is down"});
  EXPECT_EQ(other.code, Code::kUnavailable);
  EXPECT_EQ(other.message, "the server answered 503 Service Unavailable: \"upstream is down\"");
  EXPECT_EQ(ErrorFromResponse(Response{400, {}, R"({"error":"no such column"})"}).message,
            "the server answered 400 Bad Request: no such column");
}

TEST(Http, ParsesUrls) {
  const Url url = *Url::Parse("http://[::1]:5000/a?b#c");
  EXPECT_EQ(url.host, "::1");
  EXPECT_EQ(url.port, 5000);
  EXPECT_EQ(url.target, "/a?b");
  EXPECT_EQ(Url::Parse("HTTP://h")->port, 80);
  EXPECT_EQ(Url::Parse("http://h?q")->target, "/?q");
  EXPECT_EQ(Url::ParseWeb("https://h/x")->port, 443);
  EXPECT_EQ(Url::ParseWeb("https://h/x")->Authority(), "h");
  EXPECT_EQ(Url::ParseWeb("https://[::1]:8443")->Authority(), "[::1]:8443");
  EXPECT_EQ(Url::Parse("http://h")->Authority(), "h:80");
  EXPECT_FALSE(Url::ParseWeb("ftp://h/x").ok());
  for (const char* secret : {"https://ada:s3cret@h", "https://ada:s3cret@h:99999", "ftp://ada:s3cret@h", "s3cret@h"}) {
    EXPECT_EQ(Url::ParseWeb(secret).error().message.find("s3cret"), std::string::npos) << secret;
  }
  for (const char* bad : {"localhost:5000", "https://h", "http://", "http://h:0", "http://h:70000", "http://h:x",
                          "http://u:p@h", "http://h/a b", "http://h/\r\nX: y", "http://h\r\nX: y/"}) {
    EXPECT_FALSE(Url::Parse(bad).ok()) << bad;
  }
}

TEST(Http, ParsesListenAddresses) {
  EXPECT_EQ(ParseAddress("0.0.0.0:80")->host, "0.0.0.0");
  EXPECT_EQ(ParseAddress("[::]:0")->host, "::");
  EXPECT_EQ(ParseAddress(":5000")->host, "127.0.0.1");
  EXPECT_EQ(ParseAddress("5000")->port, 5000);
  for (const char* bad : {"", "h", "h:", "h:-1", "h:65536", "::1:5000", "h:5000x"}) {
    EXPECT_FALSE(ParseAddress(bad).ok()) << bad;
  }
  EXPECT_TRUE(IsLoopback("127.0.0.2") && IsLoopback("::1") && IsLoopback("LOCALHOST"));
  EXPECT_FALSE(IsLoopback("0.0.0.0") || IsLoopback("127.evil.example") || IsLoopback("10.0.0.1"));
}

Handler Nothing() {
  return Simple([](Request&) -> Task<Result<Response>> { co_return Response{}; });
}

TEST(Routes, MostSpecificWins) {
  RouteTable table;
  for (const char* pattern : {"/", "/files/{path...}", "/models/{name}", "/models/search",
                              "/models/{name}/versions/{v}", "/models/{name}/versions/latest"}) {
    table.Add(Route(Method::kGet, pattern, Permission::kRead, 0, Nothing()));
  }
  table.Add(Route(Method::kPost, "/models/{model}", Permission::kWrite, 0, Nothing()));
  table.Add(Route(Method::kDelete, "/models/{name}", Permission::kWrite, 0, Nothing()));
  const auto find = [&table](std::string_view path) {
    const auto match = table.Find(Method::kGet, path);
    return match.route == nullptr ? std::string("none") : match.route->pattern;
  };
  EXPECT_EQ(find("/"), "/");
  EXPECT_EQ(find("/models/search"), "/models/search");
  EXPECT_EQ(find("/models/iris"), "/models/{name}");
  EXPECT_EQ(find("/models/iris/versions/3"), "/models/{name}/versions/{v}");
  EXPECT_EQ(find("/models/iris/versions/latest"), "/models/{name}/versions/latest");
  EXPECT_EQ(find("/files/a/b"), "/files/{path...}");
  EXPECT_EQ(find("/files/"), "/files/{path...}");
  EXPECT_EQ(find("/files"), "none");
  EXPECT_EQ(find("/models/"), "none");
  EXPECT_EQ(find("/models/iris/"), "none");
  EXPECT_EQ(find("/Models/iris"), "none");
  EXPECT_EQ(table.Find(Method::kGet, "/files/a/b").params.at("path"), "a/b");
  EXPECT_EQ(table.Find(Method::kGet, "/files/").params.at("path"), "");
  EXPECT_EQ(table.Find(Method::kPost, "/models/iris").params.at("model"), "iris");
  const auto other = table.Find(Method::kPut, "/models/iris");
  EXPECT_EQ(other.route, nullptr);
  EXPECT_EQ(other.allowed, (std::vector<Method>{Method::kGet, Method::kPost, Method::kDelete}));
  EXPECT_TRUE(table.Find(Method::kPut, "/nowhere").allowed.empty());
}

TEST(Routes, TheSameShapeTwiceIsABug) {
  RouteTable table;
  table.Add(Route(Method::kGet, "/models/{name}", Permission::kRead, 0, Nothing()));
  EXPECT_DEATH(table.Add(Route(Method::kGet, "/models/{model}", Permission::kRead, 0, Nothing())), "same_shape");
}

TEST(Principal, AdminMayEverythingAndNobodyNothing) {
  EXPECT_TRUE((Principal{"a", {Permission::kAdmin}}.May(Permission::kDeploy)));
  EXPECT_TRUE((Principal{"a", {}}.May(Permission::kPublic)));
  EXPECT_FALSE((Principal{"a", {Permission::kRead}}.May(Permission::kWrite)));
  EXPECT_FALSE((Principal{"a", {Permission::kWrite}}.May(Permission::kRead)));
}

TEST(HostGuard, KnowsItsOwnNames) {
  const HostGuard guard("192.0.2.1", {"ml.example"});
  const auto allowed = [&guard](std::string_view host) { return guard.Check(Method::kGet, host, "").ok(); };
  for (const char* host :
       {"localhost", "LOCALHOST:5000", "127.0.0.1:1", "[::1]:5000", "192.0.2.1", "ml.example:80", ""}) {
    EXPECT_TRUE(allowed(host)) << host;
  }
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "192.0.2.2", "[::2]",
                           "xml.example", "localhost@evil", "[::1"}) {
    EXPECT_FALSE(allowed(host)) << host;
  }
  EXPECT_EQ(guard.Check(Method::kGet, "evil.example", "").error().message,
            "this server does not answer to Host \"evil.example\"; call it localhost, or by the host it listens at");
  EXPECT_EQ(HostGuard("127.0.0.1", {}, "--allow-host").Check(Method::kGet, "a.example:80", "").error().message,
            "this server does not answer to Host \"a.example:80\"; if the name is yours, start the server with "
            "--allow-host NAME");
  EXPECT_TRUE(HostGuard("0.0.0.0", {}).Check(Method::kGet, "192.0.2.7:80", "").ok());
  EXPECT_FALSE(HostGuard("0.0.0.0", {}).Check(Method::kGet, "evil.example", "").ok());
  EXPECT_TRUE(HostGuard("127.0.0.1", {"*"}).Check(Method::kGet, "anything.example", "").ok());
}

TEST(HostGuard, OnUnsafeMethodsTheOriginIsThisServer) {
  const HostGuard guard("127.0.0.1", {});
  const auto allowed = [&guard](Method method, std::string_view host, std::string_view origin) {
    return guard.Check(method, host, origin).ok();
  };
  EXPECT_TRUE(allowed(Method::kDelete, "localhost:5000", ""));
  EXPECT_TRUE(allowed(Method::kDelete, "localhost:5000", "http://localhost:5000"));
  EXPECT_TRUE(allowed(Method::kPost, "localhost", "https://localhost:443"));
  EXPECT_TRUE(allowed(Method::kGet, "localhost:5000", "http://evil.example"));
  for (const Method method : {Method::kPost, Method::kPut, Method::kPatch, Method::kDelete}) {
    EXPECT_FALSE(allowed(method, "localhost:5000", "http://evil.example"));
    EXPECT_FALSE(allowed(method, "localhost:5000", "http://localhost:5001"));
    EXPECT_FALSE(allowed(method, "localhost:5000", "null"));
  }
}

}  // namespace
}  // namespace mw::net
