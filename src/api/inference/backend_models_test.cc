// Models of a backend over real sockets, by every REST protocol: answers, refusals and their forms, deadlines, clients
// that go, a server that stops, and what is counted of all that.
#include <gtest/gtest.h>

#include <thread>

#include "api/inference/test_backend.h"
#include "api/inference/test_server.h"

namespace mw::api::inference {
namespace {

using net::TestClient;
using std::chrono::milliseconds;
using testing::FakeAnswer;
using testing::FakeAnswerOf;
using testing::PostRequest;
using testing::Raw;
using testing::ServerTest;

constexpr std::string_view kFakeInfer = "/v2/models/fake/infer";

struct Row {
  std::array<float, 3> x;
  std::string name;
};
const std::vector<Row> kRows = {{{1, 2.5, 3}, "ab"}, {{-4, 0, 0.25}, ""}, {{7, 8, 9}, "quo\"te"}};

std::vector<FakeAnswer> Expected(const std::vector<Row>& rows) {
  std::vector<FakeAnswer> answers;
  for (const Row& row : rows) answers.push_back(FakeAnswerOf(row.x, row.name));
  return answers;
}

Json XOf(const Row& row) { return Json(Json::Array(row.x.begin(), row.x.end())); }

std::string V2Body(const std::vector<Row>& rows, std::string_view more = "") {
  const auto count = static_cast<std::int64_t>(rows.size());
  Json x = Json::MakeArray(), names = Json::MakeArray();
  for (const Row& row : rows) {
    x.Append(XOf(row));
    names.Append(Json(row.name));
  }
  return Cat("{", more, R"("inputs":[{"name":"x","datatype":"FP32","shape":[)", count, R"(,3],"data":)", x.Dump(),
             R"(},{"name":"name","datatype":"BYTES","shape":[)", count, R"(],"data":)", names.Dump(), "}]}");
}

std::string Instances(const std::vector<Row>& rows) {
  Json list = Json::MakeArray();
  for (const Row& row : rows) list.Append(Json::Make({{"x", XOf(row)}, {"name", Json(row.name)}}));
  return list.Dump();
}

FakeAnswer AnswerOf(const Json& score, const Json& echo, const Json::Array& parts, std::size_t at) {
  return {static_cast<float>(score.AsDouble()), echo.AsString(), {parts[at].AsInt(), parts[at + 1].AsInt()}};
}

std::vector<FakeAnswer> V2Answers(const Json& answer) {
  std::vector<FakeAnswer> answers;
  const Json::Array& outputs = answer.Find("outputs")->AsArray();
  const Json::Array& scores = outputs[0].Find("data")->AsArray();
  for (std::size_t row = 0; row < scores.size(); ++row) {
    answers.push_back(
        AnswerOf(scores[row], outputs[1].Find("data")->AsArray()[row], outputs[2].Find("data")->AsArray(), 2 * row));
  }
  return answers;
}

std::vector<FakeAnswer> Predictions(const Json& answer) {
  std::vector<FakeAnswer> answers;
  for (const Json& row : answer.Find("predictions")->AsArray()) {
    answers.push_back(AnswerOf(*row.Find("score"), *row.Find("echo"), row.Find("parts")->AsArray(), 0));
  }
  return answers;
}

/// One matrix of three columns, summed up for each row.
class MatrixBackend final : public serving::Backend, public serving::Runner {
 public:
  explicit MatrixBackend(serving::Datatype datatype) {
    info_.platform = "matrix";
    info_.library = "Matrix 1.0";
    info_.batchable = true;
    info_.inputs = {{"input", datatype, {-1, 3}}};
    info_.outputs = {{"sum", serving::Datatype::kFp64, {-1}}};
  }
  [[nodiscard]] const serving::BackendInfo& info() const override { return info_; }
  [[nodiscard]] std::vector<serving::Runner*> runners() override { return {this}; }
  Result<serving::TensorList> Run(const serving::TensorList& batch, Duration) override {
    std::vector<double> sums(static_cast<std::size_t>(batch[0].shape[0]));
    const std::size_t size = serving::DatatypeBytes(batch[0].datatype);
    for (std::size_t i = 0; i < sums.size() * 3; ++i) sums[i / 3] += Element(batch[0].bytes.data() + i * size, size);
    serving::TensorList list;
    testing::AddTensor(list, "sum", serving::Datatype::kFp64, {batch[0].shape[0]}, sums);
    return list;
  }

