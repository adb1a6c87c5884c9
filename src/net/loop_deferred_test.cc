// Deferred answers over real sockets: order, who calls what on which thread, clients that go, stopping.
#include "net/loop_deferred.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <ctime>
#include <functional>
#include <thread>

#include "base/mutex.h"
#include "base/random.h"
#include "net/loop_server.h"
#include "net/test_client.h"

namespace mw::net {
namespace {

using std::chrono::milliseconds;

/// What the handlers of one server deferred, for the test's threads to resume.
class Desk {
 public:
  void Put(std::string name, Deferred later) {
    const Lock lock(mutex_);
    waiting_.emplace_back(std::move(name), std::move(later));
  }
  /// Any of those that wait; empty when none does.
  Deferred TakeAny(Random& random) {
    const Lock lock(mutex_);
    if (waiting_.empty()) return {};
    std::swap(waiting_[random.Below(waiting_.size())], waiting_.back());
    Deferred later = std::move(waiting_.back().second);
    waiting_.pop_back();
    return later;
  }
  /// Waits until it is there.
  Deferred Take(std::string_view name) {
    Deferred found;
    Await([&] {
      const Lock lock(mutex_);
      const auto at =
          std::find_if(waiting_.begin(), waiting_.end(), [name](const auto& one) { return one.first == name; });
      if (at == waiting_.end()) return false;
      found = std::move(at->second);
      waiting_.erase(at);
      return true;
    });
    return found;
  }
  std::size_t size() {
    const Lock lock(mutex_);
    return waiting_.size();
  }
  static bool Await(const std::function<bool()>& condition) {
    const RealClock clock;
    const Duration deadline = clock.Elapsed() + std::chrono::seconds(10);
    while (!condition()) {
      if (clock.Elapsed() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

  std::atomic<int> handled{0};
  std::atomic<int> answered{0};
  std::atomic<int> dropped{0};  // continuations destroyed without a call
  std::atomic<int> sweeps_with_rows{0};

 private:
  Mutex mutex_;
  std::vector<std::pair<std::string, Deferred>> waiting_ MW_GUARDED_BY(mutex_);
};

/// Captured by a continuation: notices when it is destroyed without having been called, or on a foreign thread.
class Witness {
 public:
  explicit Witness(Desk& desk) : desk_(&desk), thread_(std::this_thread::get_id()) {}
  Witness(Witness&& other) noexcept : desk_(std::exchange(other.desk_, nullptr)), thread_(other.thread_) {}
  Witness& operator=(Witness&&) = delete;
  ~Witness() {
    if (desk_ == nullptr) return;
    EXPECT_EQ(std::this_thread::get_id(), thread_);
    ++desk_->dropped;
  }
  void Called() {
    EXPECT_EQ(std::this_thread::get_id(), thread_);
    ++std::exchange(desk_, nullptr)->answered;
  }

 private:
  Desk* desk_;
  std::thread::id thread_;
};

class Later final : public LoopHandler {
 public:
  explicit Later(Desk& desk) : desk_(desk) {}
  void Handle(const RequestView& request, ResponseWriter& out) override {
    ++desk_.handled;
    const std::string name(request.path);
    const std::string text = request.body.empty() ? name : Cat(name, " ", request.body);
    if (name.starts_with("/later")) return desk_.Put(name, AnswerLater(text, out));
    if (name.starts_with("/sweep")) return gathered_.push_back(AnswerLater(text, out));
    if (name.starts_with("/twice")) return desk_.Put(name, Twice(text, out));
    if (name.starts_with("/atonce")) {
      Deferred later = out.Defer(
          [this, text = std::string(text)](ResponseWriter& answer) mutable { AnswerLater(text, answer).Resume(); });
      return later.Resume();
    }
    if (name.starts_with("/lost")) return static_cast<void>(AnswerLater(text, out));
    if (name.starts_with("/resume")) {  // in Handle, on behalf of others
      for (Deferred& later : gathered_) later.Resume();
      gathered_.clear();
    }
    if (name.starts_with("/big")) {
      out.Begin(200, "text/plain").append(std::size_t{1} << 20, 'x');
      return out.Finish();
    }
    out.Json(text);
  }
  void EndOfSweep() override {
    if (gathered_.empty() || hold_) return;
    ++desk_.sweeps_with_rows;
    // The last first: their turn decides, not this order.
    while (!gathered_.empty()) {
      gathered_.back().Resume();
      gathered_.pop_back();
    }
  }
  void Hold() { hold_ = true; }

 private:
  Deferred AnswerLater(std::string text, ResponseWriter& out) {
    return out.Defer([text = std::move(text), witness = Witness(desk_)](ResponseWriter& answer) mutable {
      witness.Called();
      answer.Json(text);
    });
  }
  Deferred Twice(std::string text, ResponseWriter& out) {
    return out.Defer(
        [this, text = std::move(text)](ResponseWriter& answer) { desk_.Put("/again", AnswerLater(text, answer)); });
  }
  Desk& desk_;
  bool hold_ = false;
  std::vector<Deferred> gathered_;
};

class LoopDeferredTest : public testing::Test {
 protected:
  void Start(LoopServerOptions options = {}) {
    if (options.loops == 0) options.loops = 1;
    options.stop_linger = milliseconds(0);
    const auto make = [this](int) {
      auto handler = std::make_unique<Later>(desk_);
      if (hold_) handler->Hold();
      return handler;
    };
    auto started = LoopServer::Start(options, make, metrics_);
    ASSERT_TRUE(started.ok()) << started.error().ToString();
    server_ = std::move(*started);
  }
  static std::string Get(std::string_view target) {
    return Cat("GET ", target, " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  TestClient Client() { return TestClient(server_->port()); }
  bool AwaitHandled(int count) {
    return Desk::Await([&] { return desk_.handled >= count; });
  }
  bool AwaitDropped(int count) {
    return Desk::Await([&] { return desk_.dropped >= count; });
  }

  bool hold_ = false;  // EndOfSweep answers nothing
  Desk desk_;
  MetricsRegistry metrics_;
  std::unique_ptr<LoopServer> server_;
};

TEST_F(LoopDeferredTest, AnswersWhenResumedByAnotherThread) {
  Start();
  TestClient client = Client();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.Send("POST /later HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody"));
    Deferred later = desk_.Take("/later");
    ASSERT_TRUE(later);
    later.Resume();
    EXPECT_FALSE(later);
    later.Resume();  // nothing more
    const auto answer = client.Read();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "/later body");
    EXPECT_TRUE(answer.keep_alive);
    EXPECT_NE(FindHeader(answer.headers, "date"), nullptr);
  }
}

TEST_F(LoopDeferredTest, AnswersLeaveInTheOrderOfTheirRequests) {
  Start();
  TestClient client = Client();
  ASSERT_TRUE(client.Send(Get("/a") + Get("/later/1") + Get("/b") + Get("/later/2") + Get("/c")));
  EXPECT_EQ(client.Read().body, "/a");
  Deferred second = desk_.Take("/later/2");
  second.Resume();
  // Another connection's answer passes; this one's later ones wait.
  TestClient other = Client();
  EXPECT_EQ(other.Ask(Get("/other")).body, "/other");
  desk_.Take("/later/1").Resume();
  for (const char* body : {"/later/1", "/b", "/later/2", "/c"}) EXPECT_EQ(client.Read().body, body);
}

TEST_F(LoopDeferredTest, GathersTheRowsOfASweep) {
  Start();
  TestClient client = Client();
  std::string many;
  for (int i = 0; i < 50; ++i) many += Get(Cat("/sweep/", i));
  ASSERT_TRUE(client.Send(many));
  for (int i = 0; i < 50; ++i) ASSERT_EQ(client.Read().body, Cat("/sweep/", i));
  EXPECT_LT(desk_.sweeps_with_rows, 50);
  EXPECT_EQ(desk_.answered, 50);
}

TEST_F(LoopDeferredTest, TakesOneConnectionsRequestsUpToTheLimit) {
  LoopServerOptions options;
  options.deferred_max = 5;
  Start(options);
  TestClient client = Client();
  std::string many;
  for (int i = 0; i < 23; ++i) many += Get(Cat("/later/", i));
  ASSERT_TRUE(client.Send(many));
  ASSERT_TRUE(AwaitHandled(5));
  TestClient other = Client();
  EXPECT_EQ(other.Ask(Get("/now")).status, 200);
  EXPECT_EQ(desk_.handled, 6);
  for (int i = 0; i < 23; ++i) {
    EXPECT_LE(desk_.size(), 5U);
    desk_.Take(Cat("/later/", i)).Resume();
    ASSERT_EQ(client.Read().body, Cat("/later/", i));
  }
  // The same with answers within the sweep, and with a request that is cut.
  many.clear();
  for (int i = 0; i < 1000; ++i) many += Get(Cat("/sweep/", i));
  ASSERT_TRUE(client.Send(many.substr(0, many.size() - 7)));
  for (int i = 0; i < 999; ++i) ASSERT_EQ(client.Read().body, Cat("/sweep/", i));
  ASSERT_TRUE(client.Send(many.substr(many.size() - 7)));
  ASSERT_EQ(client.Read().body, "/sweep/999");
}

TEST_F(LoopDeferredTest, ResumesInHandleOnBehalfOfOthers) {
  hold_ = true;
  Start();
  TestClient one = Client();
  TestClient two = Client();
  ASSERT_TRUE(one.Send(Get("/x") + Get("/sweep/1")));
  EXPECT_EQ(one.Read().body, "/x");
  ASSERT_TRUE(two.Send(Get("/y") + Get("/sweep/2") + Get("/resume") + Get("/z") + Get("/sweep/3") + Get("/resume")));
  for (const char* body : {"/y", "/sweep/2", "/resume", "/z", "/sweep/3", "/resume"}) EXPECT_EQ(two.Read().body, body);
  EXPECT_EQ(one.Read().body, "/sweep/1");
}

TEST_F(LoopDeferredTest, DefersAgain) {
  Start();
  TestClient client = Client();
  ASSERT_TRUE(client.Send(Get("/twice") + Get("/now")));
  desk_.Take("/twice").Resume();
  desk_.Take("/again").Resume();
  EXPECT_EQ(client.Read().body, "/twice");
  EXPECT_EQ(client.Read().body, "/now");
  ASSERT_TRUE(client.Send(Get("/atonce/1") + Get("/later") + Get("/atonce/2")));
  EXPECT_EQ(client.Read().body, "/atonce/1");
  desk_.Take("/later").Resume();
  EXPECT_EQ(client.Read().body, "/later");
  EXPECT_EQ(client.Read().body, "/atonce/2");
}

TEST_F(LoopDeferredTest, TellsTheClientThatItsRequestWasGivenUp) {
  Start();
  TestClient client = Client();
  ASSERT_TRUE(client.Send(Get("/lost") + Get("/later") + Get("/now")));
  EXPECT_EQ(client.Read().status, 500);
  { const Deferred dropped = desk_.Take("/later"); }
  EXPECT_EQ(client.Read().status, 500);
  EXPECT_EQ(client.Read().body, "/now");
  EXPECT_EQ(desk_.dropped, 2);
}

TEST_F(LoopDeferredTest, HeadOldVersionsAndClosingConnections) {
  Start();
  TestClient client = Client();
  ASSERT_TRUE(client.Send("HEAD /later/1 HTTP/1.1\r\nHost: localhost\r\n\r\n" + Get("/later/2")));
  desk_.Take("/later/2").Resume();
  desk_.Take("/later/1").Resume();
  const auto head = client.Read(Method::kHead);
  EXPECT_EQ(Trim(*FindHeader(head.headers, "content-length")), Cat(std::string_view("/later/1").size()));
  EXPECT_EQ(client.Read().body, "/later/2");

  TestClient old = Client();
  ASSERT_TRUE(old.Send("GET /later/3 HTTP/1.0\r\n\r\n"));
  desk_.Take("/later/3").Resume();
  EXPECT_EQ(old.Read().body, "/later/3");
  EXPECT_TRUE(old.Closed());

  TestClient kept = Client();
  ASSERT_TRUE(kept.Send("GET /later/4 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  desk_.Take("/later/4").Resume();
  EXPECT_EQ(*FindHeader(kept.Read().headers, "connection"), "keep-alive");

  ASSERT_TRUE(kept.Send(Get("/later/5") + "GET /later/6 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" +
                        Get("/never")));
  desk_.Take("/later/6").Resume();
  desk_.Take("/later/5").Resume();
  EXPECT_TRUE(kept.Read().keep_alive);
  const auto last = kept.Read();
  EXPECT_EQ(last.body, "/later/6");
  EXPECT_FALSE(last.keep_alive);
  EXPECT_TRUE(kept.Closed());
}

TEST_F(LoopDeferredTest, RefusalsAndContinueWaitForTheirTurn) {
  LoopServerOptions options;
  options.header_timeout = milliseconds(40);
  Start(options);
  TestClient client = Client();
  ASSERT_TRUE(client.Send(Get("/later/1") + "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n" +
                          "Content-Length: 2\r\n\r\n"));
  desk_.Take("/later/1").Resume();
  EXPECT_EQ(client.Read().body, "/later/1");
  EXPECT_EQ(client.Read().status, 100);
  ASSERT_TRUE(client.Send("ok" + Get("/later/2") + "nonsense\r\n\r\n"));
  desk_.Take("/later/2").Resume();
  EXPECT_EQ(client.Read().body, "/ ok");
  EXPECT_EQ(client.Read().body, "/later/2");
  EXPECT_EQ(client.Read().status, 400);
  EXPECT_TRUE(client.Closed());

  // Half a head is cut off in its time although an answer is outstanding.
  TestClient slow = Client();
  ASSERT_TRUE(slow.Send(Get("/later/3") + "GET / HT"));
  Deferred third = desk_.Take("/later/3");
  ASSERT_TRUE(Desk::Await([this] {
    return metrics_.AddCounter("millwright_http_refused_total", "", {{"server", "inference"}}).Value() == 2;
  }));
  third.Resume();
  EXPECT_EQ(slow.Read().body, "/later/3");
  EXPECT_EQ(slow.Read().status, 408);
}

TEST_F(LoopDeferredTest, ClientsThatGoAreNoticed) {
  LoopServerOptions options;
  options.deferred_max = 2;
  Start(options);
  TestClient waits = Client();
  ASSERT_TRUE(waits.Send(Get("/later/1") + Get("/later/2")));
  Deferred first = desk_.Take("/later/1");
  waits.Close();
  EXPECT_TRUE(AwaitDropped(2));
  first.Resume();  // harmless
  // One whose further requests are not read: its end is noticed all the same.
  TestClient held = Client();
  ASSERT_TRUE(held.Send(Get("/later/3") + Get("/later/4") + Get("/later/5")));
  ASSERT_TRUE(AwaitHandled(4));
  held.Close();
  EXPECT_TRUE(AwaitDropped(4));
  TestClient closing = Client();
  ASSERT_TRUE(closing.Send("GET /later/6 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
  ASSERT_TRUE(AwaitHandled(5));
  closing.Close();
  EXPECT_TRUE(AwaitDropped(5));
  EXPECT_EQ(desk_.answered, 0);
  TestClient client = Client();
  EXPECT_EQ(client.Ask(Get("/now")).body, "/now");
}

TEST_F(LoopDeferredTest, WaitingIsNotIdling) {
  LoopServerOptions options;
  options.idle_timeout = options.header_timeout = options.body_timeout = milliseconds(20);
  Start(options);
  TestClient waits = Client();
  ASSERT_TRUE(waits.Send(Get("/later")));
  Deferred later = desk_.Take("/later");
  TestClient idle = Client();
  EXPECT_EQ(idle.Ask(Get("/now")).status, 200);
  EXPECT_TRUE(idle.Closed());  // so has the other been quiet for longer than the timeout
  later.Resume();
  EXPECT_EQ(waits.Read().body, "/later");
  EXPECT_TRUE(waits.Closed());
}

TEST_F(LoopDeferredTest, SlowReadersHaveTheirOutputBounded) {
  Start();
  TestClient silent = Client();
  std::string many;
  for (int i = 0; i < 200; ++i) many += Get("/sweep/x") + Get("/big");
  ASSERT_TRUE(silent.Send(many));
  TestClient other = Client();
  ASSERT_TRUE(AwaitHandled(2));
  EXPECT_EQ(other.Ask(Get("/now")).status, 200);
  EXPECT_LT(desk_.handled, 140);
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(silent.Read().body, "/sweep/x");
    ASSERT_EQ(silent.Read().body.size(), std::size_t{1} << 20);
  }
}

/// Of this process, user and system.
Duration ProcessorTime() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_nsec / 1000);
}

TEST_F(LoopDeferredTest, StalledClientsCostOthersNothing) {
  LoopServerOptions options;
  options.body_timeout = milliseconds(500);
  Start(options);
  std::vector<TestClient> stalled;
  for (int i = 0; i < 25; ++i) {
    for (const std::string& begun :
         {std::string("GET / HT"), std::string("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\nhalf"),
          Get("/big") + Get("/big") + Get("/big") + Get("/big"), Get("/later") + "GET / HT",
          Get("/later") + Get("/big"),
          std::string("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe")}) {
      stalled.push_back(Client());
      ASSERT_TRUE(stalled.back().Send(begun));
    }
  }
  ASSERT_TRUE(AwaitHandled(25 * (1 + 1 + 2)));
  TestClient client = Client();
  for (int i = 0; i < 200; ++i) ASSERT_EQ(client.Ask(Get("/now")).body, "/now");
  // Nobody keeps the loop busy by being waited for: until this request's time is over it mostly sleeps.
  ASSERT_TRUE(client.Send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\nhalf"));
  const RealClock clock;
  const Duration began = clock.Elapsed();
  const Duration used = ProcessorTime();
  EXPECT_EQ(client.Read().status, 408);
  EXPECT_LT(ProcessorTime() - used, (clock.Elapsed() - began) / 4);
}

TEST_F(LoopDeferredTest, StopWaitsForOutstandingAnswers) {
  Start();
  TestClient client = Client();
  ASSERT_TRUE(client.Send(Get("/later/1") + Get("/later/2")));
  Deferred first = desk_.Take("/later/1");
  Deferred second = desk_.Take("/later/2");
  std::thread stopper([this] { server_->Stop(); });
  ASSERT_TRUE(Desk::Await([this] { return !TestClient(server_->port()).connected(); }));
  first.Resume();
  EXPECT_EQ(client.Read().body, "/later/1");
  second.Resume();
  const auto answer = client.Read();
  EXPECT_EQ(answer.body, "/later/2");
  EXPECT_FALSE(answer.keep_alive);
  client.Close();
  stopper.join();
}

TEST_F(LoopDeferredTest, StopCutsAnswersThatDoNotCome) {
  LoopServerOptions options;
  options.stop_grace = milliseconds(50);
  Start(options);
  TestClient client = Client();
  ASSERT_TRUE(client.Send(Get("/later/1") + Get("/later/2") + Get("/now")));
  Deferred first = desk_.Take("/later/1");
  server_->Stop();
  EXPECT_TRUE(client.Closed());
  EXPECT_EQ(desk_.dropped, 2);
  first.Resume();  // into a mailbox that is closed
  server_.reset();
  EXPECT_TRUE(desk_.Take("/later/2"));
}

// Every client has its answers, in its order, whoever resumes them and when; some leave halfway.
TEST_F(LoopDeferredTest, ManyThreadsResumeAtRandom) {
  LoopServerOptions options;
  options.loops = 2;
  options.deferred_max = 16;
  Start(options);
  std::atomic<bool> over = false;
  std::vector<std::thread> resumers;
  for (int id = 0; id < 3; ++id) {
    resumers.emplace_back([this, id, &over] {
      Random random(static_cast<std::uint64_t>(100 + id));
      while (!over) {
        Deferred later = desk_.TakeAny(random);
        if (!later) std::this_thread::yield();
        if (later && random.Below(100) > 0) later.Resume();  // else given up: 500
      }
    });
  }
  constexpr int kClients = 6;
  constexpr int kRequests = 1500;
  std::atomic<int> right = 0, given_up = 0;
  std::vector<std::thread> clients;
  for (int id = 0; id < kClients; ++id) {
    clients.emplace_back([this, id, &right, &given_up] {
      Random random(static_cast<std::uint64_t>(id));
      TestClient client = Client();
      for (int i = 0; i < kRequests;) {
        const int burst = std::min(kRequests - i, 1 + static_cast<int>(random.Below(40)));
        std::vector<std::string> expected;
        std::string sent;
        for (int k = 0; k < burst; ++k) {
          static constexpr const char* kPaths[] = {"/later/", "/sweep/", "/now/", "/twice/"};
          expected.push_back(Cat(kPaths[random.Below(4)], id, "/", i + k));
          sent += Get(expected.back());
        }
        ASSERT_TRUE(client.Send(sent));
        if (random.Below(20) == 0) {  // gone, and back
          client.Close();
          client = Client();
          i += burst;
          right += burst;
          continue;
        }
        for (const std::string& body : expected) {
          const auto answer = client.Read();
          if (answer.status == 500) ++given_up;
          if (answer.status == 500 || answer.body == body) ++right;
        }
        i += burst;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(right, kClients * kRequests);
  EXPECT_LT(given_up, kClients * kRequests / 20);
  std::thread stopper([this] { server_->Stop(); });
  stopper.join();
  over = true;
  for (std::thread& resumer : resumers) resumer.join();
}

}  // namespace
}  // namespace mw::net
