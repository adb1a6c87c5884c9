// Tokens as sqlparse divides them, MLflow's tokeniser, for the part of SQL that filters use. Bytes from 0x80 on belong
// to words, except blanks of Unicode.
#include "search/scanner.h"

namespace mw::search {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsWordByte(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool IsQuote(char c) { return c == '\'' || c == '"' || c == '`'; }

bool IsOneOf(char c, std::string_view set) { return set.find(c) != kNone; }

// The bytes of the blank at `at`; 0 when there is none.
std::size_t BlankLength(std::string_view text, std::size_t at) {
  const char c = text[at];
  if (c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f)) return 1;
  if (static_cast<unsigned char>(c) < 0xc2) return 0;
  const std::string_view rest = text.substr(at, 3);
  if (rest.starts_with("\xc2\x85") || rest.starts_with("\xc2\xa0")) return 2;
  if (rest == "\xe1\x9a\x80" || rest == "\xe2\x81\x9f" || rest == "\xe3\x80\x80") return 3;
  if (!rest.starts_with("\xe2\x80") || rest.size() < 3) return 0;
  const auto last = static_cast<unsigned char>(rest[2]);
  return last <= 0x8a || last == 0xa8 || last == 0xa9 || last == 0xaf ? 3 : 0;
}

std::size_t SkipBlanks(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    const std::size_t blank = BlankLength(text, at);
    if (blank == 0) break;
    at += blank;
  }
  return at;
}

std::size_t WordEnd(std::string_view text, std::size_t at) {
  while (at < text.size() && IsWordByte(text[at]) && BlankLength(text, at) == 0) ++at;
  return at;
}

std::size_t DigitsEnd(std::string_view text, std::size_t at) {
  while (at < text.size() && IsDigit(text[at])) ++at;
  return at;
}

// Behind an exponent at `at`, or `at` when there is none.
std::size_t ExponentEnd(std::string_view text, std::size_t at) {
  if (at >= text.size() || (text[at] != 'e' && text[at] != 'E')) return at;
  std::size_t digits = at + 1;
  if (digits < text.size() && IsOneOf(text[digits], "+-")) ++digits;
  const std::size_t end = DigitsEnd(text, digits);
  return end == digits ? at : end;
}

// Behind the number at `at`; kNone when it is none, or goes on as a word: only an exponent ends by itself.
std::size_t NumberEnd(std::string_view text, std::size_t at) {
  if (IsOneOf(text[at], "+-")) ++at;
  std::size_t end = DigitsEnd(text, at);
  std::size_t digits = end - at;
  if (end < text.size() && text[end] == '.') {
    const std::size_t fraction = DigitsEnd(text, end + 1);
    digits += fraction - end - 1;
    end = fraction;
  }
  if (digits == 0) return kNone;
  const std::size_t exponent = ExponentEnd(text, end);
  return exponent != end || WordEnd(text, end) == end ? exponent : kNone;
}

// Behind the quote that ends what the one at `at` begins. A quote doubled, or behind a backslash, does not end it,
// unless no other does: 'C:\' is three characters.
std::size_t QuotedEnd(std::string_view text, std::size_t at) {
  const char quote = text[at];
  const bool escapes = quote != '`';
  std::size_t passed = kNone;
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    const bool pair = i + 1 < text.size() && text[i + 1] == quote;
    if (text[i] == quote && !pair) return i + 1;
    if (pair && (text[i] == quote || (escapes && text[i] == '\\'))) {
      passed = text[i] == quote ? i : i + 1;
      ++i;
    }
  }
  return passed == kNone ? kNone : passed + 1;
}

std::size_t ListEnd(std::string_view text, std::size_t at) {
  std::size_t depth = 0;
  for (std::size_t i = at; i < text.size(); ++i) {
    if (IsQuote(text[i])) {
      i = QuotedEnd(text, i);
      if (i == kNone) return kNone;
      --i;
    }
    if (text[i] == '(') ++depth;
    if (text[i] == ')' && --depth == 0) return i + 1;
  }
  return kNone;
}

// Behind [3] or [loss] at `at`, as many as there are.
std::size_t SubscriptsEnd(std::string_view text, std::size_t at) {
  while (at < text.size() && text[at] == '[') {
    const std::size_t end = WordEnd(text, at + 1);
    if (end == at + 1 || end >= text.size() || text[end] != ']') break;
    at = end + 1;
  }
  return at;
}

// Behind the word or the quoted part of a name at `at`: `at` when neither begins there, kNone when a quote does not
// end.
std::size_t PartEnd(std::string_view text, std::size_t at, bool behind_dot) {
  if (at >= text.size()) return at;
  if (text[at] == '`' || text[at] == '"' || (behind_dot && text[at] == '\'')) return QuotedEnd(text, at);
  const std::size_t end = WordEnd(text, at);
  return end == at ? at : SubscriptsEnd(text, end);
}

std::size_t RunEnd(std::string_view text, std::size_t at, std::string_view set) {
  while (at < text.size() && IsOneOf(text[at], set)) ++at;
  return at;
}

}  // namespace

Token Scanner::Take(TokenKind kind, std::size_t end) {
  const std::size_t start = at_;
  at_ = end == kNone ? text_.size() : end;
  return {end == kNone ? TokenKind::kBroken : kind, text_.substr(start, at_ - start)};
}

Token Scanner::Name(std::size_t start) {
  std::size_t end = PartEnd(text_, start, false);
  TokenKind kind = IsQuote(text_[start]) ? TokenKind::kName : TokenKind::kWord;
  while (end < text_.size() && text_[end] == '.') {
    kind = TokenKind::kName;
    end = PartEnd(text_, end + 1, true);
  }
  return Take(kind, end);
}

Token Scanner::Next() {
  at_ = SkipBlanks(text_, at_);
  if (at_ == text_.size()) return {};
  const char c = text_[at_];
  if (const std::size_t end = NumberEnd(text_, at_); end != kNone) return Take(TokenKind::kNumber, end);
  if (c == '\'') return Take(TokenKind::kText, QuotedEnd(text_, at_));
  if (IsWordByte(c) || IsQuote(c)) return Name(at_);
  if (c == '(') return Take(TokenKind::kList, ListEnd(text_, at_));
  if (c == ';') return Take(TokenKind::kSemicolon, at_ + 1);
  if (Rest().starts_with("--") || Rest().starts_with("/*")) return Take(TokenKind::kBroken, text_.size());
  constexpr std::string_view kComparators = "<>=!~";
  constexpr std::string_view kOperators = "+-*/@#%^&|";
  if (IsOneOf(c, kComparators)) return Take(TokenKind::kComparator, RunEnd(text_, at_, kComparators));
  if (IsOneOf(c, kOperators)) return Take(TokenKind::kOperator, RunEnd(text_, at_, kOperators));
  return Take(TokenKind::kOther, at_ + 1);
}

std::string_view Span(std::string_view first, std::string_view last) {
  return {first.data(), static_cast<std::size_t>(last.data() + last.size() - first.data())};
}

}  // namespace mw::search