 private:
  static double Element(const char* bytes, std::size_t size) {
    float single = 0;
    double value = 0;
    size == sizeof single ? std::memcpy(&single, bytes, size) : std::memcpy(&value, bytes, size);
    return size == sizeof single ? static_cast<double>(single) : value;
  }
  serving::BackendInfo info_;
};

Result<std::shared_ptr<const serving::Model>> LoadFake(const std::string& path,
                                                       const std::shared_ptr<testing::FakeControl>& control) {
  using serving::Datatype;
  using serving::Model;
  if (path == "matrix") return Model::OfBackend(std::make_unique<MatrixBackend>(Datatype::kFp32));
  if (path == "doubles") return Model::OfBackend(std::make_unique<MatrixBackend>(Datatype::kFp64));
  return Model::OfBackend(std::make_unique<testing::FakeBackend>(control, path == "batchable"));
}

class BackendModelsTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    ASSERT_TRUE(catalog_.Deploy("fake", 1, "sha256:1", "batchable").ok());
    ASSERT_TRUE(catalog_.Deploy("whole", 3, "sha256:3", "whole").ok());
    ASSERT_TRUE(catalog_.Deploy("matrix", 1, "sha256:4", "matrix").ok());
    ASSERT_TRUE(catalog_.Deploy("doubles", 1, "sha256:5", "doubles").ok());
    catalog_.SetReady(true);
    control_->ForgetBatches();
    net::LoopServerOptions options = Loops(1);
    options.stop_grace = milliseconds(20);
    Listen(options, catalog_);
  }
  void TearDown() override {
    control_->Hold(false);
    ServerTest::TearDown();
  }

  serving::CatalogOptions Options() {
    serving::CatalogOptions options;
    options.load = [control = control_](const serving::LoadRequest& request) {
      return LoadFake(request.path, control);
    };
    options.estimate = [](const std::string&) { return std::int64_t{1000}; };
    options.batcher = &batcher_;
    options.batching.queue_rows_max = 4;
    return options;
  }
  /// A metric's value, of the model "fake" unless its labels say otherwise; -1 when there is none.
  std::int64_t Metric(std::string_view name, std::string_view labels = R"({model="fake",version="1"})") {
    const std::string text = metrics_.Expose();
    const std::string wanted = Cat("\n", name, labels, " ");
    const std::size_t at = text.find(wanted);
    if (at == std::string::npos) return -1;
    const std::size_t begin = at + wanted.size();
    return ParseInt(text.substr(begin, text.find('\n', begin) - begin)).value_or(-2);
  }
  std::int64_t Rejections(std::string_view reason) {
    return Metric("millwright_inference_rejections_total",
                  Cat(R"({model="fake",version="1",reason=")", reason, R"("})"));
  }
  std::shared_ptr<testing::FakeControl> control_ = std::make_shared<testing::FakeControl>();
  serving::Batcher batcher_{clock_, metrics_, 2};
  serving::Catalog catalog_{metrics_, Options()};
};

