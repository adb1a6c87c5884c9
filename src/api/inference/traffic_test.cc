// Over real sockets: who is let in, which version a caller is kept with, what a shadow is shown and what comes of it,
// and who waits for a model that is not in memory.
#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "api/inference/inference_api.h"
#include "api/inference/test_backend.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "net/test_client.h"
#include "serving/test_model.h"

namespace mw::api::inference {
namespace {

using net::TestClient;
using serving::testing::TestDirectory;
using serving::testing::WriteTestPackage;

constexpr std::string_view kLate = "/v2/models/late/infer";
constexpr std::string_view kFake = "/v2/models/fake/infer";

/// `rows` rows of the test model, all alike but for temp, which counts from `first`.
std::string LateBody(int rows, int first = 0, std::string_view more = "") {
  std::string temp, wind, hour, holiday, carrier, origin;
  for (int row = 0; row < rows; ++row) {
    const std::string_view comma = row == 0 ? "" : ",";
    CatTo(temp, comma, first + row);
    CatTo(wind, comma, "3.5");
    CatTo(hour, comma, "7");
    CatTo(holiday, comma, "true");
    CatTo(carrier, comma, "\"DL\"");
    CatTo(origin, comma, "\"JFK\"");
  }
  const auto column = [rows](std::string_view name, std::string_view datatype, std::string_view data) {
    return Cat(R"({"name":")", name, R"(","datatype":")", datatype, R"(","shape":[)", rows, R"(],"data":[)", data,
               "]}");
  };
  return Cat("{", more, R"("inputs":[)", column("temp", "FP64", temp), ",", column("wind", "FP64", wind), ",",
             column("hour", "INT64", hour), ",", column("holiday", "BOOL", holiday), ",",
             column("carrier", "BYTES", carrier), ",", column("origin", "BYTES", origin), "]}");
}

std::string FakeBody(std::string_view x, std::string_view more = "") {
  return Cat("{", more, R"("inputs":[{"name":"x","datatype":"FP32","shape":[1,3],"data":[)", x,
             R"(]},{"name":"name","datatype":"BYTES","shape":[1],"data":["ab"]}]})");
}

std::vector<float> ValuesOf(const Json& answer) {
  std::vector<float> values;
  for (const Json& value : answer.Find("outputs")->AsArray()[0].Find("data")->AsArray()) {
    values.push_back(static_cast<float>(value.AsDouble()));
  }
  return values;
}

/// Sources are paths beneath the test's directory, or of the fake backend "primary" and "shadow".
struct Anywhere final : serving::ModelSource {
  explicit Anywhere(std::string root) : directory(std::move(root)) {}
  Result<std::string> Locate(const std::string& source) override { return Cat(directory, "/", source); }
  const std::string directory;
};

class TrafficTest : public ::testing::Test {
 protected:
  explicit TrafficTest(std::int64_t memory_bytes_max = 0) : catalog_(metrics_, Options(memory_bytes_max)) {
    SetLogLevel(static_cast<LogLevel>(4));
    for (const int version : {1, 2})
      WriteTestPackage(directory_ / Cat("v", version), static_cast<std::uint64_t>(version) * 100);
    catalog_.SetReady(true);
    net::LoopServerOptions options;
    options.loops = 1;
    options.stop_grace = std::chrono::milliseconds(20);
    server_ = *net::LoopServer::Start(
        options,
        [this](int) {
          return std::make_unique<InferenceHandler>(InferenceContext{.catalog = catalog_,
                                                                     .metrics = metrics_,
                                                                     .clock = clock_,
                                                                     .program_version = "9.9.9",
                                                                     .cache = &cache_,
                                                                     .admission = &admission_,
                                                                     .shadow = &shadows_.NewSender()});
        },
        metrics_);
  }
  ~TrafficTest() override {
    primary_->Hold(false);
    shadow_->Hold(false);
    HoldLoads(false);
    server_.reset();
    shadows_.Stop();
    SetLogLevel(LogLevel::kInfo);
  }

