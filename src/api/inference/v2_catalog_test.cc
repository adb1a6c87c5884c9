// The extensions of the Open Inference Protocol over real sockets: what a model repository's server says of its models,
// loads that bring new content or leave the old one where it was, and who may ask for them.
#include "api/inference/v2_catalog.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "api/inference/test_backend.h"
#include "api/inference/test_server.h"
#include "serving/model_control.h"
#include "serving/model_repository.h"
#include "serving/test_model.h"

namespace mw::api::inference {
namespace {

using serving::testing::RandomXgboostJson;
using testing::PostRequest;

constexpr std::string_view kIndex = "/v2/repository/index";
constexpr std::string_view kLoadLate = "/v2/repository/models/late/load";
constexpr std::string_view kUnloadLate = "/v2/repository/models/late/unload";

class V2CatalogTest : public testing::ServerTest {
 protected:
  void SetUp() override { SetLogLevel(static_cast<LogLevel>(4)); }  // errors are what is tested here
  [[nodiscard]] std::string Root() const { return directory_ / "models"; }
  void Write(const std::string& path, const std::string& text) {
    const std::string file = Cat(Root(), "/", path);
    ASSERT_TRUE(MakeDirectories(file.substr(0, file.rfind('/'))).ok());
    ASSERT_TRUE(WriteFileDurably(file, text).ok());
  }
  void WriteModel(const std::string& path, std::uint64_t seed, int trees = 12) {
    Write(path, RandomXgboostJson(seed, {"a", "b", "c"}, trees));
  }
  void Open(serving::ControlRules rules = {.on_loopback = true}) {
    repository_ = *serving::ModelRepository::Open(Root(), catalog_);
    repository_->Rescan();
    ASSERT_TRUE(catalog_.WaitSettled(std::chrono::seconds(20)));
    control_ = std::make_unique<serving::ModelControl>(catalog_, repository_, rules);
    catalog_.SetReady(true);
    Listen(Loops(1), [this] {
      return InferenceContext{.catalog = catalog_,
                              .metrics = metrics_,
                              .clock = clock_,
                              .program_version = "9.9.9",
                              .cache = &cache_,
                              .control = control_.get()};
    });
  }
  /// "late 2 READY reason; ..."
  std::string Index(std::string_view body = "") {
    std::string text;
    const Json index = AskJson(PostRequest(kIndex, body));
    for (const Json& entry : index.AsArray()) {
      CatTo(text, text.empty() ? "" : "; ", entry.StringOr("name", "?"), " ", entry.StringOr("version", "-"), " ",
            entry.StringOr("state", "?"), " ", entry.StringOr("reason", "?"));
    }
    return text;
  }
  double Predict(std::string_view path = "/v2/models/late/infer") {
    const Json answer =
        PostJson(path, R"({"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1.5,20,7.25]}]})");
    return answer.Find("outputs")->AsArray()[0].Find("data")->AsArray()[0].AsDouble();
  }
  std::string Refusal(std::string_view path, int status, std::string_view body = "", std::string_view headers = "") {
    return AskJson(PostRequest(path, body, headers), status).StringOr("error", "no error");
  }
  static void ExpectWords(const std::string& text, std::string_view words) {
    EXPECT_NE(text.find(words), std::string::npos) << text;
  }

  serving::testing::TestDirectory directory_;
  serving::Catalog catalog_{metrics_};
  serving::ResponseCache cache_{serving::CacheSettings{}, clock_, metrics_};
  std::shared_ptr<serving::ModelRepository> repository_;
  std::unique_ptr<serving::ModelControl> control_;
};

TEST_F(V2CatalogTest, TheIndexHasEveryModelAndWhyItDoesNotAnswer) {
  WriteModel("late/1/xgboost.json", 1);
  WriteModel("late/2/xgboost.json", 2);
  Write("broken/1/model.json", "{\"learner\": 1");
  Write("empty/1/readme", "nothing");
  Open();
  const std::string index = Index();
  ExpectWords(index, "late 2 READY ");
  ExpectWords(index, "broken 1 UNAVAILABLE ");
  ExpectWords(index, "empty - UNAVAILABLE ");
  ExpectWords(index, "holds none of model.onnx");
  EXPECT_EQ(Index(R"({"ready":true})"), "late 2 READY ");
  EXPECT_EQ(Index(R"({"ready":false,"repository_name":"any"})"), index);
  ExpectWords(Refusal(kIndex, 400, R"({"ready":1})"), "ready must be true or false");
  ExpectWords(Refusal(kIndex, 400, "[]"), "must be a JSON object");
  ExpectWords(Refusal(kIndex, 400, "{"), "the request");
  EXPECT_EQ(Ask(testing::GetRequest(kIndex)).status, 405);
  EXPECT_EQ(Post("/v2/repository/other", "").status, 404);
  EXPECT_EQ(Post("/v2/repository/models/late/erase", "").status, 404);
}