TEST_F(BackendModelsTest, ATableIsOneMatrixWhateverItsColumnsAreCalled) {
  const auto split = [](std::string_view columns, std::string_view data) {
    return Cat(R"({"dataframe_split":{"columns":[)", columns, R"(],"data":[)", data, "]}}");
  };
  constexpr std::string_view kTable = "[1,2,3],[4,5,6.5]";
  for (const char* model : {"matrix", "doubles"}) {
    const std::string path = Cat("/models/", model, "/invocations");
    const std::string expected = PostJson(path, Cat(R"({"instances":[)", kTable, "]}")).Find("predictions")->Dump();
    const Json sums = *Json::Parse(expected);
    EXPECT_EQ(sums.AsArray()[0].AsDouble(), 6) << expected;
    EXPECT_EQ(sums.AsArray()[1].AsDouble(), 15.5) << expected;
    for (const char* columns : {R"("a","b","c")", "0,1,2", R"("c","c","c")"}) {
      EXPECT_EQ(PostJson(path, split(columns, kTable)).Find("predictions")->Dump(), expected) << columns;
    }
    EXPECT_EQ(PostJson(path, Cat(R"({"dataframe_split":{"data":[)", kTable, R"(],"columns":["a","b","c"]}})"))
                  .Find("predictions")
                  ->Dump(),
              expected);
    // As the input itself is called, a cell holds the whole row.
    EXPECT_EQ(PostJson(path, split(R"("input")", "[[1,2,3]],[[4,5,6.5]]")).Find("predictions")->Dump(), expected);
    EXPECT_EQ(Post(path, split(R"("a","b")", "[1,2]")).status, 400) << "a column is missing";
    EXPECT_EQ(Post(path, split(R"("a","b","c")", "[1,2,3],[4,5]")).status, 400) << "a value is missing";
    EXPECT_EQ(Post(path, split(R"("a","b","c")", "[1,2,3,4]")).status, 400) << "a value too many";
  }
}

TEST_F(BackendModelsTest, AnUnknownTensorIsNamedWithTheNearestOne) {
  const auto refusal = [this](std::string_view path, std::string_view body) {
    const Json answer = PostJson(path, body, 400);
    return answer.StringOr("error", answer.StringOr("message", ""));
  };
  EXPECT_EQ(refusal(kFakeInfer, R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,3],"data":[1,2,3]},
                              {"name":"nam","datatype":"BYTES","shape":[1],"data":["a"]}]})"),
            "the model has no input \"nam\"; did you mean \"name\"?");
  EXPECT_EQ(
      refusal("/v2/models/matrix/infer", R"({"inputs":[{"name":"q","datatype":"FP32","shape":[1,3],"data":[1,2,3]}]})"),
      "the model has no input \"q\"; it has input");
  EXPECT_EQ(refusal(kFakeInfer, V2Body(kRows, R"("outputs":[{"name":"scores"}],)")),
            "the model has no output \"scores\"; did you mean \"score\"?");
  EXPECT_EQ(refusal("/v1/models/fake:predict", R"({"instances":[{"x":[1,2,3],"nam":"a"}]})"),
            "row 0: the model has no input \"nam\"; did you mean \"name\"?");
  EXPECT_EQ(refusal("/models/fake/invocations", R"({"dataframe_records":[{"x":[1,2,3],"nam":"a","other":1}]})"),
            "row 0: there is no \"name\", which the model takes; did you mean it by \"nam\"?");
}

