// The stream server over real sockets: who may what, what the route says, streaming, pipelining.
#include "net/stream_server.h"

#include <thread>

#include "base/random.h"
#include "net/stream_server_testing.h"

namespace mw::net {
namespace {

using std::chrono::milliseconds;

TEST_F(StreamServerTest, AnswersWithWhatTheRouteSays) {
  Start();
  HttpClient caller = Caller();
  auto response = *caller.Send(Method::kPost, "/echo/a%20b?x=1&y=%2F", "body");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "POST /echo/a b local name=a b x:1 y:/|body");
  EXPECT_EQ(*FindHeader(response.headers, "x-content-type-options"), "nosniff");
  EXPECT_TRUE(FindHeader(response.headers, "content-security-policy")->starts_with("default-src 'self'"));
  response = *caller.Send(Method::kHead, "/echo/a");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "");
  EXPECT_EQ(*FindHeader(response.headers, "content-length"), "26");
  EXPECT_EQ(caller.Send(Method::kOptions, "/echo/a")->status, 204);
}

TEST_F(StreamServerTest, ChecksRouteThenCallerThenPermission) {
  Start();
  EXPECT_EQ(StatusOf(Get("/nowhere")), 404);
  TestClient client = Client();
  const auto wrong_method = client.Ask("DELETE /echo/a HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(wrong_method.status, 405);
  EXPECT_EQ(*FindHeader(wrong_method.headers, "allow"), "GET, HEAD, POST");
  EXPECT_EQ(client.Ask(Get("/health")).status, 200);  // the connection goes on after a denial

  EXPECT_EQ(StatusOf(Get("/echo/a", "Authorization: Bearer wrong\r\n")), 401);
  EXPECT_EQ(StatusOf(Get("/echo/a", "Authorization: Digest reader\r\n")), 401);
  EXPECT_EQ(StatusOf(Get("/health", "Authorization: Bearer wrong\r\n")), 200);
  EXPECT_EQ(Caller("reader").Send(Method::kGet, "/echo/a")->body, "GET /echo/a token:reader name=a|");
  EXPECT_EQ(Caller("reader").Send(Method::kPost, "/echo/a", "x")->status, 403);
  EXPECT_EQ(Caller("writer").Send(Method::kPost, "/echo/a", "x")->status, 200);
  // "any:writer" as Basic, which is what MLflow's and curl's user and password become.
  EXPECT_EQ(StatusOf(Get("/echo/a", "Authorization: Basic YW55OndyaXRlcg==\r\n")), 200);
  EXPECT_EQ(StatusOf(Get("/echo/a", "Authorization: Basic YW55OnNvbWVvbmU=\r\n")), 401);
  TestClient stranger = Client();
  const auto denial = stranger.Ask(Get("/echo/a", "Authorization: Bearer wrong\r\n"));
  EXPECT_NE(FindHeader(denial.headers, "www-authenticate"), nullptr);
}

TEST_F(StreamServerTest, RefusesInTheWordsOfThePath) {
  StreamServerOptions options;
  options.refusal = [](std::string_view path, const Error& error) {
    return Response{HttpStatus(error.code), {}, Cat("at ", path, ": ", CodeName(error.code))};
  };
  Start(options);
  const auto ask = [this](const std::string& request) {
    TestClient client = Client();
    return client.Ask(request);
  };
  const auto unknown = ask(Get("/echo/a%20b", "Authorization: Bearer wrong\r\n"));
  EXPECT_EQ(unknown.status, 401);
  EXPECT_EQ(unknown.body, "at /echo/a b: UNAUTHENTICATED");
  EXPECT_NE(FindHeader(unknown.headers, "www-authenticate"), nullptr);
  EXPECT_EQ(Caller("reader").Send(Method::kPost, "/echo/a", "x")->body, "at /echo/a: PERMISSION_DENIED");
  const auto large = Caller("writer").Send(Method::kPost, "/echo/a", std::string(kBodyLimit + 1, 'x'));
  EXPECT_EQ(large->status, 413);
  EXPECT_EQ(large->body, "at /echo/a: RESOURCE_EXHAUSTED");
  EXPECT_EQ(ask("DELETE /echo/a HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 405);
}

TEST_F(StreamServerTest, TokensComeAndGo) {
  Start();
  EXPECT_EQ(Caller("step").Send(Method::kGet, "/echo/a")->status, 401);
  tokens_.Add("step", {"step:1", {Permission::kRead}});
  EXPECT_EQ(Caller("step").Send(Method::kGet, "/echo/a")->status, 200);
  tokens_.Remove("step:1");
  EXPECT_EQ(Caller("step").Send(Method::kGet, "/echo/a")->status, 401);
  tokens_.AddDigest(TokenDigest("late"), {"step:2", {Permission::kRead}}, clock_.Now() - milliseconds(1));
  EXPECT_EQ(Caller("late").Send(Method::kGet, "/echo/a")->status, 401);
}

TEST_F(StreamServerTest, RefusesForeignHostsOriginsAndPaths) {
  Start();
  EXPECT_EQ(StatusOf("GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 403);
  const std::string post = "POST /echo/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nOrigin: http://";
  EXPECT_EQ(StatusOf(post + "evil.example\r\n\r\n"), 403);
  EXPECT_EQ(StatusOf(post + "localhost\r\n\r\n"), 200);
  for (const char* path : {"/files/../x", "/files/%2e%2e/x", "/files/%252e", "/files//etc", "/files/a%5cb", "/%00"}) {
    EXPECT_EQ(StatusOf(Get(path)), 400) << path;
  }
}

TEST_F(StreamServerTest, BoundsBodiesByRoute) {
  Start();
  HttpClient caller = Caller();
  EXPECT_EQ(caller.Send(Method::kPost, "/echo/a", std::string(kBodyLimit, 'x'))->status, 200);
  EXPECT_EQ(caller.Send(Method::kPost, "/echo/a", std::string(kBodyLimit + 1, 'x'))->status, 413);
  // A large one, refused while the client is still sending: the answer arrives all the same.
  const auto response = caller.Send(Method::kPost, "/echo/a", std::string(std::size_t{8} << 20, 'x'));
  ASSERT_TRUE(response.ok()) << response.error().ToString();
  EXPECT_EQ(response->status, 413);
  std::string chunked = "POST /echo/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
  AppendChunk(chunked, std::string(600, 'x'));
  AppendChunk(chunked, std::string(600, 'x'));
  EXPECT_EQ(StatusOf(chunked), 413);
  EXPECT_EQ(StatusOf("POST /echo/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), 400);
}

TEST_F(StreamServerTest, StreamsBodiesBothWays) {
  Start();
  HttpClient caller = Caller();
  const std::string body(std::size_t{8} << 20, 'x');
  EXPECT_EQ(caller.Send(Method::kPut, "/files/a/b", body)->body, Cat("{\"bytes\":", body.size(), "}"));
  std::vector<std::string> pieces;
  const auto collect = [&pieces](std::string_view piece) {
    pieces.emplace_back(piece);
    return Ok();
  };
  EXPECT_EQ(caller.Stream(Method::kGet, "/numbers", "", {}, collect)->status, 200);
  EXPECT_EQ(Join(pieces, ""), "00 11 22 33 44 55 66 77 88 99 ");
  EXPECT_EQ(caller.Send(Method::kGet, "/numbers?length")->body, "00 11 22 33 44 55 66 77 88 99 ");
  EXPECT_EQ(caller.Send(Method::kHead, "/numbers?length")->body, "");
  // HTTP/1.0 gets no chunks: the connection's end ends the body.
  TestClient old = Client();
  ASSERT_TRUE(old.Send("GET /numbers HTTP/1.0\r\n\r\n"));
  const std::string text = old.ReadAll();
  EXPECT_EQ(text.find("chunked"), std::string::npos);
  EXPECT_TRUE(text.ends_with("\r\n\r\n00 11 22 33 44 55 66 77 88 99 ")) << text;
}

TEST_F(StreamServerTest, AnswersPipelinedRequestsInOrder) {
  Start();
  TestClient client = Client();
  Random random(5);
  std::string sent;
  std::vector<std::string> expected;
  for (int i = 0; i < 2000; ++i) {
    const std::string body(static_cast<std::size_t>(random.Below(100)), 'b');
    if (random.Below(2) == 0) {
      sent += Get(Cat("/echo/", i));
      expected.push_back(Cat("GET /echo/", i, " local name=", i, "|"));
    } else if (random.Below(2) == 0) {
      CatTo(sent, "POST /echo/", i, " HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
      expected.push_back(Cat("POST /echo/", i, " local name=", i, "|", body));
    } else {
      CatTo(sent, "POST /ignore HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
      expected.emplace_back("1");
    }
  }
  std::thread writer([&] {
    for (std::size_t at = 0; at < sent.size();) {
      const std::size_t size = std::min<std::size_t>(sent.size() - at, 1 + random.Below(3000));
      ASSERT_TRUE(client.Send(std::string_view(sent).substr(at, size)));
      at += size;
    }
  });
  for (const std::string& body : expected) ASSERT_EQ(client.Read().body, body);
  writer.join();
}

// Into small buffers by way of the session's own, into large ones directly; what follows is the next request's.
TEST_F(StreamServerTest, LargeBodiesArriveWholeWhateverTheyAreReadInto) {
  Start();
  TestClient client = Client();
  Random random(7);
  std::string body(400'000, '\0');
  for (char& byte : body) byte = static_cast<char>(random.Below(256));
  std::string chunks;
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t size =
        std::min<std::size_t>(body.size() - at, 1 + random.Below(random.Below(2) == 0 ? 9 : 150'000));
    AppendChunk(chunks, std::string_view(body).substr(at, size));
    at += size;
  }
  chunks += kLastChunk;
  for (const int buffer : {3000, (16 << 10) - 1, 16 << 10, 70'000, 1'000'000}) {
    const std::string head = Cat("PUT /digest/", buffer, " HTTP/1.1\r\nHost: localhost\r\n");
    const std::string sent = Cat(head, "Content-Length: ", body.size(), "\r\n\r\n", body, head,
                                 "Transfer-Encoding: chunked\r\n\r\n", chunks, Get("/echo/next"));
    std::thread writer([&] { ASSERT_TRUE(client.Send(sent)); });
    EXPECT_EQ(client.Read().body, Sha256Hex(body)) << buffer;
    EXPECT_EQ(client.Read().body, Sha256Hex(body)) << buffer;
    EXPECT_EQ(client.Read().body, "GET /echo/next local name=next|") << buffer;
    writer.join();
  }
}

TEST_F(StreamServerTest, AcceptsARequestCutAtEveryByte) {
  Start();
  const std::string request =
      "POST /echo/x?y=z HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
  TestClient client = Client();
  for (std::size_t cut = 1; cut < request.size(); ++cut) {
    ASSERT_TRUE(client.Send(std::string_view(request).substr(0, cut)));
    ASSERT_TRUE(client.Send(std::string_view(request).substr(cut)));
    ASSERT_EQ(client.Read().body, "POST /echo/x local name=x y:z|abcde") << "cut at " << cut;
  }
}

TEST_F(StreamServerTest, AnUnreadBodyDoesNotBecomeTheNextRequest) {
  Start();
  TestClient client = Client();
  const std::string hidden = Get("/echo/hidden");
  ASSERT_TRUE(client.Send(Cat("POST /ignore HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", hidden.size(), "\r\n\r\n",
                              hidden, Get("/echo/after"))));
  EXPECT_EQ(client.Read().body, "1");
  EXPECT_EQ(client.Read().body, "GET /echo/after local name=after|");
  // What is too large to be thrown away ends the connection instead.
  TestClient large = Client();
  const auto answer = large.Ask("POST /ignore HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\n");
  EXPECT_EQ(answer.body, "1");
  EXPECT_FALSE(answer.keep_alive);
}

TEST_F(StreamServerTest, SaysContinueWhenTheBodyIsWanted) {
  Start();
  TestClient client = Client();
  const std::string expect = " HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
  EXPECT_EQ(client.Ask("POST /echo/a" + expect).status, 100);
  EXPECT_EQ(client.Ask("ok").body, "POST /echo/a local name=a|ok");
  const auto denied = client.Ask("POST /nowhere" + expect);
  EXPECT_EQ(denied.status, 404);
  EXPECT_FALSE(denied.keep_alive);
}

TEST_F(StreamServerTest, AnAnswerThatWasNotFinishedIsNotTakenForWhole) {
  Start();
  HttpClient caller = Caller();
  const auto response = caller.Send(Method::kGet, "/half");
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.error().code, Code::kUnavailable);
  EXPECT_EQ(caller.Send(Method::kGet, "/none")->status, 500);
  EXPECT_EQ(caller.Send(Method::kGet, "/health")->status, 200);
}

}  // namespace
}  // namespace mw::net
