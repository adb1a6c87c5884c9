// Webhooks by MLflow's API and by our own, without a server: forms, codes and words. The unmodified client is
// tests/conformance/mlflow_client.py's.
#include <gtest/gtest.h>

#include <string>

#include "api/mlflow/routes.h"
#include "api/mlflow/testing.h"
#include "api/native/routes.h"
#include "base/text.h"
#include "db/inline_database.h"
#include "db/temporary_database.h"
#include "net/fake_exchange.h"

namespace mw::api::mlflow {
namespace {

class Receiver final : public webhooks::Sender {
 public:
  Result<net::Response> Post(const webhooks::Outgoing& /*request*/) override { return answer; }
  Result<net::Response> answer = net::Response{200, {}, "done"};
};

class WebhookRoutesTest : public ::testing::Test {
 protected:
  WebhookRoutesTest() {
    EXPECT_TRUE(database_.Migrate(webhooks::Migrations()).ok());
    AddWebhookRoutes(routes_, webhooks_);
    native::AddWebhookRoutes(routes_, webhooks_);
  }
  /// The answer, or "status code: message".
  std::string Ask(net::Method method, std::string_view path, std::string body = "") {
    net::FakeRequest request(method, path, std::move(body));
    request.headers.emplace_back("Content-Type", "application/json");
    const net::Response response = net::Ask(routes_, request);
    if (response.status == 200) return response.body;
    const auto json = Json::Parse(response.body);
    EXPECT_TRUE(json.ok()) << response.body;
    return Cat(response.status, " ", json->StringOr("error_code", ""), ": ", json->StringOr("message", ""));
  }
  /// Of MLflow's API.
  std::string Api(net::Method method, std::string_view path, std::string body = "") {
    return Ask(method, Cat("/api/2.0/mlflow/webhooks", path), std::move(body));
  }
  std::string Create(std::string_view more = "") {
    const std::string body =
        Cat(R"({"name":"hook","url":"http://127.0.0.1:9/",)",
            R"("events":[{"entity":"MODEL_VERSION","action":"CREATED"},{"entity":1,"action":1}])", more, "}");
    const std::string said = Api(net::Method::kPost, "", body);
    const auto json = Json::Parse(said);
    return json.ok() ? json->Find("webhook")->StringOr("webhook_id", "") : said;
  }