TEST_F(BackendModelsTest, EveryProtocolGivesTheSameAnswers) {
  const std::vector<FakeAnswer> expected = Expected(kRows);
  const Json v2 = PostJson(kFakeInfer, V2Body(kRows, R"("id":"q1",)"));
  EXPECT_EQ(V2Answers(v2), expected);
  EXPECT_EQ(v2.StringOr("id", ""), "q1");
  EXPECT_EQ(v2.StringOr("model_version", ""), "1");
  EXPECT_EQ(v2.Find("outputs")->AsArray()[2].Find("shape")->Dump(), "[3,2]");

  const std::string instances = Instances(kRows);
  EXPECT_EQ(Predictions(PostJson("/v1/models/fake:predict", Cat(R"({"instances":)", instances, "}"))), expected);
  EXPECT_EQ(Predictions(PostJson("/models/fake/invocations", Cat(R"({"dataframe_records":)", instances, "}"))),
            expected);
  Json lists = Json::MakeArray(), x = Json::MakeArray(), names = Json::MakeArray();
  for (const Row& row : kRows) {
    lists.Append(Json(Json::Array{XOf(row), Json(row.name)}));
    x.Append(XOf(row));
    names.Append(Json(row.name));
  }
  EXPECT_EQ(Predictions(PostJson("/v1/models/fake:predict", Json::Make({{"instances", lists}}).Dump())), expected);
  EXPECT_EQ(Predictions(PostJson("/models/fake/invocations",
                                 Cat(R"({"dataframe_split":{"columns":["x","name"],"data":)", lists.Dump(), "}}"))),
            expected);
  const Json columns =
      PostJson("/v1/models/fake:predict", Cat(R"({"inputs":{"x":)", x.Dump(), R"(,"name":)", names.Dump(), "}}"));
  const Json& outputs = *columns.Find("outputs");
  EXPECT_EQ(outputs.Find("echo")->AsArray()[2].AsString(), expected[2].echo);
  EXPECT_EQ(outputs.Find("parts")->AsArray()[0].Dump(), Cat("[", expected[0].parts[0], ",", expected[0].parts[1], "]"));
  EXPECT_EQ(Metric("millwright_inference_rows_total"), 18);
}

TEST_F(BackendModelsTest, TensorsComeAndGoAsBytes) {
  std::string x, names, echoes;
  std::vector<float> scores;
  for (const Row& row : kRows) {
    x += Raw(row.x);
    serving::AppendElement(names, row.name);
    scores.push_back(FakeAnswerOf(row.x, row.name).score);
    serving::AppendElement(echoes, FakeAnswerOf(row.x, row.name).echo);
  }
  const std::string json =
      Cat(R"({"inputs":[{"name":"name","datatype":"BYTES","shape":[3],"parameters":{"binary_data_size":)", names.size(),
          R"(}},{"name":"x","datatype":"FP32","shape":[3,3],"parameters":{"binary_data_size":)", x.size(),
          R"(}}],"outputs":[{"name":"score","parameters":{"binary_data":true}},)",
          R"({"name":"echo","parameters":{"binary_data":true}}]})");
  const auto answer =
      Post(kFakeInfer, Cat(json, names, x), Cat("Inference-Header-Content-Length: ", json.size(), "\r\n"));
  ASSERT_EQ(answer.status, 200) << answer.body;
  const std::string* const length = net::FindHeader(answer.headers, "Inference-Header-Content-Length");
  ASSERT_NE(length, nullptr);
  const auto head_bytes = static_cast<std::size_t>(*ParseInt(*length));
  const Json head = *Json::Parse(answer.body.substr(0, head_bytes));
  EXPECT_EQ(head.Find("outputs")->AsArray().size(), 2U) << "parts was not asked for";
  EXPECT_EQ(answer.body.substr(head_bytes), Raw(scores) + echoes);
}

TEST_F(BackendModelsTest, TheLikeliestClassesOfAnOutputAreItsGreatestValues) {
  const Json v2 = PostJson(
      kFakeInfer, V2Body(kRows, R"("outputs":[{"name":"parts","parameters":{"classification":1}},{"name":"echo"}],)"));
  const Json::Array& outputs = v2.Find("outputs")->AsArray();
  EXPECT_EQ(outputs[1].StringOr("datatype", ""), "BYTES");
  EXPECT_EQ(outputs[1].Find("shape")->Dump(), "[3,1]");
  for (std::size_t row = 0; row < kRows.size(); ++row) {
    const auto parts = FakeAnswerOf(kRows[row].x, kRows[row].name).parts;
    const std::size_t greatest = parts[1] > parts[0] ? 1 : 0;
    EXPECT_EQ(outputs[1].Find("data")->AsArray()[row].AsString(), Cat(parts[greatest], ":", greatest));
  }
  EXPECT_EQ(outputs[0].Find("data")->AsArray()[2].AsString(), FakeAnswerOf(kRows[2].x, kRows[2].name).echo);
}