  serving::CatalogOptions Options(std::int64_t memory_bytes_max) {
    serving::CatalogOptions options;
    options.memory_bytes_max = memory_bytes_max;
    options.load = [this](const serving::LoadRequest& request) -> Result<std::shared_ptr<const serving::Model>> {
      {
        const Lock lock(mutex_);
        while (loads_held_) changed_.Wait(mutex_);
      }
      if (request.path.ends_with("/bad")) return InvalidArgument("no model");
      if (request.path.ends_with("/primary")) {
        return serving::Model::OfBackend(std::make_unique<testing::FakeBackend>(primary_));
      }
      if (request.path.ends_with("/shadow")) {
        return serving::Model::OfBackend(std::make_unique<testing::FakeBackend>(shadow_));
      }
      return serving::Model::Load(request.path);
    };
    options.estimate = [](const std::string&) { return std::int64_t{100}; };
    options.gone = [this](const serving::Model& model) { cache_.Forget(model.serial()); };
    options.batcher = &batcher_;
    return options;
  }
  void HoldLoads(bool held) {
    const Lock lock(mutex_);
    loads_held_ = held;
    changed_.NotifyAll();
  }
  static wire::DesiredEndpoint Endpoint(const std::string& name, const std::string& source) {
    return {name, name, 1, source};
  }
  static wire::DesiredEndpoint WithShadow(const std::string& name, const std::string& source, const std::string& shadow,
                                          std::int64_t share = wire::kWeightWhole) {
    wire::DesiredEndpoint endpoint = Endpoint(name, source);
    endpoint.traffic.shadow = wire::ShadowVersion{2, shadow, share};
    return endpoint;
  }
  void Want(const wire::DesiredEndpoint& endpoint) {
    catalog_.Want(endpoint, std::make_shared<Anywhere>(directory_.path()));
    ASSERT_TRUE(catalog_.WaitSettled(std::chrono::seconds(20)));
    primary_->ForgetBatches();
    shadow_->ForgetBatches();
  }
  void LetIn(const wire::AdmissionRules& rules) {
    auto settings = serving::AdmissionSettingsOf(rules);
    ASSERT_TRUE(settings.ok()) << settings.error().ToString();
    catalog_.SetAdmission(rules);
    admission_.Update(*std::move(settings));
  }
  TestClient::Answer Post(std::string_view path, std::string_view body, std::string_view headers = "") {
    TestClient client(server_->port());
    return client.Ask(Cat("POST ", path, " HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", body.size(), "\r\n",
                          headers, "\r\n", body));
  }
  Json PostJson(std::string_view path, std::string_view body, int status = 200, std::string_view headers = "") {
    const TestClient::Answer answer = Post(path, body, headers);
    EXPECT_EQ(answer.status, status) << answer.body;
    auto json = Json::Parse(answer.body);
    return json.ok() ? *json : Json();
  }
  wire::ShadowOutcome Outcome(const std::string& endpoint) {
    return serving::ShadowMetrics(metrics_, endpoint, "2").Outcome();
  }
  /// Until so many requests were compared, dropped or failed. Shadows get what the processors have left, which may be
  /// next to nothing for minutes while other tests run.
  wire::ShadowOutcome AwaitOutcome(const std::string& endpoint, std::int64_t count) {
    const Duration end = clock_.Elapsed() + std::chrono::seconds(240);
    while (true) {
      wire::ShadowOutcome outcome = Outcome(endpoint);
      if (outcome.requests + outcome.dropped + outcome.failures >= count) return outcome;
      if (clock_.Elapsed() > end) ADD_FAILURE() << "only " << outcome.requests << " were compared";
      if (clock_.Elapsed() > end) return outcome;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));  // NOLINT(no-sleeps): a deadline, and see above
    }
  }

  TestDirectory directory_;
  MetricsRegistry metrics_;
  RealClock clock_;
  Mutex mutex_;
  CondVar changed_;
  bool loads_held_ MW_GUARDED_BY(mutex_) = false;
  std::shared_ptr<testing::FakeControl> primary_ = std::make_shared<testing::FakeControl>();
  std::shared_ptr<testing::FakeControl> shadow_ = std::make_shared<testing::FakeControl>();
  serving::Admission admission_{serving::AdmissionSettings{}, clock_, metrics_};
  serving::Batcher batcher_{clock_, metrics_, 2};
  serving::ResponseCache cache_{serving::CacheSettings{}, clock_, metrics_};
  serving::Catalog catalog_;
  serving::ShadowLane shadows_;
  std::unique_ptr<net::LoopServer> server_;
};

