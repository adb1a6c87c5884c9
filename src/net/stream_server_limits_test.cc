// The stream server with clients that are slow, many or asleep, and when it stops.
#include <thread>

#include "net/stream_server_testing.h"

namespace mw::net {
namespace {

using std::chrono::milliseconds;

TEST_F(StreamServerTest, CutsOffSlowClients) {
  StreamServerOptions options;
  options.header_timeout = options.idle_timeout = options.transfer_timeout = milliseconds(50);
  Start(options);
  TestClient head = Client();
  ASSERT_TRUE(head.Send("GET / HTTP/1.1\r\n"));
  std::atomic<bool> over = false;
  std::thread dribble([&] {
    // Few enough that the head's own limit is not what cuts it off.
    for (int sent = 0; sent < 1000 && !over && head.Send("X"); ++sent) std::this_thread::yield();
  });
  EXPECT_EQ(head.Read().status, 408);
  over = true;
  dribble.join();
  EXPECT_EQ(StatusOf("POST /echo/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf"), 504);
  TestClient idle = Client();
  EXPECT_TRUE(idle.Closed());
}

TEST_F(StreamServerTest, AClientThatDoesNotReadIsDropped) {
  StreamServerOptions options;
  options.transfer_timeout = milliseconds(50);
  Start(options);
  TestClient client = Client();
  ASSERT_TRUE(client.Send(Get("/flood")));
  const Status ended = SyncWait(AwaitFlood());
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ended.error().code, Code::kDeadlineExceeded);
}

TEST_F(StreamServerTest, RefusesMoreConnectionsThanAllowed) {
  StreamServerOptions options;
  options.connections_max = 1;
  Start(options);
  TestClient one = Client();
  EXPECT_EQ(one.Ask(Get("/health")).status, 200);
  TestClient two = Client();
  EXPECT_EQ(two.Read().status, 503);
  EXPECT_EQ(one.Ask(Get("/health")).status, 200);
}

TEST_F(StreamServerTest, WakersEndSleepsAndMayComeLate) {
  Start();
  std::function<void()> late;
  {
    TestClient client = Client();
    ASSERT_TRUE(client.Send(Get("/events")));
    ASSERT_TRUE(client.ReadUntil("data: 0\n"));
    Wake();
    ASSERT_TRUE(client.ReadUntil("data: 1\n"));
    Wake();
    ASSERT_TRUE(client.ReadUntil("data: 2\n"));
    std::thread stopper([this] { server_->Stop(); });
    EXPECT_TRUE(client.ReadUntil("data: bye\n\n\r\n0\r\n\r\n"));
    client.Close();
    stopper.join();
  }
  EXPECT_EQ(events_ended_, 1);
  Wake();
  server_.reset();
  Wake();
}

TEST_F(StreamServerTest, StopLetsHandlersFinishAndCutsWhatTakesTooLong) {
  StreamServerOptions options;
  options.stop_grace = milliseconds(100);
  Start(options);
  TestClient idle = Client();
  EXPECT_EQ(idle.Ask(Get("/health")).status, 200);
  TestClient stuck = Client();
  ASSERT_EQ(
      stuck.Ask("POST /echo/a HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n").status,
      100);
  TestClient finishing = Client();
  ASSERT_EQ(
      finishing.Ask("POST /echo/a HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
          .status,
      100);
  std::thread stopper([this] { server_->Stop(); });
  EXPECT_TRUE(idle.Closed());
  const auto answer = finishing.Ask("done");
  EXPECT_EQ(answer.body, "POST /echo/a local name=a|done");
  EXPECT_FALSE(answer.keep_alive);
  stopper.join();
  EXPECT_EQ(stuck.Read().status, 0);
}

TEST_F(StreamServerTest, AnswersManyClientsAtOnceEachItsOwn) {
  Start();
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int id = 0; id < 8; ++id) {
    threads.emplace_back([this, id, &right] {
      HttpClient caller = Caller();
      for (int i = 0; i < 100; ++i) {
        const std::string name = Cat(id, "-", i);
        const auto response = caller.Send(Method::kPost, Cat("/echo/", name), name);
        if (response.ok() && response->body == Cat("POST /echo/", name, " local name=", name, "|", name)) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 800);
}

}  // namespace
}  // namespace mw::net