TEST_F(V2CatalogTest, WhatIsNotReadySaysWhyAndNamesNoDirectory) {
  WriteModel("late/1/model.json", 1);
  Write("broken/1/model.json", "{\"learner\": 1");
  Write("empty/1/readme", "nothing");
  Open();
  const Json server = GetJson("/v2/health/ready", 400);
  EXPECT_FALSE(server.Find("ready")->AsBool());
  const std::string why = server.StringOr("error", "");
  ExpectWords(why, "model \"broken\" version 1 is UNAVAILABLE: broken/1/model.json: ");
  ExpectWords(why, "; model \"empty\" is UNAVAILABLE: empty/1 holds none of");
  EXPECT_EQ(why.find("late"), std::string::npos) << why;
  ExpectWords(GetJson("/v2/models/broken/ready", 503).StringOr("error", ""),
              "version 1 of model \"broken\" is not served: model.json: ");
  ExpectWords(GetJson("/v2/models/empty/ready", 404).StringOr("error", ""), "model \"empty\" is UNAVAILABLE: empty/1 ");
  ExpectWords(GetJson("/v2/models/lat/ready", 404).StringOr("error", ""), "did you mean \"late\"");
  EXPECT_EQ(GetJson("/v2/models/late/ready").Dump(), R"({"ready":true})");
  EXPECT_EQ(Post("/v2/models/late/ready", "").status, 405);
  const std::string refused = Post("/v2/models/broken/infer", "{}").body;
  ExpectWords(refused, "is not served: model.json: ");
  for (const std::string& text : {why, Index(), refused}) {
    EXPECT_EQ(text.find(directory_.path()), std::string::npos) << text;
  }
  catalog_.SetReady(false);
  std::filesystem::remove_all(Root() + "/broken");
  std::filesystem::remove_all(Root() + "/empty");
  repository_->Rescan();
  ExpectWords(GetJson("/v2/health/ready", 400).StringOr("error", ""), "the server is starting or stopping");
  catalog_.SetReady(true);
  EXPECT_EQ(GetJson("/v2/health/ready").Dump(), R"({"ready":true})");
}

TEST_F(V2CatalogTest, TensorsAnswerByTheConfigurationsNames) {
  WriteModel("late/1/model.json", 1);
  Write("late/config.pbtxt",
        R"(max_batch_size: 8 input { name: "input__0" data_type: TYPE_FP32 dims: 3 }
           output { name: "output__0" data_type: TYPE_FP32 dims: 1 })");
  Open();
  const Json metadata = GetJson("/v2/models/late");
  EXPECT_EQ(metadata.Find("inputs")->Dump(), R"([{"name":"input__0","datatype":"FP32","shape":[-1,3]}])");
  EXPECT_EQ(metadata.Find("outputs")->Dump(), R"([{"name":"output__0","datatype":"FP32","shape":[-1]}])");
  const auto ask = [this](std::string_view inputs, std::string_view output, int status) {
    return PostJson("/v2/models/late/infer",
                    Cat(R"({"inputs":[)", inputs, R"(],"outputs":[{"name":")", output, R"("}]})"), status);
  };
  constexpr std::string_view kMatrix = R"({"name":"input__0","shape":[1,3],"datatype":"FP32","data":[1.5,20,7.25]})";
  constexpr std::string_view kColumns = R"({"name":"a","shape":[1],"datatype":"FP32","data":[1.5]},
      {"name":"b","shape":[1],"datatype":"FP32","data":[20]},{"name":"c","shape":[1],"datatype":"FP32","data":[7.25]})";
  const Json answer = ask(kMatrix, "output__0", 200);
  EXPECT_EQ(answer.Find("outputs")->AsArray()[0].StringOr("name", ""), "output__0");
  EXPECT_EQ(ask(kColumns, "output__0", 200).Find("outputs")->Dump(), answer.Find("outputs")->Dump());
  ExpectWords(ask(kMatrix, "output_0", 400).StringOr("error", ""),
              "the model has no output \"output_0\"; did you mean \"output__0\"?");
  ExpectWords(ask(kMatrix, "x", 400).StringOr("error", ""), "the model has no output \"x\"; it has output__0");
}

