// The protocol over real sockets: every route, answers equal to the model's own, versions swapped under
// load without a failed request, and many random requests at once that never see one another.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "api/inference/test_server.h"
#include "base/random.h"
#include "serving/test_model.h"

namespace mw::api::inference {
namespace {

using net::TestClient;
using serving::testing::RandomRow;
using serving::testing::TestDatatype;
using serving::testing::TestDirectory;
using serving::testing::TestFeatures;
using serving::testing::WriteTestPackage;
using testing::GetRequest;
using testing::PostRequest;
using testing::ServerTest;

std::string Body(const std::vector<Json>& rows, std::string_view id = "") {
  Json inputs = Json::MakeArray();
  for (const std::string& name : TestFeatures()) {
    Json::Array data;
    for (const Json& row : rows) data.push_back(*row.Find(name));
    inputs.Append(Json::Make({{"name", Json(name)},
                              {"shape", Json(Json::Array{Json(static_cast<std::int64_t>(rows.size()))})},
                              {"datatype", Json(TestDatatype(name))},
                              {"data", Json(std::move(data))}}));
  }
  Json request = Json::Make({{"inputs", std::move(inputs)}});
  if (!id.empty()) request["id"] = Json(id);
  return request.Dump();
}

std::vector<float> Expected(const serving::Model& model, const std::vector<Json>& rows) {
  std::vector<float> features;
  for (const Json& row : rows) {
    int feature = 0;
    for (const std::string& name : TestFeatures()) {
      features.push_back(serving::testing::EncodeForTest(model.encoder(), feature++, *row.Find(name)));
    }
  }
  std::vector<float> values(rows.size());
  model.Predict(features, rows.size(), values);
  return values;
}

/// The values of an output, or nothing when the answer has no such output.
std::vector<float> Values(const Json& answer, std::string_view output) {
  std::vector<float> values;
  const Json* outputs = answer.Find("outputs");
  if (outputs == nullptr || !outputs->IsArray()) return values;
  for (const Json& tensor : outputs->AsArray()) {
    if (tensor.StringOr("name", "") != output) continue;
    for (const Json& value : tensor.Find("data")->AsArray()) values.push_back(static_cast<float>(value.AsDouble()));
  }
  return values;
}

class InferenceApiTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    for (const int version : {1, 2, 3}) {
      WriteTestPackage(Path(version), static_cast<std::uint64_t>(version) * 100);
    }
    ASSERT_TRUE(Deploy(1).ok());
    catalog_.SetReady(true);
    net::LoopServerOptions options = Loops(2);
    options.connections_max = 512;
    Listen(options, catalog_);
  }

  [[nodiscard]] std::string Path(int version) const { return directory_ / Cat("v", version); }
  Status Deploy(int version) { return catalog_.Deploy("late", version, Cat("sha256:", version), Path(version)); }

  TestDirectory directory_;
  serving::Catalog catalog_{metrics_};
};

TEST_F(InferenceApiTest, ServerAndModelMetadataAndHealth) {
  const Json server = GetJson("/v2");
  EXPECT_EQ(server.StringOr("name", ""), "millwright");
  EXPECT_EQ(server.StringOr("version", ""), "9.9.9");
  EXPECT_EQ(GetJson("/v2/health/live").BoolOr("live", false), true);
  EXPECT_EQ(GetJson("/v2/health/ready").BoolOr("ready", false), true);
  EXPECT_EQ(GetJson("/v2/models/late/ready").BoolOr("ready", false), true);
  EXPECT_EQ(GetJson("/v2/models/late/versions/1/ready").BoolOr("ready", false), true);
  catalog_.SetReady(false);
  EXPECT_EQ(GetJson("/v2/health/ready", 400).BoolOr("ready", true), false);
  const Json model = GetJson("/v2/models/late");
  EXPECT_EQ(model.StringOr("name", ""), "late");
  EXPECT_EQ(model.Find("versions")->Dump(), R"(["1"])");
  EXPECT_EQ(model.Find("inputs")->AsArray()[4].Dump(), R"({"name":"carrier","datatype":"BYTES","shape":[-1]})");
  EXPECT_EQ(model.Find("outputs")->AsArray()[0].StringOr("name", ""), "probability");
}

