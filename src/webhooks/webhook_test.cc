// What webhooks say, whom they may reach, and when they try again. Signatures are held against openssl's command line.
#include "webhooks/webhook.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "webhooks/plan.h"
#include "webhooks/secret_box.h"

namespace mw::webhooks {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

const Timestamp kNow = FromMicros(1'700'000'000'000'000);

TEST(WebhookWords, SaysEventsAsMlflowDoes) {
  const EventKind kind = *ParseEventKind("model_version_tag", "set");
  EXPECT_EQ(DeliveryBody(kind, FromMicros(1'700'000'000'000'042), Json::Make({{"name", "iris"}})),
            R"({"entity":"model_version_tag","action":"set","timestamp":"2023-11-14T22:13:20.000042+00:00",)"
            R"("data":{"name":"iris"}})");
  EXPECT_NE(DeliveryBody(kind, kNow, Json()).find(R"("timestamp":"2023-11-14T22:13:20.000000+00:00")"),
            std::string::npos);
  EXPECT_EQ(EventKindOf(kind.text()), kind);
  EXPECT_EQ(ParseEventKind("registered_model", "deleted").error().message,
            "Invalid action 'deleted' for entity 'registered_model'. Valid actions are: ['created']");
  EXPECT_FALSE(ParseEventKind("", "created").ok());
}

TEST(WebhookWords, HasAnExampleOfEachEvent) {
  const auto example = [](std::string_view text) { return ExampleData(EventKindOf(text)).Dump(); };
  EXPECT_EQ(example("registered_model.created"), R"({"name":"example_model","tags":{"example_key":"example_value"},)"
                                                 R"("description":"An example registered model"})");
  EXPECT_EQ(example("model_version.created"),
            R"({"name":"example_model","version":"1","source":"models:/123","run_id":"abcd1234abcd5678",)"
            R"("tags":{"example_key":"example_value"},"description":"An example model version"})");
  EXPECT_EQ(example("model_version_tag.deleted"), R"({"name":"example_model","version":"1","key":"example_key"})");
  EXPECT_EQ(example("model_version_alias.created"),
            R"({"name":"example_model","alias":"example_alias","version":"1"})");
  EXPECT_EQ(example("prompt_alias.deleted"), R"({"name":"example_prompt","alias":"example_alias"})");
  EXPECT_EQ(example("prompt_tag.set"), R"({"name":"example_prompt","key":"example_key","value":"example_value"})");
  EXPECT_EQ(example("prompt_version.created"),
            R"({"name":"example_prompt","version":"1","template":"Hello {{name}}!",)"
            R"("tags":{"example_key":"example_value"},"description":"An example prompt version"})");
}

TEST(WebhookWords, SignsIdTimeAndBody) {
  // printf 'id.1700000000.{}' | openssl dgst -sha256 -hmac 'a secret of ours' -binary | base64
  EXPECT_EQ(Signature("a secret of ours", "id", "1700000000", "{}"), "v1,DKC1rSB5WQvSi7MqfJq5Di1DYtzYdn8pv2iac5cUlHM=");
}

TEST(WebhookRules, TakesNamesAsMlflowDoes) {
  for (const char* good : {"a", "0", "A.b_c-9"}) EXPECT_TRUE(CheckName(good).ok()) << good;
  EXPECT_TRUE(CheckName(std::string(63, 'a')).ok());
  for (const std::string& bad : {std::string(), std::string(64, 'a'), std::string("-a"), std::string("a-"),
                                 std::string("a b"), std::string("\xc3\xa4")}) {
    EXPECT_EQ(CheckName(bad).error().code, Code::kInvalidArgument) << bad;
  }
}

TEST(WebhookRules, ReachesThePublicInternetByHttpsAlone) {
  const net::Networks none;
  for (const char* good : {"https://hooks.example.com/x?y", "https://8.8.8.8/", "HTTPS://h:8443"}) {
    EXPECT_TRUE(CheckUrl(good, none).ok()) << good;
  }
  EXPECT_EQ(CheckUrl("ftp://a/", none).error().message,
            "Invalid webhook URL scheme: 'ftp'. Allowed schemes are: https.");
  for (const char* bad :
       {"", "no url", "http://hooks.example.com/", "https://", "https://127.0.0.1/", "https://localhost/",
        "https://[::1]/", "https://169.254.169.254/latest/meta-data", "https://10.0.0.1", "https://[::ffff:10.0.0.1]/",
        "https://u:p@h/", "https://h/ x", "https://h\r\nX: y/", "file:///etc/passwd"}) {
    EXPECT_EQ(CheckUrl(bad, none).error().code, Code::kInvalidArgument) << bad;
  }
  EXPECT_FALSE(CheckUrl(Cat("https://h/", std::string(2048, 'x')), none).ok());
}

TEST(WebhookRules, ReachesWhatTheOperatorNames) {
  const net::Networks allowed = *net::Networks::Parse("127.0.0.1, 10.0.0.0/8");
  for (const char* good : {"http://127.0.0.1:9/hook", "http://localhost:9/", "https://10.1.2.3/", "http://inside/x"}) {
    EXPECT_TRUE(CheckUrl(good, allowed).ok()) << good;
  }
  for (const char* bad : {"http://127.0.0.2/", "http://8.8.8.8/", "https://192.168.1.1/"}) {
    EXPECT_FALSE(CheckUrl(bad, allowed).ok()) << bad;
  }
  // A name is judged by the address that it has when it is connected to.
  EXPECT_TRUE(CheckReach("http://inside/x", "10.0.0.7", allowed).ok());
  EXPECT_EQ(CheckReach("http://inside/x", "8.8.8.8", allowed).error().code, Code::kPermissionDenied);
  EXPECT_EQ(CheckReach("https://inside/x", "192.168.0.1", allowed).error().code, Code::kPermissionDenied);
  EXPECT_TRUE(CheckReach("https://outside/x", "8.8.8.8", allowed).ok());
  EXPECT_FALSE(CheckReach("https://outside/x", "", allowed).ok());
}

TEST(SecretBox, OpensWhatItSealedForThatWebhookAlone) {
  const SecretBox box("home"), other("another home");
  const std::string sealed = box.Seal("a secret", "w1");
  EXPECT_EQ(sealed.find("secret"), std::string::npos);
  EXPECT_NE(sealed, box.Seal("a secret", "w1"));
  EXPECT_EQ(*box.Open(sealed, "w1"), "a secret");
  EXPECT_EQ(box.Open(sealed, "w2").error().code, Code::kFailedPrecondition);
  EXPECT_EQ(other.Open(sealed, "w1").error().code, Code::kFailedPrecondition);
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(box.Open(changed, "w1").ok()) << i;
    EXPECT_FALSE(box.Open(std::string_view(sealed).substr(0, i), "w1").ok()) << i;
  }
}

std::string Sent(std::vector<Head> heads, const std::set<std::string>& sending = {}) {
  const Plan plan = NextToSend(std::move(heads), sending, kNow);
  std::string out;
  for (const Head& head : plan.send) CatTo(out, head.webhook, head.number, " ");
  if (plan.next != kNever) CatTo(out, "in ", (plan.next - kNow) / seconds(1));
  return out;
}

TEST(Plan, SendsWhatIsDueOneOfEachWebhook) {
  EXPECT_EQ(Sent({}), "");
  EXPECT_EQ(Sent({{"a", 1, kNow}, {"b", 7, kNow - seconds(1)}}), "b7 a1 ");
  EXPECT_EQ(Sent({{"a", 1, kNow + seconds(2)}, {"b", 2, kNow + seconds(1)}, {"c", 3, kNow}}), "c3 in 1");
  EXPECT_EQ(Sent({{"a", 1, kNow}, {"b", 2, kNow + seconds(3)}}, {"a"}), "in 3");
  EXPECT_EQ(Sent({{"a", 1, kNow}, {"b", 1, kNow}, {"c", 1, kNow}}, {"x", "y", "z"}), "a1 ") << "four at once";
  EXPECT_EQ(Sent({{"a", 1, kNow}}, {"w", "x", "y", "z"}), "");
  EXPECT_EQ(Sent({{"a", 1, kNow + hours(2)}}), "a1 ") << "the clock was set back";
}

Delivery Tried(const Attempt& attempt, std::int64_t attempts = 0, Duration age = Duration(0), double jitter = 0) {
  Delivery delivery;
  delivery.attempts = attempts;
  delivery.queued = kNow - age;
  return AfterAttempt(delivery, attempt, kNow, jitter);
}

TEST(Plan, IsPatientWithReceiversThatAreAway) {
  for (const int code : {200, 202, 204}) EXPECT_EQ(Tried({code}).status, DeliveryStatus::kDelivered) << code;
  for (const int code : {408, 425, 429, 500, 503, 599}) {
    EXPECT_EQ(Tried({code}).status, DeliveryStatus::kPending) << code;
  }
  for (const int code : {301, 307, 400, 401, 403, 404, 410}) {
    EXPECT_EQ(Tried({code}).status, DeliveryStatus::kFailed) << code;
  }
  EXPECT_EQ(Tried({0, "refused"}).status, DeliveryStatus::kPending);
  EXPECT_EQ(Tried({0, "forbidden", true}).status, DeliveryStatus::kFailed);
  const Delivery once = Tried({503, "busy"});
  EXPECT_EQ(once.attempts, 1);
  EXPECT_EQ(once.answer_code, 503);
  EXPECT_EQ(once.error, "busy");
  EXPECT_EQ(once.tried, kNow);
}

TEST(Plan, WaitsTwiceAsLongEachTimeUpToAnHour) {
  EXPECT_EQ(Tried({503}, 0).due - kNow, std::chrono::milliseconds(500));
  EXPECT_EQ(Tried({503}, 0, Duration(0), 0.5).due - kNow, std::chrono::milliseconds(750));
  EXPECT_EQ(Tried({503}, 3).due - kNow, seconds(4));
  EXPECT_EQ(Tried({503}, 13).due - kNow, minutes(30));
  EXPECT_EQ(Tried({503, "", false, seconds(90)}).due - kNow, seconds(90)) << "as it was asked";
  EXPECT_EQ(Tried({503, "", false, Duration(0)}, 3).due - kNow, seconds(4)) << "but not sooner";
  EXPECT_EQ(Tried({503, "", false, hours(30)}).due - kNow, hours(1));
}

TEST(Plan, GivesUpInTheEnd) {
  EXPECT_EQ(Tried({503}, kAttemptsMax - 2).status, DeliveryStatus::kPending);
  EXPECT_EQ(Tried({503}, kAttemptsMax - 1).status, DeliveryStatus::kFailed);
  EXPECT_EQ(Tried({200}, kAttemptsMax - 1).status, DeliveryStatus::kDelivered);
  EXPECT_EQ(Tried({503}, 1, hours(23)).status, DeliveryStatus::kPending);
  EXPECT_EQ(Tried({503}, 1, hours(24)).status, DeliveryStatus::kFailed);
  EXPECT_EQ(Tried({200}, 1, hours(48)).status, DeliveryStatus::kDelivered);
}

TEST(Plan, ReadsHowLongAReceiverWantsToBeLeftAlone) {
  const auto read = [](std::string_view text) {
    const auto wait = ParseRetryAfter(text, kNow);  // Tue, 14 Nov 2023 22:13:20 GMT
    return wait ? Cat(*wait / seconds(1)) : "none";
  };
  EXPECT_EQ(read("120"), "120");
  EXPECT_EQ(read(" 0 "), "0");
  EXPECT_EQ(read("99999999999999999"), "3600");
  EXPECT_EQ(read("Tue, 14 Nov 2023 22:14:20 GMT"), "60");
  EXPECT_EQ(read("Fri, 31 Dec 1999 23:59:59 GMT"), "0");
  for (const char* bad : {"", "-1", "soon", "1.5", "Tue, 14 Nov 2023 22:14:20", "Tue, 14 Nox 2023 22:14:20 GMT",
                          "Tue, 99 Nov 2023 22:14:20 GMT", "a b c d e GMT"}) {
    EXPECT_EQ(read(bad), "none") << bad;
  }
}

}  // namespace
}  // namespace mw::webhooks
