// For tests: the data plane's HTTP server over models of the test's own, and its clients.
//
// The server goes in TearDown, before what the test made for it. Every answer has a deadline (net/test_client.h).
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "api/inference/inference_api.h"
#include "base/json.h"
#include "base/log.h"
#include "net/test_client.h"

namespace mw::api::inference::testing {

inline constexpr std::string_view kTestVersion = "9.9.9";

/// `headers`: whole lines.
inline std::string PostRequest(std::string_view path, std::string_view body, std::string_view headers = "") {
  return Cat("POST ", path, " HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", body.size(), "\r\n", headers, "\r\n",
             body);
}
inline std::string GetRequest(std::string_view path) {
  return Cat("GET ", path, " HTTP/1.1\r\nHost: localhost\r\n\r\n");
}

/// The bytes of values as they lie in memory.
std::string Raw(const auto& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof values[0]};
}

class ServerTest : public ::testing::Test {
 protected:
  using Answer = net::TestClient::Answer;

  void SetUp() override { SetLogLevel(LogLevel::kError); }
  void TearDown() override {
    server_.reset();
    SetLogLevel(LogLevel::kInfo);
  }
  static net::LoopServerOptions Loops(int loops) {
    net::LoopServerOptions options;
    options.loops = loops;
    return options;
  }
  /// `context` is called once for each loop.
  void Listen(const net::LoopServerOptions& options, const std::function<InferenceContext()>& context) {
    auto server = net::LoopServer::Start(
        options, [&](int) { return std::make_unique<InferenceHandler>(context()); }, metrics_);
    ASSERT_TRUE(server.ok()) << server.error().ToString();
    server_ = *std::move(server);
  }
  void Listen(const net::LoopServerOptions& options, serving::Catalog& catalog) {
    Listen(options, [&] { return InferenceContext{catalog, metrics_, clock_, std::string(kTestVersion)}; });
  }

  Answer Ask(std::string_view request) {
    net::TestClient client(server_->port());
    return client.Ask(request);
  }
  Json AskJson(std::string_view request, int status = 200) {
    const Answer answer = Ask(request);
    EXPECT_EQ(answer.status, status) << answer.body;
    auto json = Json::Parse(answer.body);
    EXPECT_TRUE(json.ok()) << answer.body;
    return json.ok() ? *json : Json();
  }
  Answer Post(std::string_view path, std::string_view body, std::string_view headers = "") {
    return Ask(PostRequest(path, body, headers));
  }
  Json PostJson(std::string_view path, std::string_view body, int status = 200) {
    return AskJson(PostRequest(path, body), status);
  }
  Json GetJson(std::string_view path, int status = 200) { return AskJson(GetRequest(path), status); }
  /// Until something is so without anybody's doing; false after 10 s.
  bool Await(const std::function<bool()>& reached) {
    const Duration end = clock_.Elapsed() + std::chrono::seconds(10);
    while (!reached()) {
      if (clock_.Elapsed() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }

  MetricsRegistry metrics_;
  RealClock clock_;
  std::unique_ptr<net::LoopServer> server_;
};

}  // namespace mw::api::inference::testing