TEST_F(BackendModelsTest, WhatTheModelDoesNotTakeIsRefusedBeforeItIsAsked) {
  const auto message = [this](std::string_view body) { return PostJson(kFakeInfer, body, 400).StringOr("error", ""); };
  EXPECT_NE(message(R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,3],"data":[1,2,3]}]})").find("\"name\""),
            std::string::npos);
  EXPECT_NE(message(R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1,2]},)"
                    R"({"name":"name","datatype":"BYTES","shape":[1],"data":["a"]}]})")
                .find("\"x\""),
            std::string::npos);
  EXPECT_NE(message(R"({"inputs":[{"name":"x","datatype":"FP32","shape":[2,3],"data":[1,2,3,4,5,6]},)"
                    R"({"name":"name","datatype":"BYTES","shape":[1],"data":["a"]}]})")
                .find("has other rows"),
            std::string::npos);
  EXPECT_NE(message(R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,3],"data":[1,2,1e39]},)"
                    R"({"name":"name","datatype":"BYTES","shape":[1],"data":["a"]}]})")
                .find("FP32"),
            std::string::npos);
  EXPECT_NE(message(V2Body(kRows, R"("outputs":[{"name":"scores"}],)")).find("no output \"scores\""),
            std::string::npos);
  const Json v1 = PostJson("/v1/models/fake:predict", R"({"instances":[{"x":[1,2,3]}]})", 400);
  EXPECT_NE(v1.StringOr("error", "").find("there is no \"name\""), std::string::npos);
  EXPECT_EQ(control_->batches(), std::vector<std::size_t>{});
  EXPECT_EQ(Metric("millwright_inference_refused_total"), 6);
}

TEST_F(BackendModelsTest, MoreRowsThanTheLimitAreRefused) {
  catalog_.SetLimits({.rows_max = 2});
  for (const auto& [path, body] : {std::pair{std::string(kFakeInfer), V2Body(kRows)},
                                   {"/v1/models/fake:predict", Cat(R"({"instances":)", Instances(kRows), "}")},
                                   {"/models/fake/invocations", Cat(R"({"inputs":)", Instances(kRows), "}")}}) {
    EXPECT_NE(PostJson(path, body, 400).Dump().find("send them in parts"), std::string::npos) << path;
  }
  EXPECT_EQ(V2Answers(PostJson(kFakeInfer, V2Body({kRows[0], kRows[1]}))), Expected({kRows[0], kRows[1]}));
}

TEST_F(BackendModelsTest, ARefusedRowIsAnErrorOfItsOwnRequestOnly) {
  control_->Hold(true);
  TestClient first(server_->port()), left(server_->port()), bad(server_->port()), right(server_->port());
  ASSERT_TRUE(first.Send(PostRequest(kFakeInfer, V2Body({kRows[0]}))));
  control_->AwaitHeld();
  ASSERT_TRUE(left.Send(PostRequest(kFakeInfer, V2Body({kRows[1]}))));
  ASSERT_TRUE(
      bad.Send(PostRequest("/models/fake/invocations", Cat(R"({"inputs":)", Instances({{{13, 0, 0}, "x"}}), "}"))));
  ASSERT_TRUE(right.Send(PostRequest(kFakeInfer, V2Body({kRows[2]}))));
  ASSERT_TRUE(Await([this] { return catalog_.Live("fake")->queue->Look().queued_rows == 3; }));
  control_->Hold(false);
  EXPECT_EQ(V2Answers(*Json::Parse(first.Read().body)), Expected({kRows[0]}));
  EXPECT_EQ(V2Answers(*Json::Parse(left.Read().body)), Expected({kRows[1]}));
  EXPECT_EQ(V2Answers(*Json::Parse(right.Read().body)), Expected({kRows[2]}));
  const auto refused = bad.Read();
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(Json::Parse(refused.body)->StringOr("error_code", ""), "BAD_REQUEST");
  EXPECT_NE(refused.body.find("x of 13 is refused"), std::string::npos) << refused.body;
  EXPECT_EQ(control_->batches(), (std::vector<std::size_t>{1, 3, 1, 1, 1}));
}