TEST_F(TrafficTest, AShadowIsShownWhatWasAnsweredAndCompared) {
  Want(WithShadow("late", "v1", "v2"));
  std::vector<float> first, second;
  for (int request = 0; request < 20; ++request) {
    const std::string body = LateBody(5, request * 5);
    const std::vector<float> values = ValuesOf(PostJson(kLate, body));
    first.insert(first.end(), values.begin(), values.end());
    // A version that is asked by its number is shown to nobody.
    const std::vector<float> others = ValuesOf(PostJson("/v2/models/late/versions/2/infer", body));
    second.insert(second.end(), others.begin(), others.end());
  }
  const wire::ShadowOutcome outcome = AwaitOutcome("late", 20);
  double sum = 0, max = 0;
  std::int64_t disagreements = 0;
  const double threshold = *catalog_.Live("late")->model->threshold();
  for (std::size_t i = 0; i < first.size(); ++i) {
    const double apart = std::abs(static_cast<double>(first[i]) - static_cast<double>(second[i]));
    sum += apart;
    max = std::max(max, apart);
    disagreements += (static_cast<double>(first[i]) >= threshold) != (static_cast<double>(second[i]) >= threshold);
  }
  ASSERT_GT(max, 0.01) << "the versions do not differ: nothing is tested";
  EXPECT_EQ(outcome.requests, 20);
  EXPECT_EQ(outcome.rows, 100);
  EXPECT_EQ(outcome.disagreements, disagreements);
  EXPECT_NEAR(outcome.difference_mean, sum / 100, 1e-6);
  EXPECT_NEAR(outcome.difference_max, max, 1e-6);
  EXPECT_EQ(outcome.failures + outcome.dropped, 0);
  for (const wire::EndpointStatus& status : catalog_.Statuses()) {
    EXPECT_EQ(status.shadow.has_value(), status.version == 2);
  }
}

