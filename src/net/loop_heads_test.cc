// Remembered heads against parsed ones.
#include "net/loop_heads.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/text.h"

namespace mw::net {
namespace {

constexpr std::size_t kLimit = 600;

std::string Described(const RequestHead& head) {
  std::string text = Cat(MethodName(head.method), '|', head.target, '|', head.path, '|', head.query, '|', head.host,
                         '|', head.origin, '|', head.minor_version, head.keep_alive, head.expect_continue, '|',
                         static_cast<int>(head.framing), '|', head.content_length);
  for (const HeaderView& header : head.headers) CatTo(text, '\n', header.name, ':', header.value);
  for (const std::string_view value : head.known) CatTo(text, '\n', value);
  return text;
}

/// What stands at the front of `text`, read without any memory; empty when that is no whole head.
std::string Parsed(std::string_view text) {
  HeadScanner scanner(kLimit);
  if (scanner.Scan(text) != Progress::kDone) return {};
  RequestHead head;
  if (ParseRequestHead(text.substr(0, scanner.size()), head)) return {};
  return Cat(scanner.size(), ' ', Described(head));
}

TEST(HeadMemoryTest, KnowsAHeadWhateverItsLengthIs) {
  HeadMemory memory(kLimit);
  const std::string head = "POST /infer?a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 385\r\nAccept: x\r\n\r\n";
  EXPECT_EQ(memory.Find(3, head).head, nullptr);
  const RequestHead* parsed = nullptr;
  ASSERT_FALSE(memory.Parse(3, head, parsed));
  EXPECT_EQ(parsed->content_length, 385U);
  EXPECT_EQ(memory.Find(2, head).head, nullptr);  // another place
  const std::string longer =
      "POST /infer?a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 12345\r\nAccept: x\r\n\r\nbody";
  const HeadMemory::Found found = memory.Find(3, longer);
  ASSERT_NE(found.head, nullptr);
  EXPECT_EQ(found.size, longer.size() - 4);
  EXPECT_EQ(found.head->content_length, 12345U);
  EXPECT_EQ(found.head->known[static_cast<std::size_t>(KnownHeader::kAccept)], "x");
  EXPECT_EQ(Cat(found.size, ' ', Described(*found.head)), Parsed(longer));
  // What was refused is not remembered.
  EXPECT_TRUE(memory.Parse(3, "GET / HTTP/3.0\r\n\r\n", parsed));
  EXPECT_EQ(memory.Find(3, head).head, nullptr);
}

TEST(HeadMemoryTest, FindsWhatParsingGives) {
  Random random(41);
  HeadMemory memory(kLimit);
  const std::vector<std::string> lines = {"Host: localhost",
                                          "Content-Length: 12",
                                          "content-length:  7 ",
                                          "Accept: */*",
                                          "traceparent: 00-1-2-01",
                                          "Connection: close",
                                          "Expect: 100-continue",
                                          "Transfer-Encoding: chunked",
                                          "X: " + std::string(500, 'x'),
                                          "Content-Type: application/json",
                                          "Origin: http://localhost"};
  std::string text;
  int known = 0;
  for (int round = 0; round < 50'000; ++round) {
    if (round % 20 == 0) {
      text = random.Below(10) == 0 ? "\r\n" : "";
      text += random.Below(2) == 0 ? "POST /a?b HTTP/1.1\r\nHost: h\r\n" : "GET / HTTP/1.0\r\n";
      for (std::uint64_t count = random.Below(5); count > 0; --count)
        text += lines[random.Below(lines.size())] + "\r\n";
      text += "\r\nbody";
    }
    std::string changed = text;
    if (const std::size_t digits = text.find("Content-Length: 12"); digits != std::string::npos) {
      changed.replace(digits + 16, 2, Cat(random.Next() >> random.Below(64)));
    }
    if (random.Below(3) == 0) changed[random.Below(changed.size())] = static_cast<char>(random.Below(256));
    if (random.Below(5) == 0) changed.resize(random.Below(changed.size() + 1));
    const std::string expected = Parsed(changed);
    const std::size_t place = random.Below(2);
    if (const HeadMemory::Found found = memory.Find(place, changed); found.head != nullptr) {
      ASSERT_EQ(Cat(found.size, ' ', Described(*found.head)), expected) << changed;
      ++known;
    } else if (!expected.empty()) {
      HeadScanner scanner(kLimit);
      scanner.Scan(changed);
      const RequestHead* parsed = nullptr;
      ASSERT_FALSE(memory.Parse(place, std::string_view(changed).substr(0, scanner.size()), parsed));
      ASSERT_EQ(Cat(scanner.size(), ' ', Described(*parsed)), expected) << changed;
    }
  }
  EXPECT_GT(known, 10'000);
}

}  // namespace
}  // namespace mw::net