TEST_F(BackendModelsTest, AWorkerThatDiesOnceIsNotNoticed) {
  control_->Fail(1);
  EXPECT_EQ(V2Answers(PostJson(kFakeInfer, V2Body(kRows))), Expected(kRows));
  control_->Fail(2);
  const Answer died = Post(kFakeInfer, V2Body(kRows));
  EXPECT_EQ(died.status, 503);
  EXPECT_NE(net::FindHeader(died.headers, "retry-after"), nullptr);
  EXPECT_NE(Json::Parse(died.body)->StringOr("error", "").find("the fake worker died"), std::string::npos);
  EXPECT_EQ(V2Answers(PostJson(kFakeInfer, V2Body(kRows))), Expected(kRows));
  EXPECT_TRUE(Await([this] { return Metric("millwright_inference_failures_total") == 1; }));
  EXPECT_TRUE(Await([this] { return Metric("millwright_inference_requests_total") == 3; }));
}

TEST_F(BackendModelsTest, AFullQueueSaysWhenToComeBack) {
  control_->Hold(true);
  TestClient running(server_->port()), queued(server_->port());
  ASSERT_TRUE(running.Send(PostRequest(kFakeInfer, V2Body({kRows[0]}))));
  control_->AwaitHeld();
  ASSERT_TRUE(queued.Send(PostRequest(kFakeInfer, V2Body(kRows))));
  ASSERT_TRUE(Await([this] { return catalog_.Live("fake")->queue->Look().queued_rows == 3; }));
  for (const auto& [path, body] : {std::pair{std::string(kFakeInfer), V2Body(kRows)},
                                   {"/v1/models/fake:predict", Cat(R"({"instances":)", Instances(kRows), "}")},
                                   {"/models/fake/invocations", Cat(R"({"instances":)", Instances(kRows), "}")}}) {
    const auto refused = Post(path, body);
    EXPECT_EQ(refused.status, 503) << refused.body;
    const std::string* const seconds = net::FindHeader(refused.headers, "Retry-After");
    ASSERT_NE(seconds, nullptr) << path;
    EXPECT_GE(ParseInt(*seconds).value_or(0), 1);
    const bool mlflow = path.ends_with("invocations");
    EXPECT_NE(Json::Parse(refused.body)->Find(mlflow ? "message" : "error"), nullptr) << refused.body;
    EXPECT_EQ(Json::Parse(refused.body)->StringOr("error_code", ""), mlflow ? "TEMPORARILY_UNAVAILABLE" : "");
  }
  control_->Hold(false);
  EXPECT_EQ(running.Read().status, 200);
  EXPECT_EQ(V2Answers(*Json::Parse(queued.Read().body)), Expected(kRows));
  EXPECT_EQ(Rejections("queue_full"), 3);
}

TEST_F(BackendModelsTest, ADeadlineIsKeptWhateverTheWorkerDoes) {
  control_->Hold(true);
  const Duration start = clock_.Elapsed();
  const Json late = PostJson(kFakeInfer, V2Body(kRows, R"("parameters":{"timeout":20000},)"), 504);
  EXPECT_FALSE(late.StringOr("error", "").empty());
  EXPECT_GE(clock_.Elapsed() - start, milliseconds(20));
  control_->Hold(false);
  EXPECT_EQ(V2Answers(PostJson(kFakeInfer, V2Body(kRows, R"("parameters":{"timeout":60000000},)"))), Expected(kRows));
  EXPECT_EQ(Rejections("expired"), 1);
}