  db::TemporaryDirectory directory_;
  db::InlineDatabase database_{directory_.path() + "/test.db"};
  SimulatedClock clock_{FromMicros(1'700'000'000'000'000)};
  testing::AtOnce workers_;
  Receiver receiver_;
  webhooks::Webhooks webhooks_{webhooks::Parts{database_, receiver_, workers_, clock_},
                               *net::Networks::Parse("127.0.0.1"), webhooks::SecretBox("home")};
  net::RouteTable routes_;
};

TEST_F(WebhookRoutesTest, MakesChangesAndForgetsThem) {
  const std::string id = Create(R"(,"secret":"a secret of ours","status":"DISABLED","description":"in words")");
  const std::string head = Cat(R"({"webhook":{"webhook_id":")", id, R"(","name":"hook","description":"in words",)",
                               R"("url":"http://127.0.0.1:9/","events":[)");
  EXPECT_EQ(
      Api(net::Method::kGet, "/" + id),
      Cat(head, R"({"entity":"MODEL_VERSION","action":"CREATED"},{"entity":"REGISTERED_MODEL","action":"CREATED"}],)",
          R"("status":"DISABLED","creation_timestamp":1700000000000,"last_updated_timestamp":1700000000000}})"));
  clock_.Advance(std::chrono::seconds(2));
  EXPECT_EQ(
      Api(net::Method::kPatch, "/" + id,
          R"({"status":"ACTIVE","name":"","url":"","events":[{"entity":"PROMPT_TAG","action":"SET"}]})"),
      Cat(head, R"({"entity":"PROMPT_TAG","action":"SET"}],"status":"ACTIVE","creation_timestamp":1700000000000,)",
          R"("last_updated_timestamp":1700000002000}})"))
      << "a name and a URL that are empty stay";
  EXPECT_EQ(Api(net::Method::kPatch, "/" + id, R"({"description":""})").find("description"), std::string::npos);
  EXPECT_EQ(Api(net::Method::kDelete, "/" + id, "{}"), "{}");
  for (const auto& [method, rest, body] :
       {std::tuple(net::Method::kGet, "", ""), std::tuple(net::Method::kPatch, "", "{}"),
        std::tuple(net::Method::kDelete, "", "{}"), std::tuple(net::Method::kPost, "/test", "{}")}) {
    EXPECT_EQ(Api(method, Cat("/", id, rest), body),
              Cat("404 RESOURCE_DOES_NOT_EXIST: Webhook with ID ", id, " not found."));
  }
}

TEST_F(WebhookRoutesTest, ListsThemInPages) {
  EXPECT_EQ(Api(net::Method::kGet, ""), "{}");
  const std::string first = Create(), second = Create(), third = Create();
  Json page = *Json::Parse(Api(net::Method::kGet, "?max_results=2"));
  ASSERT_EQ(page.Find("webhooks")->AsArray().size(), 2U);
  EXPECT_EQ(page.Find("webhooks")->AsArray()[0].StringOr("webhook_id", ""), third);
  page = *Json::Parse(Api(net::Method::kGet, Cat("?max_results=2&page_token=", page.StringOr("next_page_token", ""))));
  ASSERT_EQ(page.Find("webhooks")->AsArray().size(), 1U);
  EXPECT_EQ(page.Find("webhooks")->AsArray()[0].StringOr("webhook_id", ""), first);
  EXPECT_EQ(page.Find("next_page_token"), nullptr);
  for (const char* size : {"1001", "-1"}) {
    EXPECT_EQ(Api(net::Method::kGet, Cat("?max_results=", size)),
              "400 INVALID_PARAMETER_VALUE: max_results must be between 1 and 1000.");
  }
  EXPECT_TRUE(Api(net::Method::kGet, "?page_token=x").starts_with("400 INVALID_PARAMETER_VALUE: Invalid page token"));
}

TEST_F(WebhookRoutesTest, RefusesInMlflowsWords) {
  EXPECT_EQ(Api(net::Method::kPost, "", R"({"name":"x","url":"ftp://h/","events":[{"entity":1,"action":1}]})"),
            "400 INVALID_PARAMETER_VALUE: Invalid webhook URL scheme: 'ftp'. Allowed schemes are: https, http.");
  EXPECT_EQ(Api(net::Method::kPost, "", R"({"name":"x","url":"https://h/","events":[{"entity":1,"action":3}]})"),
            "400 INVALID_PARAMETER_VALUE: Invalid action 'deleted' for entity 'registered_model'. Valid actions are: "
            "['created']");
  for (const char* body :
       {R"({"url":"https://h/","events":[{"entity":1,"action":1}]})",
        R"({"name":"x","events":[{"entity":1,"action":1}]})", R"({"name":"x","url":"https://h/"})",
        R"({"name":"x","url":"https://h/","events":[1]})", R"({"name":"x","url":"https://h/","events":[{}]})",
        R"({"name":"x","url":7,"events":[{"entity":1,"action":1}]})"}) {
    EXPECT_TRUE(Api(net::Method::kPost, "", body).starts_with("400 INVALID_PARAMETER_VALUE: ")) << body;
  }
}

TEST_F(WebhookRoutesTest, TellsWhatATestCameTo) {
  const std::string test = Cat("/", Create(), "/test");
  EXPECT_EQ(Api(net::Method::kPost, test, "{}"),
            R"({"result":{"success":true,"response_status":200,"response_body":"done"}})");
  receiver_.answer = net::Response{503, {}, "later"};
  EXPECT_EQ(Api(net::Method::kPost, test, R"({"event":{"entity":"PROMPT","action":"CREATED"}})"),
            R"({"result":{"success":false,"response_status":503,"response_body":"later"}})");
  receiver_.answer = Unavailable("cannot connect");
  EXPECT_EQ(Api(net::Method::kPost, test, "{}"),
            R"({"result":{"success":false,"error_message":"Failed to test webhook: cannot connect"}})");
  EXPECT_TRUE(Api(net::Method::kPost, test, R"({"event":1})").starts_with("400 INVALID_PARAMETER_VALUE: "));
}

TEST_F(WebhookRoutesTest, ShowsTheLog) {
  const std::string id = Create(), log = Cat("/api/v1/webhooks/", id, "/deliveries");
  const auto record = [this](db::Transaction& transaction) {
    return webhooks_.Record(transaction, {"model_version", "created", Json::Make({{"name", "iris"}})});
  };
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(SyncWait(database_.Write(record)).ok());
  Json page = *Json::Parse(Ask(net::Method::kGet, log + "?limit=2"));
  const Json newest = page.Find("deliveries")->AsArray().at(0);
  EXPECT_EQ(newest.IntOr("number", 0), 3);
  EXPECT_EQ(newest.StringOr("event", ""), "model_version.created");
  EXPECT_EQ(newest.StringOr("status", ""), "pending");
  EXPECT_EQ(newest.StringOr("due_at", ""), "2023-11-14T22:13:20Z");
  EXPECT_EQ(page.IntOr("before", 0), 2);
  page = *Json::Parse(Ask(net::Method::kGet, log + "?limit=2&before=2"));
  EXPECT_EQ(page.Find("deliveries")->AsArray().size(), 1U);
  EXPECT_EQ(page.Find("before"), nullptr);
  for (const char* bad : {"?limit=0", "?limit=x", "?before=-1", "?limit=1001"}) {
    EXPECT_TRUE(Ask(net::Method::kGet, log + bad).starts_with("400 ")) << bad;
  }
  EXPECT_TRUE(Ask(net::Method::kPost, log + "/3/redeliver").starts_with("400 ")) << "it is waiting";
  EXPECT_TRUE(Ask(net::Method::kPost, log + "/9/redeliver").starts_with("404 "));
  EXPECT_TRUE(Ask(net::Method::kGet, "/api/v1/webhooks/none/deliveries").starts_with("404 "));
}

}  // namespace
}  // namespace mw::api::mlflow