TEST_F(InferenceApiTest, UnknownPathsModelsVersionsAndMethodsAreNamed) {
  EXPECT_EQ(GetJson("/v2/models/lte", 404).StringOr("error", ""),
            "no model \"lte\" is served here; did you mean \"late\"");
  EXPECT_EQ(GetJson("/v2/models/late/versions/7", 404).StringOr("error", ""),
            "model \"late\" has no version \"7\" here; versions: 1");
  for (const char* path : {"/", "/v3", "/v2/models/", "/v2/models//infer", "/v2/models/late/infer/x",
                           "/v2/models/late/versions", "/v2/models/late/versions//infer", "/v2/models/late/explain"}) {
    EXPECT_EQ(Ask(GetRequest(path)).status, 404) << path;
  }
  EXPECT_EQ(Ask(GetRequest("/v2/models/late/infer")).status, 405);
  EXPECT_EQ(Ask(PostRequest("/v2/models/late", "{}")).status, 405);
  EXPECT_EQ(Ask(PostRequest("/v2/models/late/predict", "{}")).status, 404);
  EXPECT_EQ(Ask(PostRequest("/v2/health/live", "{}")).status, 405);
}

TEST_F(InferenceApiTest, AnswersAreTheModelsOwn) {
  Random random(3);
  for (const std::size_t count : {1U, 2U, 33U, 1000U}) {
    std::vector<Json> rows;
    for (std::size_t i = 0; i < count; ++i) rows.push_back(RandomRow(random));
    const Json answer = AskJson(PostRequest("/v2/models/late/infer", Body(rows, "request-1")));
    const std::vector<float> expected = Expected(*catalog_.Live("late")->model, rows);
    EXPECT_EQ(answer.StringOr("model_name", ""), "late");
    EXPECT_EQ(answer.StringOr("model_version", ""), "1");
    EXPECT_EQ(answer.StringOr("id", ""), "request-1");
    EXPECT_EQ(Values(answer, "probability"), expected);
    const Json::Array& decisions = answer.Find("outputs")->AsArray()[1].Find("data")->AsArray();
    ASSERT_EQ(decisions.size(), count);
    for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(decisions[i].AsBool(), expected[i] >= 0.25F);
  }
}

TEST_F(InferenceApiTest, EventTimeAndPredictionIdAreInTheAnswer) {
  Random random(4);
  std::string body = Body({RandomRow(random)});
  body.insert(1, R"("parameters":{"event_time":"2013-05-01T10:00:00Z"},)");
  const Json first = AskJson(PostRequest("/v2/models/late/infer", body));
  const Json second = AskJson(PostRequest("/v2/models/late/infer", body));
  EXPECT_EQ(first.Find("parameters")->StringOr("event_time", ""), "2013-05-01T10:00:00Z");
  EXPECT_EQ(first.StringOr("id", "").size(), 32U);
  EXPECT_NE(first.StringOr("id", ""), second.StringOr("id", ""));
}

TEST_F(InferenceApiTest, RefusalsAreTheProtocolsErrors) {
  const Json refused = AskJson(
      PostRequest("/v2/models/late/infer", R"({"inputs":[{"name":"tmp","shape":[1],"datatype":"FP32","data":[1]}]})"),
      400);
  EXPECT_EQ(refused.Dump(), R"({"error":"the model has no column \"tmp\"; did you mean \"temp\"?"})");
  EXPECT_EQ(Ask(PostRequest("/v2/models/late/infer", "")).status, 400);
  const std::string metrics = Ask(GetRequest("/metrics")).body;
  EXPECT_NE(metrics.find("millwright_inference_refused_total{model=\"late\",version=\"1\"} 2"), std::string::npos)
      << metrics;
  EXPECT_NE(metrics.find("millwright_inference_failures_total{model=\"late\",version=\"1\"} 0"), std::string::npos)
      << metrics;
}

