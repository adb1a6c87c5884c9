// What browsers make of the control plane's answers: every route is asked with markup in its path, query and body, and
// whatever comes back is of a type that no browser runs, or a page of the console's that holds none of it.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "app/testing.h"
#include "base/json.h"
#include "base/text.h"
#include "net/http_client.h"

namespace mw::app {
namespace {

using net::Method;

constexpr std::string_view kMarkup[] = {
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'-alert(1)-'",
    "</title><svg/onload=alert(1)>",
    "javascript:alert(1)//",
    "<!--<iframe srcdoc='<script>alert(1)</script>'>",
};
/// Members and parameters that routes look for, each with the markup as its value.
constexpr std::string_view kNames[] = {
    "run_id",  "run_uuid", "experiment_id", "experiment_name",   "name",     "key",    "value",     "metric_key",
    "path",    "filter",   "page_token",    "order_by",          "alias",    "stage",  "timestamp", "endpoint",
    "model",   "version",  "since",         "artifact_location", "run_name", "status", "tags",      "metrics",
    "run_ids", "files"};

/// They answer when something happens.
bool Waits(std::string_view pattern) { return pattern == "/api/v1/events" || pattern == "/api/v1/desired-state"; }

std::string PathOf(std::string_view pattern, std::string_view markup) {
  std::string path;
  for (const std::string_view part : Split(pattern.substr(1), '/')) {
    CatTo(path, "/", part.starts_with('{') ? net::PercentEncode(markup) : std::string(part));
  }
  return path;
}

std::string QueryOf(std::string_view markup) {
  std::string query;
  for (const std::string_view name : kNames) {
    CatTo(query, query.empty() ? "?" : "&", name, "=", net::PercentEncode(markup));
  }
  return query;
}

Json BodyOf(std::string_view markup) {
  Json body = Json::MakeObject();
  for (const std::string_view name : kNames) body[name] = markup;
  return body;
}

std::string HeaderOf(const net::Response& answer, std::string_view name) {
  const std::string* value = net::FindHeader(answer.headers, name);
  return value == nullptr ? "" : *value;
}

class AnswerHeadersTest : public testing::PlatformTest {
 protected:
  static void Judge(const net::Response& answer, std::string_view markup, const std::string& asked) {
    EXPECT_EQ(HeaderOf(answer, "X-Content-Type-Options"), "nosniff") << asked;
    const std::string type = HeaderOf(answer, "Content-Type");
    if (type.starts_with("text/html")) {
      EXPECT_NE(HeaderOf(answer, "Content-Security-Policy").find("default-src 'none'"), std::string::npos) << asked;
      EXPECT_EQ(answer.body.find(markup), std::string::npos) << asked;
      return;
    }
    const bool inert = type.starts_with("application/json") || type.starts_with("text/plain") ||
                       type.starts_with("application/octet-stream");
    EXPECT_TRUE(answer.body.empty() || inert) << asked << " is " << answer.status << " of type \"" << type << "\"";
    EXPECT_NE(answer.status, 500) << asked << ": " << answer.body;
  }
};

TEST_F(AnswerHeadersTest, NoBrowserRunsWhatCallersSent) {
  net::HttpClient client = *net::HttpClient::Make(platform_->url(), {});
  int judged = 0;
  for (const net::Route& route : platform_->routes().routes()) {
    if (Waits(route.pattern)) continue;
    for (const std::string_view markup : kMarkup) {
      const std::string path = PathOf(route.pattern, markup) + QueryOf(markup);
      const bool reads = route.method == Method::kGet;
      const auto answer =
          reads ? client.Send(route.method, path)
                : client.Send(route.method, path, BodyOf(markup).Dump(), {{"Content-Type", "application/json"}});
      const std::string asked = Cat(net::MethodName(route.method), " ", route.pattern, " with ", markup);
      ASSERT_TRUE(answer.ok()) << asked << ": " << answer.error().ToString();
      Judge(*answer, markup, asked);
      ++judged;
    }
  }
  EXPECT_GT(judged, 1000);
}

TEST_F(AnswerHeadersTest, NorWhatNothingAnswers) {
  net::HttpClient client = *net::HttpClient::Make(platform_->url(), {});
  for (const std::string_view markup : kMarkup) {
    for (const Method method : {Method::kGet, Method::kPost, Method::kPut, Method::kDelete, Method::kPatch}) {
      const auto answer = client.Send(method, Cat("/nowhere/", net::PercentEncode(markup)));
      ASSERT_TRUE(answer.ok());
      EXPECT_TRUE(answer->status == 404 || answer->status == 400) << answer->status;
      Judge(*answer, markup, Cat(net::MethodName(method), " nowhere"));
    }
  }
}

TEST_F(AnswerHeadersTest, PagesThatWereLoggedAreNotOpenedHere) {
  net::HttpClient client = *net::HttpClient::Make(platform_->url(), {});
  const std::string page = "<html><script>alert(1)</script></html>";
  for (const char* name : {"page.html", "drawing.svg", "page.xhtml", "script.js"}) {
    const std::string path = Cat("/api/2.0/mlflow-artifacts/artifacts/0/a/artifacts/", name);
    ASSERT_EQ(client.Send(Method::kPut, path, page, {{"Content-Type", "text/html"}})->status, 200) << name;
    const auto kept = client.Send(Method::kGet, path);
    ASSERT_TRUE(kept.ok());
    EXPECT_EQ(kept->body, page);
    EXPECT_EQ(HeaderOf(*kept, "X-Content-Type-Options"), "nosniff");
    const bool saved = HeaderOf(*kept, "Content-Disposition").starts_with("attachment");
    EXPECT_TRUE(saved || HeaderOf(*kept, "Content-Security-Policy").find("sandbox") != std::string::npos) << name;
  }
}

}  // namespace
}  // namespace mw::app
