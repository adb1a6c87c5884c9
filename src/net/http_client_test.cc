// The client against the stream server, and against servers that say anything.
#include "net/http_client.h"

#include <poll.h>
#include <sys/socket.h>

#include <thread>

#include "net/socket.h"
#include "net/stream_server_testing.h"

namespace mw::net {
namespace {

using std::chrono::milliseconds;

TEST_F(StreamServerTest, CallTurnsAnswersIntoJsonAndErrors) {
  Start();
  HttpClient caller = Caller();
  EXPECT_EQ(caller.Call(Method::kPut, "/files/x", Json::Make({{"a", 1}}))->IntOr("bytes", 0), 7);
  const auto missing = caller.Call(Method::kGet, "/nowhere");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_EQ(missing.error().message, "there is nothing at \"/nowhere\"");
  EXPECT_FALSE(caller.Call(Method::kGet, "/echo/a").ok());
}

TEST_F(StreamServerTest, TheClientReconnectsAndSaysWhatFailed) {
  Start();
  HttpClient caller = Caller();
  ASSERT_EQ(caller.Send(Method::kGet, "/health")->status, 200);
  const int port = server_->port();
  server_->Stop();
  const auto gone = caller.Send(Method::kGet, "/health");
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error().message, Cat("cannot connect to http://127.0.0.1:", port, ": connection refused"));
  EXPECT_EQ(gone.error().code, Code::kUnavailable);
  StreamServerOptions options;
  options.port = port;
  Start(options);
  EXPECT_EQ(caller.Send(Method::kPost, "/echo/a", "x")->status, 200);
  EXPECT_FALSE(caller.Send(Method::kGet, "/bad target").ok());
  EXPECT_FALSE(caller.Send(Method::kGet, "/x\r\nHost: y").ok());
}

TEST_F(StreamServerTest, WhatTheServerClosedMeanwhileIsNotUsedForAPost) {
  Start();
  HttpClient caller = Caller();
  ASSERT_EQ(caller.Send(Method::kGet, "/health")->status, 200);
  StreamServerOptions options;
  options.port = server_->port();
  server_->Stop();
  Start(options);
  const auto response = caller.Send(Method::kPost, "/echo/a", "x");
  ASSERT_TRUE(response.ok()) << response.error().ToString();
  EXPECT_EQ(response->status, 200);
}

// A server that says exactly these bytes to each client in turn, then closes.
class Script {
 public:
  explicit Script(std::vector<std::string> answers) : listener_(*ListenTcp("127.0.0.1", 0)) {
    thread_ = std::thread([this, answers = std::move(answers)] {
      for (const std::string& answer : answers) {
        pollfd waiting{listener_.get(), POLLIN, 0};
        if (poll(&waiting, 1, 10'000) != 1) return;
        const FileDescriptor peer(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        char request[4096];
        if (recv(peer.get(), request, sizeof request, 0) <= 0) return;
        ++served_;
        send(peer.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
      }
    });
  }
  ~Script() { thread_.join(); }
  [[nodiscard]] HttpClient Caller(std::size_t body_limit = 1000) const {
    ClientOptions options;
    options.timeout = milliseconds(5000);
    options.body_limit = body_limit;
    return *HttpClient::Make(Cat("http://127.0.0.1:", LocalPort(listener_.get())), options);
  }
  [[nodiscard]] int served() const { return served_; }

 private:
  FileDescriptor listener_;
  std::atomic<int> served_ = 0;
  std::thread thread_;
};

TEST(HttpClient, SendsSafeRequestsOnceMoreOnAKeptConnection) {
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  Script script({answer, answer, answer});
  HttpClient caller = script.Caller();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(caller.Send(Method::kGet, "/")->body, "ok");
  EXPECT_EQ(script.served(), 3);
}

TEST(HttpClient, RefusesAnswersThatAreTooLargeCutOffOrNoHttp) {
  const auto ask = [](std::string answer) {
    const Script script({std::move(answer)});
    const auto response = script.Caller().Send(Method::kGet, "/x");
    return response.ok() ? std::string("ok: ") + response->body
                         : Cat(CodeName(response.error().code), ' ', response.error().message);
  };
  EXPECT_EQ(ask("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n"),
            "RESOURCE_EXHAUSTED the answer to GET /x is larger than 1000 bytes");
  EXPECT_TRUE(ask("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhal").starts_with("UNAVAILABLE "));
  EXPECT_TRUE(ask("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel").starts_with("UNAVAILABLE "));
  EXPECT_TRUE(ask("").starts_with("UNAVAILABLE "));
  EXPECT_TRUE(ask("SSH-2.0-OpenSSH_9.2\r\n\r\n").starts_with("INVALID_ARGUMENT "));
  EXPECT_EQ(ask("HTTP/1.1 200 OK\r\n\r\nuntil close"), "ok: until close");
  EXPECT_EQ(ask("HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ny"), "ok: y");
}

TEST(HttpClient, StopsWhenTheSinkSaysSo) {
  Script script({"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + std::string(500, 'x')});
  const auto stop = [](std::string_view) -> Status { return Cancelled("enough"); };
  const auto response = script.Caller().Stream(Method::kGet, "/", "", {}, stop);
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.error().code, Code::kCancelled);
}

}  // namespace
}  // namespace mw::net
