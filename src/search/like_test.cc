// Patterns against a second writing of their rules, and by hand.
#include "search/like.h"

#include <gtest/gtest.h>

#include <string>

#include "base/random.h"

namespace mw::search {
namespace {

TEST(LikeTest, ByHand) {
  EXPECT_TRUE(MatchesLike("", ""));
  EXPECT_TRUE(MatchesLike("", "%%"));
  EXPECT_FALSE(MatchesLike("", "_"));
  EXPECT_TRUE(MatchesLike("late-departures", "late%"));
  EXPECT_TRUE(MatchesLike("late-departures", "%depart%"));
  EXPECT_FALSE(MatchesLike("late-departures", "depart%"));
  EXPECT_TRUE(MatchesLike("a\nb", "a%b"));
  EXPECT_TRUE(MatchesLike("a\nb", "a_b"));
  EXPECT_FALSE(MatchesLike("Late", "late"));
  EXPECT_TRUE(MatchesILike("Late", "lATE"));
  EXPECT_TRUE(MatchesLike("100%", "100%"));
  EXPECT_TRUE(MatchesLike("a\\%", "a\\%"));
  EXPECT_TRUE(MatchesLike("aab", "%ab"));
  EXPECT_FALSE(MatchesLike("abc", "ab"));
}

TEST(LikeTest, OneCharacterIsACodePoint) {
  EXPECT_TRUE(MatchesLike("für", "f_r"));
  EXPECT_FALSE(MatchesLike("für", "f__r"));
  EXPECT_TRUE(MatchesLike("日本", "__"));
  EXPECT_TRUE(MatchesLike("xé", "%_"));
  EXPECT_FALSE(MatchesLike("é", "%__"));
  EXPECT_FALSE(MatchesILike("É", "é"));
}

bool Plain(std::string_view text, std::string_view pattern) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '%') {
    return Plain(text, pattern.substr(1)) || (!text.empty() && Plain(text.substr(1), pattern));
  }
  if (text.empty() || (pattern[0] != '_' && pattern[0] != text[0])) return false;
  return Plain(text.substr(1), pattern.substr(1));
}

std::string Letters(Random& random, std::string_view alphabet, std::uint64_t longest) {
  std::string out;
  for (std::uint64_t n = random.Below(longest + 1); n > 0; --n) out.push_back(alphabet[random.Below(alphabet.size())]);
  return out;
}

TEST(LikeTest, AsTheRulesSay) {
  Random random(7);
  int matches = 0;
  for (int i = 0; i < 50'000; ++i) {
    const std::string text = Letters(random, "ab", 8);
    const std::string pattern = Letters(random, "ab_%", 6);
    const bool expected = Plain(text, pattern);
    matches += expected ? 1 : 0;
    ASSERT_EQ(MatchesLike(text, pattern), expected) << text << " LIKE " << pattern;
  }
  EXPECT_GT(matches, 1000);
}

}  // namespace
}  // namespace mw::search
