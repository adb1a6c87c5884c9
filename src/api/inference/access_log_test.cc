// What the access log says of requests over real sockets, by every REST protocol: stages, outcome, trace, client; and
// that only who has the token may read it.
#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "api/inference/inference_api.h"
#include "base/file.h"
#include "base/log.h"
#include "net/test_client.h"
#include "serving/test_model.h"

namespace mw::api::inference {
namespace {

using net::TestClient;
using serving::testing::TestDirectory;
using serving::testing::WriteTestPackage;

constexpr std::string_view kTraceparent = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";
constexpr std::string_view kLateInfer = "/v2/models/late/infer";

std::string Body(std::string_view id) {
  return Cat(R"({"id":")", id, R"(","parameters":{"event_time":"2013-07-14T02:30:00Z"},"inputs":[)",
             R"({"name":"temp","shape":[1],"datatype":"FP32","data":[21.5]},)",
             R"({"name":"wind","shape":[1],"datatype":"FP32","data":[3]},)",
             R"({"name":"hour","shape":[1],"datatype":"INT64","data":[7]},)",
             R"({"name":"holiday","shape":[1],"datatype":"BOOL","data":[true]},)",
             R"({"name":"carrier","shape":[1],"datatype":"BYTES","data":["AA"]},)",
             R"({"name":"origin","shape":[1],"datatype":"BYTES","data":["JFK"]}]})");
}
constexpr std::string_view kRecord = R"({"temp":21.5,"wind":3,"hour":7,"holiday":true,"carrier":"AA","origin":"JFK"})";

class AccessLogApiTest : public ::testing::Test {
 protected:
  void SetUp() override {
    SetLogLevel(LogLevel::kError);
    WriteTestPackage(directory_ / "p", 100);
    ASSERT_TRUE(catalog_.Deploy("late", 3, "sha256:3", directory_ / "p").ok());
    catalog_.SetAdmission({.client_header = "x-client"});
    catalog_.SetReady(true);
    serving::AccessLogOptions options;
    options.state_directory = directory_.path();
    options.control_plane = {"http://127.0.0.1:1", "secret"};
    options.drain_interval = std::chrono::milliseconds(2);
    log_ = *serving::AccessLog::Make(std::move(options), clock_, metrics_);
    const auto make_handler = [this](int) {
      return std::make_unique<InferenceHandler>(InferenceContext{.catalog = catalog_,
                                                                 .metrics = metrics_,
                                                                 .clock = clock_,
                                                                 .program_version = "9.9.9",
                                                                 .access = &log_->NewLane(),
                                                                 .access_log = log_.get()});
    };
    net::LoopServerOptions listen;
    listen.loops = 2;
    server_ = *net::LoopServer::Start(listen, make_handler, metrics_);
    log_->Start();
  }
  void TearDown() override { SetLogLevel(LogLevel::kInfo); }

  TestClient::Answer Send(std::string_view method, std::string_view path, std::string_view headers,
                          std::string_view body = "") {
    TestClient client(server_->port());
    return client.Ask(Cat(method, " ", path, " HTTP/1.1\r\nHost: localhost\r\n", headers,
                          "Content-Length: ", body.size(), "\r\n\r\n", body));
  }
  int Post(std::string_view path, std::string_view headers, std::string_view body) {
    return Send("POST", path, headers, body).status;
  }
  /// The lines of the log that `query` finds, once there are so many.
  std::vector<Json> Find(std::string_view query, std::size_t count) {
    const Duration deadline = clock_.Elapsed() + std::chrono::seconds(20);
    std::vector<Json> lines;
    while (lines.size() != count && clock_.Elapsed() < deadline) {
      const auto answer = Send("GET", Cat(kRequestsPath, "?", query), "Authorization: Bearer secret\r\n");
      EXPECT_EQ(answer.status, 200) << answer.body;
      if (answer.status != 200) break;
      const Json found = *Json::Parse(answer.body);
      lines = found.Find("requests")->AsArray();
      std::this_thread::yield();
    }
    EXPECT_EQ(lines.size(), count) << query;
    lines.resize(count);
    return lines;
  }

