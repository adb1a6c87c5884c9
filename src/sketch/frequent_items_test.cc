// Counts of texts against exact counts.
#include "sketch/frequent_items.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

#include "base/random.h"
#include "base/text.h"

namespace mw::sketch {
namespace {

using Exact = std::map<std::string, std::uint64_t>;

std::string BytesOf(const FrequentItems& items) {
  ByteWriter out;
  items.Write(out);
  return out.Take();
}

// Zipf-like: a few texts are frequent, most occur once or twice.
std::vector<std::string> Texts(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < count; ++i)
    texts.push_back(Cat("t", static_cast<long>(std::exp(11.5 * random.Uniform()))));
  return texts;
}

Exact ExactOf(const std::vector<std::string>& texts) {
  Exact exact;
  for (const std::string& text : texts) ++exact[text];
  return exact;
}

void ExpectWithinBounds(const FrequentItems& items, const Exact& exact, std::uint64_t total) {
  EXPECT_EQ(items.total(), total);
  EXPECT_LE(items.size(), items.capacity());
  EXPECT_LE(static_cast<double>(items.error()),
            2.0 / static_cast<double>(items.capacity()) * static_cast<double>(total));
  for (const auto& [text, count] : exact) {
    EXPECT_LE(items.CountOf(text), count) << text;
    EXPECT_GE(items.CountOf(text) + items.error(), count) << text;
  }
}

TEST(FrequentItems, IsExactUntilItsCapacity) {
  FrequentItems items;
  for (int round = 1; round <= 3; ++round) {
    for (int i = 0; i < 4096; ++i)
      EXPECT_EQ(items.Add(Cat("value ", i), static_cast<std::uint64_t>(i)), round == 1 && i > 0);
  }
  EXPECT_TRUE(items.exact());
  EXPECT_EQ(items.size(), 4095U);  // a count of 0 counts nothing
  EXPECT_EQ(items.CountOf("value 4000"), 12'000U);
  EXPECT_EQ(items.CountOf("value 5000"), 0U);
  EXPECT_EQ(items.Top(2)[0].text, "value 4095");
}

TEST(FrequentItems, KeepsItsBoundsOver200Seeds) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const std::vector<std::string> texts = Texts(4'000, seed);
    FrequentItems items(64 << seed % 4);
    for (const std::string& text : texts) items.Add(text);
    ExpectWithinBounds(items, ExactOf(texts), texts.size());
  }
}

TEST(FrequentItems, KeepsItsBoundsWhenMergedFromAnySplit) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const std::vector<std::string> texts = Texts(4'000, seed);
    const std::size_t parts = 2 + seed % 11;
    FrequentItems merged(256);
    for (std::size_t part = 0; part < parts; ++part) {
      FrequentItems items(part == 3 ? 128 : 256);
      for (std::size_t i = part; i < texts.size(); i += parts) items.Add(texts[i]);
      merged.Merge(items);
    }
    ExpectWithinBounds(merged, ExactOf(texts), texts.size());
  }
}

TEST(FrequentItems, MergingWhatWasReadGivesTheSameBytes) {
  FrequentItems a(256), b(256);
  for (const std::string& text : Texts(2'000, 1)) a.Add(text);
  for (const std::string& text : Texts(2'000, 2)) b.Add(text);
  const std::string bytes = BytesOf(b);
  ByteReader in(bytes);
  FrequentItems merged = a;
  merged.Merge(b);
  a.Merge(*FrequentItems::Read(in));
  EXPECT_FALSE(a.exact());
  EXPECT_EQ(BytesOf(a), BytesOf(merged));
}

TEST(FrequentItems, FindsTheTopAmongManyRare) {
  FrequentItems items;
  Random random(1);
  for (int i = 0; i < 400'000; ++i) {
    items.Add(Cat("rare ", i));
    if (i % 10 == 0) items.Add(Cat("top ", i / 10 % 20));
  }
  std::size_t found = 0;
  for (const FrequentItems::Item& item : items.Top(20)) found += item.text.starts_with("top ") ? 1 : 0;
  EXPECT_EQ(found, 20U);
}

TEST(FrequentItems, WhileExactOrderAndSplitsChangeNoByte) {
  const std::vector<std::string> texts = Texts(3'000, 5);
  FrequentItems forward, backward, merged;
  for (const std::string& text : texts) forward.Add(text);
  for (std::size_t i = texts.size(); i-- > 0;) backward.Add(texts[i]);
  for (std::size_t part = 0; part < 5; ++part) {
    FrequentItems items;
    for (std::size_t i = part; i < texts.size(); i += 5) items.Add(texts[i]);
    merged.Merge(items);
  }
  EXPECT_TRUE(forward.exact());
  EXPECT_EQ(BytesOf(forward), BytesOf(backward));
  EXPECT_EQ(BytesOf(forward), BytesOf(merged));
}

TEST(FrequentItems, KnowsLongTextsByTheirBeginningAndAHash) {
  const std::string a = std::string(1 << 20, 'x') + "a", b = std::string(1 << 20, 'x') + "b";
  FrequentItems items;
  items.Add(a);
  items.Add(b, 2);
  items.Add(a);
  EXPECT_EQ(items.size(), 2U);
  EXPECT_EQ(items.CountOf(a), 2U);
  EXPECT_LE(items.Top(1)[0].text.size(), FrequentItems::kTextBytesMax);
  EXPECT_TRUE(IsUtf8(CountedText(std::string(109, 'x') + "\xf0\x9f\x98\x80" + std::string(100, 'y'))));
  EXPECT_EQ(CountedText(std::string(FrequentItems::kTextBytesMax, 'x')).size(), FrequentItems::kTextBytesMax);
}

TEST(FrequentItems, KeepsBytesOfEveryKindApart) {
  const std::vector<std::string> texts = {
      "",  std::string(1, '\0'),  "\xff\xfe", "\u00e9",   "e\u0301",  "\U0001f600", "\u202eright", " ", "a",
      "A", "'; DROP TABLE x; --", "=1+1",     "<script>", "{x=\"y\"}"};
  FrequentItems items;
  for (const std::string& text : texts) items.Add(text);
  EXPECT_EQ(items.size(), texts.size());
  for (const std::string& text : texts) EXPECT_EQ(items.CountOf(text), 1U);
}

TEST(FrequentItems, ReadsItsBytes) {
  FrequentItems items(512);
  for (const std::string& text : Texts(9'000, 8)) items.Add(text);
  const std::string bytes = BytesOf(items);
  ByteReader in(bytes);
  const auto read = FrequentItems::Read(in);
  ASSERT_TRUE(read.ok() && in.CheckEnd().ok());
  EXPECT_EQ(BytesOf(*read), bytes);
  for (std::size_t size = 0; size < bytes.size(); size += 97) {
    ByteReader cut(std::string_view(bytes).substr(0, size));
    EXPECT_EQ(FrequentItems::Read(cut).error().code, Code::kDataLoss);
  }
}

}  // namespace
}  // namespace mw::sketch