TEST_F(V2CatalogTest, ALoadBringsWhatHasChangedAndTakesForceWhole) {
  WriteModel("late/1/model.json", 1);
  Open();
  const double before = Predict();
  WriteModel("late/1/model.json", 2, 20);
  EXPECT_EQ(Predict(), before);
  EXPECT_EQ(Post(kLoadLate, "").status, 200);
  const double after = Predict();
  EXPECT_NE(after, before);
  WriteModel("late/2/model.json", 3);
  EXPECT_EQ(Post(kLoadLate, R"({"parameters":{"unload_dependents":false,"mine":[1]}})").status, 200);
  EXPECT_NE(Predict(), after);
  WriteModel("new/1/model.json", 4);
  EXPECT_EQ(GetJson("/v2/models/new", 404).IsObject(), true);
  EXPECT_EQ(Post("/v2/repository/models/new/load", "").status, 200);
  EXPECT_GT(Predict("/v2/models/new/infer"), 0);
}

TEST_F(V2CatalogTest, WhatIsRefusedLeavesTheOldContentWhereItWas) {
  WriteModel("late/1/model.json", 1);
  Open();
  const double before = Predict();
  Write("late/1/model.json", "{\"learner\": ");
  for (int again = 0; again < 2; ++again) {
    const std::string refusal = Refusal(kLoadLate, 400);
    ExpectWords(refusal, "model.json");
    EXPECT_EQ(Predict(), before);
    ExpectWords(Index(), "late 1 READY what came since is refused: ");
  }
  Write("late/config.pbtxt", "no text format at all {");
  ExpectWords(Refusal(kLoadLate, 400), "config.pbtxt");
  EXPECT_EQ(Predict(), before);
  std::filesystem::remove(Root() + "/late/config.pbtxt");
  WriteModel("late/1/model.json", 5);
  EXPECT_EQ(Post(kLoadLate, "").status, 200);
  EXPECT_NE(Predict(), before);
  EXPECT_EQ(Index(), "late 1 READY ");
}

TEST_F(V2CatalogTest, AnUnloadedModelSaysSoAndComesBackByName) {
  WriteModel("late/1/model.json", 1);
  Open();
  const double before = Predict();
  EXPECT_EQ(Post(kUnloadLate, R"({"parameters":{"unload_dependents":true}})").status, 200);
  EXPECT_EQ(Index(), "late 1 UNAVAILABLE unloaded");
  EXPECT_EQ(Index(R"({"ready":true})"), "");
  EXPECT_EQ(Ask(testing::GetRequest("/v2/models/late/ready")).status, 503);
  ExpectWords(Refusal("/v2/models/late/infer", 503, "{}"), "was unloaded");
  EXPECT_EQ(Post(kLoadLate, "").status, 200);
  EXPECT_EQ(Predict(), before);
}

TEST_F(V2CatalogTest, NamesAndParametersCannotLeadElsewhere) {
  WriteModel("late/1/model.json", 1);
  Open();
  for (const std::string_view name : {"..", "%2e%2e", "a%2Fb", "la te", ".", "late%00"}) {
    EXPECT_EQ(Post(Cat("/v2/repository/models/", name, "/load"), "").status, 400) << name;
    EXPECT_EQ(Post(Cat("/v2/repository/models/", name, "/unload"), "").status, 400) << name;
  }
  EXPECT_EQ(Post("/v2/repository/models/../../late/load", "").status, 404);
  EXPECT_EQ(Post("/v2/repository/models//load", "").status, 400);
  EXPECT_EQ(Post(Cat("/v2/repository/models/", std::string(129, 'a'), "/load"), "").status, 400);
  for (const std::string_view name : {"nobody", "nobody2"}) {
    ExpectWords(Refusal(Cat("/v2/repository/models/", name, "/load"), 404), "nobody");
    ExpectWords(Refusal(Cat("/v2/repository/models/", name, "/unload"), 404), "nobody");
  }
  EXPECT_EQ(Index(), "late 1 READY ") << "names that anybody asked for are kept";
  ExpectWords(Refusal(kLoadLate, 400, R"({"parameters":{"config":"{}"}})"), "config");
  ExpectWords(Refusal(kLoadLate, 400, R"({"parameters":{"file:1/model.json":"e30="}})"), "file:1/model.json");
  EXPECT_EQ(Post(kLoadLate, "{\"x\":\"" + std::string(kRepositoryRequestBytesMax, ' ') + "\"}").status, 400);
}