TEST_F(TrafficTest, AShadowSeesItsShareByEveryProtocol) {
  Want(WithShadow("late", "v1", "v2", 2'500));
  constexpr int kRequests = 400;
  TestClient client(server_->port());
  const std::string v1 =
      R"({"instances":[{"temp":1,"wind":2,"hour":3,"holiday":false,"carrier":"AA","origin":"EWR"}]})";
  for (int i = 0; i < kRequests; ++i) {
    const std::string body = i % 2 == 0 ? LateBody(1, i) : v1;
    const std::string_view path = i % 2 == 0 ? kLate : i % 4 == 1 ? "/v1/models/late:predict" : "/invocations";
    ASSERT_EQ(
        client
            .Ask(Cat("POST ", path, " HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", body.size(), "\r\n\r\n", body))
            .status,
        200);
  }
  const wire::ShadowOutcome outcome = AwaitOutcome("late", 60);
  EXPECT_LT(outcome.requests, 140);
  EXPECT_EQ(outcome.failures, 0);
}

TEST_F(TrafficTest, AShadowThatHangsFailsOrRefusesHarmsNobody) {
  Want(WithShadow("fake", "primary", "shadow"));
  shadow_->Hold(true);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Post(kFake, FakeBody("1,2,3")).status, 200);
  shadow_->AwaitHeld();
  for (int i = 0; i < 1'100; ++i) ASSERT_EQ(Post(kFake, FakeBody("1,2,3")).status, 200);
  EXPECT_GT(Outcome("fake").dropped, 50) << "the lane is full";
  EXPECT_EQ(Outcome("fake").requests, 0);
  shadow_->Hold(false);
  const std::int64_t all = 1'103;
  wire::ShadowOutcome outcome = AwaitOutcome("fake", all);
  EXPECT_EQ(outcome.requests + outcome.dropped, all);
  EXPECT_EQ(outcome.disagreements, 0);
  EXPECT_EQ(outcome.difference_max, 0);

  shadow_->Fail(1'000);
  EXPECT_EQ(Post(kFake, FakeBody("1,2,3")).status, 200);
  EXPECT_EQ(AwaitOutcome("fake", all + 1).failures, 1);
  shadow_->Fail(0);
  primary_->Fail(2);
  EXPECT_EQ(Post(kFake, FakeBody("1,2,3")).status, 503);
  EXPECT_EQ(Outcome("fake").requests + Outcome("fake").dropped, all) << "what got no answer is not shown";
}

TEST_F(TrafficTest, AShadowOfAnotherKindIsCountedAsFailed) {
  Want(WithShadow("late", "v1", "shadow"));
  EXPECT_EQ(Post(kLate, LateBody(3)).status, 200);
  const wire::ShadowOutcome outcome = AwaitOutcome("late", 1);
  EXPECT_EQ(outcome.failures, 1);
}

TEST_F(TrafficTest, ClientsHaveTheirShareAndTheOthersWhatIsLeft) {
  Want(Endpoint("late", "v1"));
  LetIn({.client_header = "X-Client", .shares = {{"shop", 1}}, .rows_per_second_max = 2});
  EXPECT_EQ(Post(kLate, LateBody(1'000)).status, 200);  // what is there for all is used up for minutes
  const TestClient::Answer refused = Post(kLate, LateBody(10), "X-Client: nobody\r\n");
  EXPECT_EQ(refused.status, 429) << refused.body;
  ASSERT_NE(net::FindHeader(refused.headers, "Retry-After"), nullptr);
  EXPECT_GE(ParseInt(*net::FindHeader(refused.headers, "Retry-After")).value_or(0), 1);
  EXPECT_NE(refused.body.find("try again in"), std::string::npos) << refused.body;
  EXPECT_EQ(Post(kLate, LateBody(10), "x-client: shop\r\n").status, 200);
  const std::string exposed = metrics_.Expose();
  EXPECT_NE(exposed.find(R"(millwright_inference_client_rows_total{client="shop"} 10)"), std::string::npos) << exposed;
  EXPECT_NE(exposed.find(R"(millwright_inference_not_admitted_total{reason="rate"})"), std::string::npos);
  EXPECT_EQ(exposed.find(R"(millwright_inference_client_rows_refused_total{client=""} 0)"), std::string::npos);

  LetIn({});
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Post(kLate, LateBody(100)).status, 200);
}

TEST_F(TrafficTest, AClientIsKnownByItsTokensDigest) {
  Want(Endpoint("late", "v1"));
  LetIn({.client_header = "authorization",
         .shares = {{Cat("sha256:", Sha256Hex("secret")), 1}},
         .rows_per_second_max = 2});
  EXPECT_EQ(Post(kLate, LateBody(1'000)).status, 200);  // what is there for all is used up for minutes
  EXPECT_EQ(Post(kLate, LateBody(100), "Authorization: Bearer wrong\r\n").status, 429);
  EXPECT_EQ(Post(kLate, LateBody(100), "Authorization: Bearer secret\r\n").status, 200);
}

TEST_F(TrafficTest, RowsInFlightAreBoundedInTheProcess) {
  Want(Endpoint("fake", "primary"));
  LetIn({.rows_in_flight_max = 1});
  primary_->Hold(true);
  TestClient waiting(server_->port());
  const std::string body = FakeBody("1,2,3");
  waiting.Send(Cat("POST ", kFake, " HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", body.size(), "\r\n\r\n", body));
  primary_->AwaitHeld();
  const TestClient::Answer refused = Post(kFake, body);
  EXPECT_EQ(refused.status, 429) << refused.body;
  EXPECT_NE(net::FindHeader(refused.headers, "Retry-After"), nullptr);
  primary_->Hold(false);
  EXPECT_EQ(waiting.Read().status, 200);
  EXPECT_EQ(Post(kFake, body).status, 200) << "what was answered is not in flight any more";
}

TEST_F(TrafficTest, AParameterKeepsACallerWithItsVersion) {
  wire::DesiredEndpoint endpoint = Endpoint("late", "v1");
  endpoint.traffic.versions = {{1, "v1", 5'000}, {2, "v2", 5'000}};
  endpoint.settings.sticky = {wire::StickyKey::From::kParameter, "user"};
  Want(endpoint);
  std::map<std::string, int> users;
  for (int user = 0; user < 40; ++user) {
    std::string version;
    for (int again = 0; again < 3; ++again) {
      const std::string parameters = Cat(R"("parameters":{"user":"user-)", user, "\"},");
      std::string answered = PostJson(kLate, LateBody(1, 0, parameters)).StringOr("model_version", "");
      if (again == 2) {  // the same by another protocol
        answered =
            PostJson("/v1/models/late:predict", Cat("{", parameters, R"("instances":[[1,2,3,true,"AA","EWR"]]})"))
                .StringOr("model_version", "");
      }
      EXPECT_TRUE(again == 0 || answered == version) << user;
      version = answered;
    }
    ++users[version];
  }
  EXPECT_GT(users["1"], 8);
  EXPECT_GT(users["2"], 8);
}

TEST_F(TrafficTest, AnswersOfAVersionThatIsGoneAreForgotten) {
  wire::DesiredEndpoint endpoint = Endpoint("late", "v1");
  endpoint.settings.cache.enabled = true;
  Want(endpoint);
  EXPECT_EQ(Post(kLate, LateBody(3)).status, 200);
  EXPECT_GT(cache_.bytes(), 0U);
  catalog_.Remove("late");
  EXPECT_EQ(cache_.bytes(), 0U);
}

TEST_F(TrafficTest, AModelThatCannotBeLoadedIsSaidToBeSo) {
  wire::DesiredEndpoint endpoint = Endpoint("late", "v1");
  endpoint.traffic.versions = {{1, "v1", 10'000}, {2, "bad", 0}};
  Want(endpoint);
  const TestClient::Answer failed = Post("/v2/models/late/versions/2/infer", LateBody(1));
  EXPECT_EQ(failed.status, 503) << failed.body;
  EXPECT_NE(failed.body.find("no model"), std::string::npos) << failed.body;
}

/// Room for one of two models.
class MemoryTest : public TrafficTest {
 protected:
  MemoryTest() : TrafficTest(100) {
    Want(Endpoint("fake", "primary"));
    Want(Endpoint("late", "v1"));
  }
  [[nodiscard]] std::string StateOf(const std::string& name) {
    for (const wire::EndpointStatus& status : catalog_.Statuses()) {
      if (status.name == name) return std::string(wire::VersionStateName(status.state));
    }
    return "";
  }
};

TEST_F(MemoryTest, ARequestWaitsForTheModelThatWasUnloaded) {
  ASSERT_EQ(StateOf("fake"), "UNLOADED");
  for (int turn = 0; turn < 5; ++turn) {
    EXPECT_EQ(PostJson(kFake, FakeBody("1,2,3", R"("id":"f",)")).StringOr("id", ""), "f");
    EXPECT_EQ(ValuesOf(PostJson(kLate, LateBody(7))).size(), 7U);
    EXPECT_EQ(Post("/v1/models/fake/versions/1:predict", R"({"instances":[{"x":[1,2,3],"name":"ab"}]})").status, 200);
    EXPECT_EQ(
        Post("/models/late/invocations",
             R"({"dataframe_records":[{"temp":1,"wind":2,"hour":3,"holiday":false,"carrier":"AA","origin":"EWR"}]})")
            .status,
        200);
  }
  EXPECT_NE(metrics_.Expose().find("millwright_inference_load_waits_total 20"), std::string::npos);
}

TEST_F(MemoryTest, BinaryOutputsAreWantedStillAfterTheWait) {
  std::string x(12, '\0'), names;
  serving::AppendElement(names, "ab");
  const std::string json =
      Cat(R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,3],"parameters":{"binary_data_size":12}},)",
          R"({"name":"name","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":)", names.size(),
          R"(}}],"parameters":{"binary_data_output":true}})");
  const auto answer = Post(kFake, Cat(json, x, names), Cat("Inference-Header-Content-Length: ", json.size(), "\r\n"));
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_NE(net::FindHeader(answer.headers, "Inference-Header-Content-Length"), nullptr) << answer.body;
}

TEST_F(MemoryTest, NobodyWaitsLongerThanItsClientDoes) {
  HoldLoads(true);
  const TestClient::Answer late = Post(kFake, FakeBody("1,2,3", R"("parameters":{"timeout":60000},)"));
  EXPECT_EQ(late.status, 504) << late.body;
  HoldLoads(false);
  EXPECT_EQ(Post(kFake, FakeBody("1,2,3")).status, 200);
}

TEST_F(MemoryTest, WhoWaitsIsWithinTheBudgetOfBytes) {
  HoldLoads(true);
  serving::AdmissionSettings settings;
  settings.bytes_in_flight_max = 200;
  admission_.Update(settings);
  const std::string body = FakeBody("1,2,3");
  ASSERT_GT(body.size() * 2, 200U);
  TestClient waiting(server_->port());
  waiting.Send(Cat("POST ", kFake, " HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", body.size(), "\r\n\r\n", body));
  const Duration end = clock_.Elapsed() + std::chrono::seconds(10);
  while (admission_.bytes_in_flight() == 0 && clock_.Elapsed() < end) std::this_thread::yield();
  const TestClient::Answer refused = Post(kFake, body);
  EXPECT_EQ(refused.status, 503) << refused.body;
  EXPECT_NE(net::FindHeader(refused.headers, "Retry-After"), nullptr);
  HoldLoads(false);
  EXPECT_EQ(waiting.Read().status, 200);
}

}  // namespace
}  // namespace mw::api::inference