TEST_F(BackendModelsTest, AClientThatGoesIsCountedAndItsRequestIsNotRun) {
  control_->Hold(true);
  TestClient running(server_->port()), gone(server_->port());
  ASSERT_TRUE(running.Send(PostRequest(kFakeInfer, V2Body({kRows[0]}))));
  control_->AwaitHeld();
  ASSERT_TRUE(gone.Send(PostRequest(kFakeInfer, V2Body(kRows))));
  ASSERT_TRUE(Await([this] { return catalog_.Live("fake")->queue->Look().queued_rows == 3; }));
  gone.Close();
  EXPECT_TRUE(Await([this] { return Rejections("cancelled") == 1; }));
  control_->Hold(false);
  EXPECT_EQ(running.Read().status, 200);
  EXPECT_TRUE(Await([this] { return Metric("millwright_inference_failures_total") == 1; }));
  EXPECT_EQ(V2Answers(PostJson(kFakeInfer, V2Body({kRows[2]}))), Expected({kRows[2]}));
  EXPECT_EQ(control_->batches(), (std::vector<std::size_t>{1, 1})) << "the rows of the client that went were run";
}

TEST_F(BackendModelsTest, AServerThatStopsDropsWhatWaitsWithinItsGrace) {
  control_->Hold(true);
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(std::make_unique<TestClient>(server_->port()));
    ASSERT_TRUE(clients.back()->Send(PostRequest(kFakeInfer, V2Body({kRows[0]}))));
    if (i == 0) control_->AwaitHeld();
  }
  ASSERT_TRUE(Await([this] { return catalog_.Live("fake")->queue->Look().queued_rows == 3; }));
  server_.reset();
  for (const auto& client : clients) EXPECT_TRUE(client->Closed());
  EXPECT_EQ(Rejections("cancelled"), 4);
  EXPECT_EQ(Metric("millwright_inference_failures_total"), 4);
  EXPECT_EQ(Metric("millwright_inference_requests_total"), 4);
}

TEST_F(BackendModelsTest, AnswersOfOneConnectionKeepTheirOrder) {
  control_->Hold(true);
  TestClient client(server_->port());
  std::string requests;
  for (std::size_t i = 0; i < 4; ++i)
    requests += PostRequest(kFakeInfer, V2Body({kRows[i % 3]}, Cat(R"("id":"q)", i, "\",")));
  requests += PostRequest(kFakeInfer, "{}");
  ASSERT_TRUE(client.Send(requests));
  control_->AwaitHeld();
  control_->Hold(false);
  for (std::size_t i = 0; i < 4; ++i) {
    const Json answer = *Json::Parse(client.Read().body);
    EXPECT_EQ(answer.StringOr("id", ""), Cat("q", i));
    EXPECT_EQ(V2Answers(answer), Expected({kRows[i % 3]}));
  }
  EXPECT_EQ(client.Read().status, 400);
}

TEST_F(BackendModelsTest, AModelThatIsNotBatchableGetsEachRequestAlone) {
  const auto body = [](std::string_view values, int count) {
    return Cat(R"({"inputs":[{"name":"x","datatype":"FP32","shape":[)", count, R"(],"data":[)", values, "]}]}");
  };
  control_->Hold(true);
  TestClient first(server_->port()), second(server_->port()), third(server_->port());
  ASSERT_TRUE(first.Send(PostRequest("/v2/models/whole/infer", body("1,2", 2))));
  control_->AwaitHeld();
  ASSERT_TRUE(second.Send(PostRequest("/v2/models/whole/infer", body("3,4,5", 3))));
  ASSERT_TRUE(third.Send(PostRequest("/v1/models/whole:predict", R"({"inputs":{"x":[6,7]}})")));
  ASSERT_TRUE(Await([this] { return catalog_.Live("whole")->queue->Look().queued_rows == 2; }));
  control_->Hold(false);
  const auto sum = [](const TestClient::Answer& answer) {
    return Json::Parse(answer.body)->Find("outputs")->AsArray()[0].Find("data")->Dump();
  };
  EXPECT_EQ(sum(first.Read()), "[3]");
  EXPECT_EQ(sum(second.Read()), "[12]");
  EXPECT_EQ(Json::Parse(third.Read().body)->Find("outputs")->Dump(), R"({"sum":[13],"count":[2]})");
  EXPECT_EQ(control_->batches(), (std::vector<std::size_t>{1, 1, 1}));
}

}  // namespace
}  // namespace mw::api::inference