TEST_F(InferenceApiTest, EachVersionCanBeAskedByItsNumber) {
  Random random(6);
  const std::vector<Json> rows = {RandomRow(random)};
  const std::vector<float> first = Expected(*catalog_.Live("late")->model, rows);
  ASSERT_TRUE(Deploy(2).ok());
  const std::vector<float> second = Expected(*catalog_.Live("late")->model, rows);
  EXPECT_EQ(Values(AskJson(PostRequest("/v2/models/late/infer", Body(rows))), "probability"), second);
  EXPECT_EQ(Values(AskJson(PostRequest("/v2/models/late/versions/1/infer", Body(rows))), "probability"), first);
  EXPECT_EQ(Values(AskJson(PostRequest("/v2/models/late/versions/2/infer", Body(rows))), "probability"), second);
}

TEST_F(InferenceApiTest, VersionsSwapUnderLoadWithoutAFailedRequest) {
  Random random(8);
  const std::vector<Json> rows = {RandomRow(random), RandomRow(random)};
  std::vector<std::vector<float>> expected;
  for (const int version : {1, 2, 3}) {
    expected.push_back(Expected(**serving::Model::Load(Path(version)), rows));
  }
  const std::string request = PostRequest("/v2/models/late/infer", Body(rows));
  std::atomic<bool> stop{false};
  std::atomic<int> answered{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      TestClient client(server_->port());
      while (!stop) {
        const TestClient::Answer answer = client.Ask(request);
        ASSERT_EQ(answer.status, 200) << answer.body;
        const auto json = Json::Parse(answer.body);
        const auto version = static_cast<std::size_t>(*ParseInt(json->StringOr("model_version", "")));
        ASSERT_EQ(Values(*json, "probability"), expected[version - 1]);
        ++answered;
      }
    });
  }
  for (int swap = 0; swap < 60 || answered < 2000; ++swap) ASSERT_TRUE(Deploy(1 + swap % 3).ok());
  stop = true;
  for (std::thread& client : clients) client.join();
}

TEST_F(InferenceApiTest, TenThousandConcurrentRequestsEachGetTheirOwnAnswer) {
  constexpr int kClients = 16;
  constexpr int kRequests = 640;  // of each client, pipelined in groups
  constexpr int kGroup = 16;
  const std::shared_ptr<const serving::Model> model = catalog_.Live("late")->model;
  std::vector<std::thread> clients;
  std::atomic<int> answered{0};
  for (int index = 0; index < kClients; ++index) {
    clients.emplace_back([&, index] {
      Random random(static_cast<std::uint64_t>(index) + 1000);
      TestClient client(server_->port());
      for (int group = 0; group < kRequests / kGroup; ++group) {
        std::string requests;
        std::vector<std::vector<float>> expected;
        for (int i = 0; i < kGroup; ++i) {
          std::vector<Json> rows;
          for (std::uint64_t count = 1 + random.Below(5); count > 0; --count) rows.push_back(RandomRow(random));
          requests += PostRequest("/v2/models/late/infer", Body(rows, Cat(index, "-", group, "-", i)));
          expected.push_back(Expected(*model, rows));
        }
        ASSERT_TRUE(client.Send(requests));
        for (int i = 0; i < kGroup; ++i) {
          const TestClient::Answer answer = client.Read();
          ASSERT_EQ(answer.status, 200) << answer.body;
          const auto json = Json::Parse(answer.body);
          ASSERT_EQ(json->StringOr("id", ""), Cat(index, "-", group, "-", i));
          ASSERT_EQ(Values(*json, "probability"), expected[static_cast<std::size_t>(i)]);
          ++answered;
        }
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(answered, kClients * kRequests);
}

}  // namespace
}  // namespace mw::api::inference