TEST_F(V2CatalogTest, AServerThatOthersReachWantsItsToken) {
  WriteModel("late/1/model.json", 1);
  Open({.on_loopback = false, .token = "mw_secret"});
  const Answer refused = Post(kLoadLate, "");
  EXPECT_EQ(refused.status, 401);
  EXPECT_NE(net::FindHeader(refused.headers, "www-authenticate"), nullptr);
  EXPECT_EQ(Post(kLoadLate, "", "Authorization: Bearer mw_secre\r\n").status, 401);
  EXPECT_EQ(Post(kLoadLate, "", "Authorization: Bearer mw_secret\r\n").status, 200);
  EXPECT_EQ(Post(kUnloadLate, "", "Authorization: mw_secret\r\n").status, 401);
  EXPECT_EQ(Post(kUnloadLate, "", "Authorization: Bearer mw_secret\r\n").status, 200);
}

TEST_F(V2CatalogTest, AServerThatOthersReachWithoutATokenObeysNobody) {
  WriteModel("late/1/model.json", 1);
  Open({.on_loopback = false});
  ExpectWords(Refusal(kUnloadLate, 403), "--token-file");
  EXPECT_EQ(Index(), "late 1 READY ");
}

TEST_F(V2CatalogTest, WhatAControlPlaneSaysIsNotChangedHere) {
  WriteModel("late/1/model.json", 1);
  Open({.follows = true, .on_loopback = true});
  ExpectWords(Refusal(kLoadLate, 400), "control plane");
  ExpectWords(Refusal(kUnloadLate, 400), "control plane");
  control_ = std::make_unique<serving::ModelControl>(catalog_, nullptr, serving::ControlRules{.on_loopback = true});
  server_.reset();
  Listen(Loops(1), [this] {
    return InferenceContext{.catalog = catalog_,
                            .metrics = metrics_,
                            .clock = clock_,
                            .program_version = "9.9.9",
                            .control = control_.get()};
  });
  ExpectWords(Refusal(kLoadLate, 400), "--model-repository");
  EXPECT_EQ(Index(), "late 1 READY ");
  server_.reset();
  Listen(Loops(1), catalog_);
  ExpectWords(Refusal(kUnloadLate, 400), "neither loaded nor unloaded");
}

TEST_F(V2CatalogTest, StatisticsCountRowsExecutionsAndTheirTime) {
  WriteModel("late/1/model.json", 1);
  WriteModel("late/2/model.json", 2);
  Write("late/config.pbtxt", "version_policy { all { } }");
  WriteModel("other/1/model.json", 3);
  Open();
  const std::int64_t begun_ms = ToMicros(clock_.Now()) / 1000;
  for (int i = 0; i < 3; ++i) {
    PostJson("/v2/models/late/infer",
             R"({"inputs":[{"name":"x","shape":[2,3],"datatype":"FP32","data":[1,2,3,4,5,6]}]})");
  }
  Refusal("/v2/models/late/infer", 400, "{}");
  Predict("/v2/models/late/versions/1/infer");
  const Json all = GetJson("/v2/models/stats");
  EXPECT_EQ(all.Find("model_stats")->AsArray().size(), 3U);
  const Json late = GetJson("/v2/models/late/stats");
  ASSERT_EQ(late.Find("model_stats")->AsArray().size(), 2U);
  const Json two = late.Find("model_stats")->AsArray()[0];
  EXPECT_EQ(two.StringOr("name", ""), "late");
  EXPECT_EQ(two.StringOr("version", ""), "2");
  EXPECT_EQ(two.IntOr("inference_count", -1), 6);
  EXPECT_EQ(two.IntOr("execution_count", -1), 3);
  EXPECT_GE(two.IntOr("last_inference", -1), begun_ms);
  EXPECT_LE(two.IntOr("last_inference", -1), ToMicros(clock_.Now()) / 1000);
  const Json& parts = *two.Find("inference_stats");
  EXPECT_EQ(parts.Find("success")->IntOr("count", -1), 3);
  EXPECT_GT(parts.Find("success")->IntOr("ns", -1), 0);
  EXPECT_EQ(parts.Find("fail")->IntOr("count", -1), 1);
  for (const char* part : {"compute_input", "compute_infer", "compute_output"}) {
    EXPECT_EQ(parts.Find(part)->IntOr("count", -1), 3) << part;
  }
  EXPECT_EQ(parts.Find("queue")->IntOr("count", -1), 0);
  EXPECT_EQ(parts.Find("cache_hit")->Dump(), R"({"count":0,"ns":0})");
  const Json one = GetJson("/v2/models/late/versions/1/stats").Find("model_stats")->AsArray().at(0);
  EXPECT_EQ(one.IntOr("inference_count", -1), 1);
  const Json other = GetJson("/v2/models/other/stats").Find("model_stats")->AsArray().at(0);
  EXPECT_EQ(other.IntOr("last_inference", -1), 0);
  GetJson("/v2/models/late/versions/3/stats", 404);
  GetJson("/v2/models/nobody/stats", 404);
  EXPECT_EQ(Post("/v2/models/stats", "").status, 405);
  EXPECT_EQ(Post("/v2/models/late/stats", "").status, 405);
}

