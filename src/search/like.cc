// Greedy matching that returns to the latest % only: what an earlier one could take more of, the latest could take too.
#include "search/like.h"

#include <cstddef>

namespace mw::search {
namespace {

char Folded(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

struct Exact {
  static bool Same(char a, char b) { return a == b; }
};
struct AnyCase {
  static bool Same(char a, char b) { return Folded(a) == Folded(b); }
};

// Behind the character at `at`; a byte that begins none is one by itself.
std::size_t CharacterEnd(std::string_view text, std::size_t at) {
  if (static_cast<unsigned char>(text[at++]) < 0xc0) return at;
  while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) ++at;
  return at;
}

template <typename Letters>
bool Matches(std::string_view text, std::string_view pattern) {
  constexpr std::size_t kNone = std::string_view::npos;
  std::size_t t = 0;
  std::size_t p = 0;
  std::size_t percent = kNone;  // the latest % in the pattern
  std::size_t taken = 0;        // the end of what it stands for
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '%') {
      percent = p++;
      taken = t;
    } else if (p < pattern.size() && pattern[p] == '_') {
      ++p;
      t = CharacterEnd(text, t);
    } else if (p < pattern.size() && Letters::Same(pattern[p], text[t])) {
      ++p;
      ++t;
    } else if (percent != kNone) {
      taken = CharacterEnd(text, taken);
      t = taken;
      p = percent + 1;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('%', p) == kNone;
}

}  // namespace

bool MatchesLike(std::string_view text, std::string_view pattern) { return Matches<Exact>(text, pattern); }

bool MatchesILike(std::string_view text, std::string_view pattern) { return Matches<AnyCase>(text, pattern); }

std::string EscapedPattern(std::string_view pattern) {
  std::string escaped;
  for (const char c : pattern) {
    if (c == '\\') escaped += c;
    escaped += c;
  }
  return escaped;
}

}  // namespace mw::search
