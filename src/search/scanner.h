// The tokens of a filter or an order: names with all their dotted parts, numbers, quoted text, lists, comparators.
// Owned by the parser that reads it; a copy is a look ahead. It allocates nothing: tokens are views into the text, and
// reading all of it costs time in proportion to its length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mw::search {

enum class TokenKind : std::uint8_t {
  kEnd,
  kWord,        ///< a bare word without a dot, which may be AND, IN, LIKE ...
  kName,        ///< a name that is no such word: quoted by ` or ", or dotted
  kNumber,      ///< 1, -2.5, .5, 1e-3
  kText,        ///< in single quotes
  kList,        ///< from ( to the ) that belongs to it
  kComparator,  ///< a run of < > = ! ~
  kOperator,    ///< a run of arithmetic signs
  kSemicolon,
  kOther,   ///< one character that starts nothing
  kBroken,  ///< all the rest, after a quote or parenthesis that nothing ends, or as a comment
};

/// The text is as written, quotes and parentheses included.
struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text;
};

class Scanner {
 public:
  /// `text` outlives the scanner and its tokens.
  explicit Scanner(std::string_view text) : text_(text) {}

  Token Next();
  [[nodiscard]] Token Peek() const {
    Scanner ahead = *this;
    return ahead.Next();
  }
  /// What has not been read.
  [[nodiscard]] std::string_view Rest() const { return text_.substr(at_); }

 private:
  Token Take(TokenKind kind, std::size_t end);
  Token Name(std::size_t start);

  std::string_view text_;
  std::size_t at_ = 0;
};

/// From the first byte of `first` to the last of `last`, views into one text.
std::string_view Span(std::string_view first, std::string_view last);

}  // namespace mw::search