TEST_F(V2CatalogTest, AnswersFromTheCacheAreNoExecutions) {
  WriteModel("late/1/model.json", 1);
  Open();
  wire::DesiredEndpoint endpoint = catalog_.InForce().at(0);
  endpoint.settings.cache.enabled = true;
  const auto model = serving::ReadRepositoryModel(std::filesystem::canonical(Root()).string(), "late");
  ASSERT_TRUE(model.ok());
  struct Source final : serving::ModelSource {
    Result<std::string> Locate(const std::string& source) override { return source.substr(0, source.rfind('#')); }
  };
  catalog_.Want(endpoint, std::make_shared<Source>());
  ASSERT_TRUE(catalog_.WaitSettled(std::chrono::seconds(20)));
  for (int i = 0; i < 5; ++i) Predict();
  const Json statistics = GetJson("/v2/models/late/stats").Find("model_stats")->AsArray().at(0);
  EXPECT_EQ(statistics.IntOr("inference_count", -1), 1);
  EXPECT_EQ(statistics.IntOr("execution_count", -1), 1);
  EXPECT_EQ(statistics.Find("inference_stats")->Find("success")->IntOr("count", -1), 5);
  EXPECT_EQ(statistics.Find("inference_stats")->Find("compute_infer")->IntOr("count", -1), 1);
  EXPECT_EQ(statistics.Find("inference_stats")->Find("cache_hit")->IntOr("count", -1), 4);
}

TEST_F(V2CatalogTest, ConfigurationAndExtensions) {
  WriteModel("late/1/model.json", 1);
  WriteModel("small/1/model.json", 2);
  Write("small/config.pbtxt", "max_batch_size: 8");
  Open();
  const Json late = GetJson("/v2/models/late/config");
  EXPECT_EQ(late.StringOr("name", ""), "late");
  EXPECT_EQ(late.StringOr("platform", ""), "millwright_forest");
  EXPECT_EQ(late.IntOr("max_batch_size", -1), 0);
  EXPECT_EQ(late.Find("input")->AsArray().at(0).Dump(), R"({"name":"a","data_type":"TYPE_FP32","dims":[-1]})");
  EXPECT_EQ(late.Find("output")->AsArray().at(0).Dump(),
            R"({"name":"probability","data_type":"TYPE_FP32","dims":[-1]})");
  EXPECT_EQ(GetJson("/v2/models/late/versions/1/config"), late);
  const Json small = GetJson("/v2/models/small/config");
  EXPECT_EQ(small.IntOr("max_batch_size", -1), 8);
  EXPECT_EQ(small.Find("input")->AsArray().at(0).Find("dims")->Dump(), "[1]");
  GetJson("/v2/models/late/versions/2/config", 404);
  EXPECT_EQ(Post("/v2/models/late/config", "").status, 405);
  EXPECT_EQ(
      GetJson("/v2").Find("extensions")->Dump(),
      R"(["binary_tensor_data","classification","model_configuration","model_repository","schedule_policy","statistics"])");
}

TEST(V2ModelPathTest, StatisticsOfAllAreNoModelCalledStats) {
  V2ModelPath path;
  EXPECT_FALSE(ParseV2ModelPath("/v2/models/stats", path));
  EXPECT_TRUE(ParseV2ModelPath("/v2/models/stats/infer", path));
  EXPECT_EQ(path.model, "stats");
  EXPECT_FALSE(ParseV2ModelPath("/v2/models/a/versions/", path));
  EXPECT_FALSE(ParseV2ModelPath("/v2/models/a/ready/more", path));
}

}  // namespace
}  // namespace mw::api::inference
