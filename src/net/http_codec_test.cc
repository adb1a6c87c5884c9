// The codec: one table of what is refused, and the property that cutting the input changes nothing.
#include "net/http_codec.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace mw::net {
namespace {

// What came of a whole connection's bytes: every message, or where and why it stopped.
struct Outcome {
  std::vector<std::string> messages;
  int refused = 0;
  std::size_t unused = 0;
  bool operator==(const Outcome&) const = default;
};

std::string Describe(const RequestHead& head, std::string_view body) {
  std::string text = Cat(MethodName(head.method), ' ', head.path, '?', head.query, " host=", head.host,
                         head.keep_alive ? " keep" : " close", " body=", body);
  for (const HeaderView& header : head.headers) CatTo(text, ';', header.name, '=', header.value);
  return text;
}

// Reads requests the way a server does, the input arriving in the pieces that `next_size` says.
template <typename NextSize>
Outcome ReadRequests(std::string_view bytes, const NextSize& next_size) {
  Outcome outcome;
  std::string buffer;
  HeadScanner scanner(4096);
  RequestHead head;
  BodyDecoder decoder;
  std::string body, head_text;
  bool in_body = false;
  while (true) {
    if (!in_body) {
      const Progress progress = scanner.Scan(buffer);
      if (progress == Progress::kRefused) outcome.refused = scanner.refusal().status;
      if (progress == Progress::kDone) {
        head_text = buffer.substr(0, scanner.size());
        if (const auto refusal = ParseRequestHead(head_text, head)) {
          outcome.refused = refusal->status;
        } else {
          buffer.erase(0, scanner.size());
          decoder = BodyDecoder(head.framing, head.content_length, 1000);
          in_body = true;
          body.clear();
        }
      }
    }
    while (in_body && decoder.progress() == Progress::kMore) {
      const auto step = decoder.Next(buffer);
      body.append(step.data);
      buffer.erase(0, step.consumed);
      if (step.consumed == 0) break;
    }
    if (in_body && decoder.progress() == Progress::kRefused) outcome.refused = decoder.refusal().status;
    if (outcome.refused != 0) return outcome;
    if (in_body && decoder.progress() == Progress::kDone) {
      outcome.messages.push_back(Describe(head, body));
      scanner = HeadScanner(4096);
      in_body = false;
      continue;
    }
    if (bytes.empty()) break;
    const std::size_t size = std::min(bytes.size(), next_size());
    buffer.append(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  outcome.unused = buffer.size();
  return outcome;
}

Outcome InOnePiece(std::string_view bytes) {
  return ReadRequests(bytes, [] { return std::size_t{1} << 30; });
}

struct Case {
  const char* why;
  std::string bytes;
  int status;  // 0: accepted
};

std::string Get(std::string_view fields) { return Cat("GET / HTTP/1.1\r\nHost: a\r\n", fields, "\r\n"); }
std::string Chunked(std::string_view body) {
  return Cat("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", body);
}

// Request smuggling and its relatives. Everything here was, somewhere, read in two ways.
std::vector<Case> Cases() {
  const std::string nul(1, '\0');
  return {
      {"plain", Get(""), 0},
      {"one empty line before", "\r\n" + Get(""), 0},
      {"two empty lines before", "\r\n\r\n" + Get(""), 400},
      {"bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
      {"bare LF after a field", "GET / HTTP/1.1\r\nHost: a\n\r\n", 400},
      {"bare LF where a byte too many is cut off", Get("X: ab\n"), 400},
      {"bare LF after a version and a byte", "GET / HTTP/1.1x\nHost: a\r\n\r\n", 400},
      {"bare LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400},
      {"bare CR in a value", Get("X: a\rb\r\n"), 400},
      {"CR CR LF", Get("X: a\r\r\n"), 400},
      {"NUL in a value", Get("X: a" + nul + "b\r\n"), 400},
      {"NUL in a name", Get("X" + nul + ": a\r\n"), 400},
      {"DEL in a value", Get("X: a\x7f\r\n"), 400},
      {"bytes above 127 in a value", Get("X: \xc3\xa9\r\n"), 0},
      {"obs-fold", Get("X: a\r\n b\r\n"), 400},
      {"obs-fold with a tab", Get("X: a\r\n\tb\r\n"), 400},
      {"field begins with a blank", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
      {"space before the colon", Get("Content-Length : 0\r\n"), 400},
      {"tab before the colon", Get("Transfer-Encoding\t: chunked\r\n"), 400},
      {"no colon", Get("Content-Length 5\r\n"), 400},
      {"empty name", Get(": x\r\n"), 400},
      {"name in quotes", Get("\"X\": x\r\n"), 400},
      {"blanks around a value", Get("X: \t a \t\r\n"), 0},
      {"empty value", Get("X:\r\n"), 0},
      {"both lengths", Get("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"both lengths, other order", Get("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400},
      {"two different lengths", Get("Content-Length: 5\r\nContent-Length: 6\r\n"), 400},
      {"the same length twice", Get("Content-Length: 0\r\nContent-Length: 0\r\n"), 400},
      {"list of lengths", Get("Content-Length: 5, 5\r\n"), 400},
      {"length with a sign", Get("Content-Length: +5\r\n"), 400},
      {"negative length", Get("Content-Length: -1\r\n"), 400},
      {"hexadecimal length", Get("Content-Length: 0x5\r\n"), 400},
      {"length with a blank inside", Get("Content-Length: 1 0\r\n"), 400},
      {"empty length", Get("Content-Length:\r\n"), 400},
      {"length beyond 64 bits", Get("Content-Length: 18446744073709551616\r\n"), 400},
      {"length with leading zeros", Get("Content-Length: 00\r\n"), 0},
      {"length above the limit", Get("Content-Length: 1001\r\n"), 413},
      {"chunked twice", Get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"chunked and identity", Get("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), 400},
      {"identity", Get("Transfer-Encoding: identity\r\n"), 501},
      {"gzip, chunked", Get("Transfer-Encoding: gzip, chunked\r\n"), 501},
      {"chunked, identity", Get("Transfer-Encoding: chunked, identity\r\n"), 501},
      {"xchunked", Get("Transfer-Encoding: xchunked\r\n"), 501},
      {"chunked in quotes", Get("Transfer-Encoding: \"chunked\"\r\n"), 501},
      {"chunked with a vertical tab",
       Get("Transfer-Encoding: \x0b"
           "chunked\r\n"),
       400},
      {"Chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n", 0},
      {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"no Host in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", 0},
      {"two Hosts", Get("Host: b\r\n"), 400},
      {"Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"Host with a user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400},
      {"Host with a blank", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
      {"list of Hosts", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 400},
      {"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
      {"two blanks in the request line", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"tab in the request line", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"blank at the line's end", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
      {"blank before the method", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"no version", "GET /\r\nHost: a\r\n\r\n", 400},
      {"HTTP/0.9", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505},
      {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"HTTP/1.9 is read as 1.1", "GET / HTTP/1.9\r\nHost: a\r\n\r\n", 0},
      {"http/1.1", "GET / http/1.1\r\nHost: a\r\n\r\n", 400},
      {"HTTP/1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400},
      {"HTTP/ 1.1", "GET / HTTP/ 1.1\r\nHost: a\r\n\r\n", 400},
      {"unknown method", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"small letters", "get / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"method with a bracket", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"target without a slash", "GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"target with a fragment", "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"target with a control byte", "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"target with a byte above 127", "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"absolute target", "GET http://b/x HTTP/1.1\r\nHost: a\r\n\r\n", 0},
      {"absolute target of another scheme", "GET ftp://b/x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"absolute target with a user", "GET http://u@b/x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"star for OPTIONS", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 0},
      {"star for GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"target of 8192 bytes in a head of 4096", "GET /" + std::string(8192, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n",
       414},
      {"head too large", Get("X: " + std::string(5000, 'x') + "\r\n"), 431},
      {"another expectation", Get("Expect: tea\r\n"), 417},
      {"chunks", Chunked("5\r\nhello\r\n0\r\n\r\n"), 0},
      {"chunk size in capitals and zeros", Chunked("00A\r\n0123456789\r\n0\r\n\r\n"), 0},
      {"chunk extension", Chunked("5;a=b;c=\"d\"\r\nhello\r\n0;z\r\n\r\n"), 0},
      {"trailers", Chunked("0\r\nX: y\r\nZ:\r\n\r\n"), 0},
      {"negative chunk size", Chunked("-1\r\n"), 400},
      {"chunk size with a sign", Chunked("+5\r\nhello\r\n0\r\n\r\n"), 400},
      {"chunk size with 0x", Chunked("0x5\r\nhello\r\n0\r\n\r\n"), 400},
      {"empty chunk size", Chunked("\r\nhello\r\n0\r\n\r\n"), 400},
      {"chunk size is only an extension", Chunked(";a\r\n"), 400},
      {"blank after the chunk size", Chunked("5 \r\nhello\r\n0\r\n\r\n"), 400},
      {"chunk size beyond 64 bits", Chunked("fffffffffffffffff\r\n"), 413},
      {"chunk size of 2^64 - 1", Chunked("ffffffffffffffff\r\n"), 413},
      {"chunk size that wraps to 5", Chunked("10000000000000005\r\nhello\r\n0\r\n\r\n"), 413},
      {"chunks above the limit", Chunked("3e8\r\n" + std::string(1000, 'x') + "\r\n1\r\nx\r\n0\r\n\r\n"), 413},
      {"chunk with bare LF", Chunked("5\nhello\r\n0\r\n\r\n"), 400},
      {"chunk data longer than said", Chunked("4\r\nhello\r\n0\r\n\r\n"), 400},
      {"chunk data shorter than said", Chunked("6\r\nhello\r\n0\r\n\r\n"), 400},
      {"chunk data ends in bare LF", Chunked("5\r\nhello\n0\r\n\r\n"), 400},
      {"last chunk ends in bare LF", Chunked("0\n\r\n"), 400},
      {"chunk extension with a bare CR", Chunked("5;a\rb\r\nhello\r\n0\r\n\r\n"), 400},
      {"chunk extension with a NUL", Chunked("5;a" + nul + "\r\nhello\r\n0\r\n\r\n"), 400},
      {"trailer without a colon", Chunked("0\r\nX\r\n\r\n"), 400},
      {"trailer with a blank first", Chunked("0\r\n X: y\r\n\r\n"), 400},
      {"trailer with bare LF", Chunked("0\r\nX: y\n\r\n"), 400},
      {"endless chunk extension", Chunked("5;" + std::string(kChunkExtrasMax + 1, 'x') + "\r\n"), 431},
      {"endless trailers", Chunked("0\r\nX: " + std::string(kChunkExtrasMax + 1, 'x') + "\r\n"), 431},
  };
}

TEST(HttpCodec, RefusesWhatTwoReadersCouldReadInTwoWays) {
  for (const Case& test : Cases()) {
    const Outcome outcome = InOnePiece(test.bytes);
    EXPECT_EQ(outcome.refused, test.status) << test.why;
    if (test.status == 0) {
      EXPECT_EQ(outcome.messages.size(), 1U) << test.why;
      EXPECT_EQ(outcome.unused, 0U) << test.why;
    }
  }
}

TEST(HttpCodec, CuttingTheInputChangesNothing) {
  for (const Case& test : Cases()) {
    const Outcome whole = InOnePiece(test.bytes);
    EXPECT_EQ(ReadRequests(test.bytes, [] { return std::size_t{1}; }), whole) << test.why;
    // Every way to cut it in two (of the long ones, the first and last stretch).
    for (std::size_t cut = 1; cut < test.bytes.size(); ++cut) {
      if (cut > 300 && cut + 300 < test.bytes.size()) continue;
      bool first = true;
      const auto next = [&] { return std::exchange(first, false) ? cut : test.bytes.size(); };
      ASSERT_EQ(ReadRequests(test.bytes, next), whole) << test.why << ", cut at " << cut;
    }
  }
}

TEST(HttpCodec, RandomDamageIsReadTheSameInOnePieceAndInMany) {
  Random random(11);
  std::vector<Case> cases = Cases();
  std::erase_if(cases, [&random](const Case& test) { return test.status != 0 && random.Below(4) != 0; });
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = cases[random.Below(cases.size())].bytes + cases[random.Below(cases.size())].bytes;
    for (std::uint64_t i = random.Below(3); i > 0; --i) {
      const std::size_t at = random.Below(bytes.size());
      static constexpr std::string_view kTroublesome = "\r\n :;\0\t0a/,x";
      bytes[at] = kTroublesome[random.Below(kTroublesome.size())];
    }
    const Outcome whole = InOnePiece(bytes);
    accepted += whole.refused == 0 ? 1 : 0;
    ASSERT_EQ(ReadRequests(bytes, [&random] { return static_cast<std::size_t>(1 + random.Below(40)); }), whole)
        << bytes;
  }
  EXPECT_GT(accepted, 500);
}

TEST(HttpCodec, ReadsARequest) {
  RequestHead head;
  const std::string text =
      "POST /v2/models/m/infer?a=1&b HTTP/1.1\r\nhOST: x:80\r\nOrigin: http://x\r\nContent-Length: 12\r\n"
      "Connection: Foo, CLOSE\r\nExpect: 100-Continue\r\n\r\n";
  ASSERT_FALSE(ParseRequestHead(text, head));
  EXPECT_EQ(head.method, Method::kPost);
  EXPECT_EQ(head.target, "/v2/models/m/infer?a=1&b");
  EXPECT_EQ(head.path, "/v2/models/m/infer");
  EXPECT_EQ(head.query, "a=1&b");
  EXPECT_EQ(head.host, "x:80");
  EXPECT_EQ(head.origin, "http://x");
  EXPECT_EQ(head.content_length, 12U);
  EXPECT_FALSE(head.keep_alive);
  EXPECT_TRUE(head.expect_continue);
  EXPECT_EQ(FindHeader(head.headers, "HOST"), "x:80");
  EXPECT_EQ(FindHeader(head.headers, "absent"), "");
  // The object is used again for the next request and keeps nothing.
  ASSERT_FALSE(ParseRequestHead("GET / HTTP/1.0\r\n\r\n", head));
  EXPECT_EQ(head.host, "");
  EXPECT_EQ(head.origin, "");
  EXPECT_EQ(head.query, "");
  EXPECT_EQ(head.content_length, 0U);
  EXPECT_FALSE(head.expect_continue);
  EXPECT_TRUE(head.headers.empty());
}

TEST(HttpCodec, TheAuthorityOfAnAbsoluteTargetReplacesHost) {
  RequestHead head;
  ASSERT_FALSE(ParseRequestHead("GET http://evil.example:81/x?y HTTP/1.1\r\nHost: localhost\r\n\r\n", head));
  EXPECT_EQ(head.host, "evil.example:81");
  EXPECT_EQ(head.path, "/x");
}

TEST(HttpCodec, RefusesTooManyHeaders) {
  std::string fields;
  for (int i = 0; i < 99; ++i) CatTo(fields, "A", i, ": b\r\n");
  RequestHead head;
  EXPECT_FALSE(ParseRequestHead(Get(fields), head));
  const auto refusal = ParseRequestHead(Get(fields + "One: more\r\n"), head);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->status, 431);
}

TEST(HttpCodec, ReadsAnswers) {
  struct Answer {
    std::string text;
    Method to;
    int status;  // 0: refused
    Framing framing;
    std::uint64_t length;
    bool keep_alive;
  };
  const std::vector<Answer> answers = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", Method::kGet, 200, Framing::kLength, 3, true},
      {"HTTP/1.1 200\r\nContent-Length: 3\r\n\r\n", Method::kGet, 200, Framing::kLength, 3, true},
      {"HTTP/1.1 404 Not Found At All\r\nTransfer-Encoding: chunked\r\n\r\n", Method::kGet, 404, Framing::kChunked, 0,
       true},
      {"HTTP/1.1 200 OK\r\n\r\n", Method::kGet, 200, Framing::kUntilClose, 0, false},
      {"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n", Method::kGet, 200, Framing::kLength, 3, false},
      {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n", Method::kGet, 200, Framing::kLength, 3,
       false},
      {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", Method::kHead, 200, Framing::kLength, 0, true},
      {"HTTP/1.1 204 No Content\r\n\r\n", Method::kGet, 204, Framing::kLength, 0, true},
      {"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", Method::kGet, 304, Framing::kLength, 0, true},
      {"HTTP/1.1 100 Continue\r\n\r\n", Method::kGet, 100, Framing::kLength, 0, true},
      {"HTTP/1.1 2x0 OK\r\n\r\n", Method::kGet, 0, Framing::kLength, 0, false},
      {"HTTP/1.1 099 OK\r\n\r\n", Method::kGet, 0, Framing::kLength, 0, false},
      {"HTTP/1.1  200 OK\r\n\r\n", Method::kGet, 0, Framing::kLength, 0, false},
      {"ICY 200 OK\r\n\r\n", Method::kGet, 0, Framing::kLength, 0, false},
      {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", Method::kGet, 0, Framing::kLength, 0,
       false},
      {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", Method::kGet, 0, Framing::kLength,
       0, false},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", Method::kGet, 0, Framing::kLength, 0, false},
  };
  for (const Answer& answer : answers) {
    ResponseHead head;
    const bool accepted = !ParseResponseHead(answer.text, answer.to, head);
    EXPECT_EQ(accepted, answer.status != 0) << answer.text;
    if (!accepted) continue;
    EXPECT_EQ(head.status, answer.status) << answer.text;
    EXPECT_EQ(head.framing, answer.framing) << answer.text;
    EXPECT_EQ(head.content_length, answer.length) << answer.text;
    EXPECT_EQ(head.keep_alive, answer.keep_alive) << answer.text;
  }
}

TEST(HttpCodec, ABodyUntilTheConnectionClosesIsBounded) {
  BodyDecoder decoder(Framing::kUntilClose, 0, 10);
  EXPECT_EQ(decoder.Next("12345").data, "12345");
  EXPECT_TRUE(decoder.FinishAtClose());
  EXPECT_EQ(decoder.Next("123456").consumed, 0U);
  EXPECT_EQ(decoder.refusal().status, 413);
  BodyDecoder cut_off(Framing::kLength, 5, 10);
  cut_off.Next("123");
  EXPECT_FALSE(cut_off.FinishAtClose());
}

TEST(HttpCodec, KnowsHowManyBytesAheadAreData) {
  BodyDecoder plain(Framing::kLength, 5, 10);
  EXPECT_EQ(plain.DataAhead(), 5U);
  plain.Next("12");
  EXPECT_EQ(plain.DataAhead(), 3U);
  plain.Next("345");
  EXPECT_EQ(plain.DataAhead(), 0U);
  BodyDecoder chunked(Framing::kChunked, 0, 100);
  EXPECT_EQ(chunked.DataAhead(), 0U);
  chunked.Next("1");
  EXPECT_EQ(chunked.DataAhead(), 0U);
  chunked.Next("0\r\n");
  EXPECT_EQ(chunked.DataAhead(), 16U);
  chunked.Next("0123456789abcdef");
  EXPECT_EQ(chunked.DataAhead(), 0U);
  EXPECT_EQ(BodyDecoder(Framing::kUntilClose, 0, 10).DataAhead(), 0U);
  EXPECT_EQ(BodyDecoder(Framing::kLength, 11, 10).DataAhead(), 0U) << "refused";
}

TEST(HttpCodec, WritesWhatCannotBeMisread) {
  std::string out;
  AppendStatusLine(out, 404);
  AppendHeader(out, "X", "a\r\nSet-Cookie: b");
  AppendChunk(out, "");
  AppendChunk(out, std::string(26, 'z'));
  EXPECT_EQ(out, "HTTP/1.1 404 Not Found\r\nX: a  Set-Cookie: b\r\n1a\r\nzzzzzzzzzzzzzzzzzzzzzzzzzz\r\n");
  // RFC 9110's own example.
  EXPECT_EQ(FormatHttpDate(FromMicros(784'111'777'000'000)), "Sun, 06 Nov 1994 08:49:37 GMT");
}

}  // namespace
}  // namespace mw::net