  TestDirectory directory_;
  MetricsRegistry metrics_;
  RealClock clock_;
  serving::Catalog catalog_{metrics_};
  std::unique_ptr<serving::AccessLog> log_;
  std::unique_ptr<net::LoopServer> server_;
};

TEST_F(AccessLogApiTest, ARequestIsFoundByItsPredictionWithAllThatIsKnown) {
  const std::string body = Body("UA-1545");
  ASSERT_EQ(Post(kLateInfer, Cat(kTraceparent, "X-Client: desk 7\r\n"), body), 200);
  const Json line = Find("prediction=UA-1545", 1).front();
  EXPECT_EQ(line.StringOr("endpoint", ""), "late");
  EXPECT_EQ(line.IntOr("version", 0), 3);
  EXPECT_EQ(line.StringOr("protocol", ""), "v2_json");
  EXPECT_EQ(line.IntOr("rows", 0), 1);
  EXPECT_EQ(line.StringOr("outcome", ""), "answered");
  EXPECT_EQ(line.IntOr("status", 0), 200);
  EXPECT_EQ(line.IntOr("request_bytes", 0), static_cast<std::int64_t>(body.size()));
  EXPECT_GT(line.IntOr("response_bytes", 0), 50);
  EXPECT_EQ(line.StringOr("client", ""), "127.0.0.1");
  EXPECT_EQ(line.StringOr("client_key", ""), Sha256Hex("desk 7").substr(0, 12));
  EXPECT_EQ(line.StringOr("trace_id", ""), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(line.StringOr("parent_id", ""), "b7ad6b7169203331");
  EXPECT_EQ(line.StringOr("event_time", ""), "2013-07-14T02:30:00Z");
  std::int64_t stages = 0;
  for (const char* stage : {"decode_us", "queue_us", "compute_us", "encode_us"}) stages += line.IntOr(stage, -1);
  EXPECT_EQ(stages, line.IntOr("total_us", -2));
  EXPECT_EQ(Find("trace=0af7651916cd43dd8448eb211c80319c", 1).front().StringOr("id", ""), "UA-1545");
}

TEST_F(AccessLogApiTest, EveryProtocolIsWrittenDown) {
  ASSERT_EQ(Post(kLateInfer, "", Body("a")), 200);
  ASSERT_EQ(Post("/v1/models/late:predict", "", Cat(R"({"instances":[)", kRecord, ",", kRecord, "]}")), 200);
  ASSERT_EQ(Post("/invocations", "Content-Type: application/json\r\n", Cat(R"({"dataframe_records":[)", kRecord, "]}")),
            200);
  std::map<std::string, std::int64_t> rows;
  for (const Json& line : Find("endpoint=late", 3)) rows[line.StringOr("protocol", "")] = line.IntOr("rows", 0);
  EXPECT_EQ(rows, (std::map<std::string, std::int64_t>{{"v2_json", 1}, {"v1", 2}, {"mlflow", 1}}));
}

TEST_F(AccessLogApiTest, WhatIsRefusedSaysWhy) {
  constexpr std::string_view kWrong = R"({"inputs":[{"name":"temp","shape":[1],"datatype":"FP32","data":["x"]}]})";
  EXPECT_EQ(Post(kLateInfer, kTraceparent, kWrong), 400);
  EXPECT_EQ(Post("/v2/models/lat/infer", "", Body("b")), 404);
  EXPECT_EQ(Post("/v2/models/late/versions/9/infer", "", Body("c")), 404);
  const std::vector<Json> lines = Find("problems=true", 3);
  std::map<std::string, Json> by_status;
  for (const Json& line : lines) {
    EXPECT_EQ(line.StringOr("outcome", ""), "refused");
    EXPECT_FALSE(line.StringOr("error", "").empty());
  }
  EXPECT_EQ(Find("trace=0af7651916cd43dd8448eb211c80319c", 1).front().StringOr("code", ""), "INVALID_ARGUMENT");
  const Json unknown = Find("endpoint=lat", 1).front();
  EXPECT_EQ(unknown.IntOr("status", 0), 404);
  EXPECT_EQ(unknown.IntOr("version", -1), -1);
}

TEST_F(AccessLogApiTest, ATraceThatIsInvalidOrSaidTwiceIsNone) {
  ASSERT_EQ(Post(kLateInfer, "traceparent: 00-00000000000000000000000000000000-b7ad6b7169203331-01\r\n", Body("zero")),
            200);
  ASSERT_EQ(Post(kLateInfer, Cat(kTraceparent, kTraceparent), Body("twice")), 200);
  ASSERT_EQ(Post(kLateInfer, "", Body("none")), 200);
  for (const char* id : {"zero", "twice", "none"}) {
    EXPECT_EQ(Find(Cat("prediction=", id), 1).front().Find("trace_id"), nullptr) << id;
  }
}

TEST_F(AccessLogApiTest, OnlyTheControlPlaneMayRead) {
  EXPECT_EQ(Send("GET", kRequestsPath, "").status, 403);
  EXPECT_EQ(Send("GET", kRequestsPath, "Authorization: Bearer other\r\n").status, 403);
  EXPECT_EQ(Send("GET", kRequestsPath, "Authorization: Basic secret\r\n").status, 403);
  EXPECT_EQ(Send("POST", kRequestsPath, "Authorization: Bearer secret\r\n").status, 405);
  EXPECT_EQ(Send("GET", Cat(kRequestsPath, "?limit=0"), "Authorization: Bearer secret\r\n").status, 400);
  EXPECT_EQ(Send("GET", kRequestsPath, "Authorization: Bearer secret\r\n").status, 200);
}

}  // namespace
}  // namespace mw::api::inference
