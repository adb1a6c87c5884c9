// A reader of text format by descent; depth and number of fields are bounded.
#include "serving/text_format.h"

#include <algorithm>
#include <utility>

#include "base/hex.h"
#include "base/text.h"

namespace mw::serving {
namespace {

bool IsIdentifier(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  /// Fields up to `close`, which is taken too; '\0': up to the end.
  Status ReadFields(char close, int depth, TextField& into) {
    if (depth > kTextFormatDepthMax) return Wrong(Cat("messages lie deeper than ", kTextFormatDepthMax));
    while (true) {
      SkipSpace();
      if (AtEnd()) return close == '\0' ? Ok() : Wrong(Cat("'", close, "' is missing at the end"));
      if (close != '\0' && Take(close)) return Ok();
      TRY(ReadField(depth, into));
      SkipSpace();
      if (!Take(',')) Take(';');
    }
  }

 private:
  [[nodiscard]] bool AtEnd() const { return at_ >= text_.size(); }
  [[nodiscard]] char Peek() const { return AtEnd() ? '\0' : text_[at_]; }
  bool Take(char c) {
    if (AtEnd() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  [[nodiscard]] Error Wrong(const std::string& what) const {
    const auto line = 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n');
    return InvalidArgument("line ", line, ": ", what);
  }

  void SkipSpace() {
    while (!AtEnd()) {
      const char c = text_[at_];
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f') {
        ++at_;
      } else {
        return;
      }
    }
  }

  Status ReadField(int depth, TextField& into) {
    const std::size_t begin = at_;
    while (IsIdentifier(Peek())) ++at_;
    const std::string name(text_.substr(begin, at_ - begin));
    if (name.empty() || name.size() > 256) return Wrong("a field's name is expected here");
    SkipSpace();
    const bool colon = Take(':');
    SkipSpace();
    if (Take('[')) return ReadList(name, depth, into);
    if (Peek() != '{' && Peek() != '<' && !colon) return Wrong(Cat("':' or '{' is expected behind ", name));
    return ReadValue(name, depth, into);
  }

  Status ReadList(const std::string& name, int depth, TextField& into) {
    SkipSpace();
    if (Take(']')) return Ok();
    while (true) {
      TRY(ReadValue(name, depth, into));
      SkipSpace();
      if (Take(']')) return Ok();
      if (!Take(',')) return Wrong("',' or ']' is expected here");
      SkipSpace();
    }
  }

  Status ReadValue(const std::string& name, int depth, TextField& into) {
    if (++fields_ > kTextFormatFieldsMax) return Wrong(Cat("more than ", kTextFormatFieldsMax, " fields"));
    TextField field{.name = name};
    if (Take('{')) {
      field.is_message = true;
      TRY(ReadFields('}', depth + 1, field));
    } else if (Take('<')) {
      field.is_message = true;
      TRY(ReadFields('>', depth + 1, field));
    } else if (Peek() == '"' || Peek() == '\'') {
      field.is_text = true;
      TRY(ReadTexts(field.value));
    } else {
      TRY(ReadWord(field.value));
    }
    into.fields.push_back(std::move(field));
    return Ok();
  }

  /// A number or an enumerator.
  Status ReadWord(std::string& out) {
    const std::size_t begin = at_;
    Take('-');
    while (IsIdentifier(Peek()) || Peek() == '.' || Peek() == '+' || Peek() == '-') ++at_;
    if (at_ == begin) return Wrong("a value is expected here");
    out = text_.substr(begin, at_ - begin);
    return Ok();
  }

  /// Texts side by side are one.
  Status ReadTexts(std::string& out) {
    while (Peek() == '"' || Peek() == '\'') {
      TRY(ReadText(out));
      SkipSpace();
    }
    return Ok();
  }

  Status ReadText(std::string& out) {
    const char quote = text_[at_++];
    while (true) {
      if (AtEnd() || Peek() == '\n') return Wrong("a text has no closing quote");
      const char c = text_[at_++];
      if (c == quote) return Ok();
      if (c != '\\') {
        out += c;
      } else {
        TRY(ReadEscape(out));
      }
    }
  }

  Status ReadEscape(std::string& out) {
    constexpr std::string_view kLetters = "abfnrtv\\'\"?";
    constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\'\"?";
    const char c = Peek();
    if (const std::size_t letter = kLetters.find(c); c != '\0' && letter != std::string_view::npos) {
      ++at_;
      out += kMeanings[letter];
      return Ok();
    }
    if (c == 'x' || c == 'X') {
      ++at_;
      return ReadNumber(16, 2, out);
    }
    return ReadNumber(8, 3, out);
  }

  Status ReadNumber(int base, int digits_max, std::string& out) {
    int value = 0;
    int digits = 0;
    for (; digits < digits_max; ++digits, ++at_) {
      const int digit = HexValue(Peek());
      if (digit < 0 || digit >= base) break;
      value = value * base + digit;
    }
    if (digits == 0 || value > 255) return Wrong("a text holds an escape that is none");
    out += static_cast<char>(value);
    return Ok();
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t fields_ = 0;
};

}  // namespace

const TextField* TextField::Find(std::string_view field) const {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const TextField& f) { return f.name == field; });
  return found == fields.end() ? nullptr : &*found;
}

Result<TextField> ParseTextFormat(std::string_view text) {
  if (text.size() > kTextFormatBytesMax) {
    return InvalidArgument(text.size(), " bytes of text format, at most ", kTextFormatBytesMax);
  }
  TextField root{.name = "", .is_message = true};
  TRY(Reader(text).ReadFields('\0', 0, root));
  return root;
}

}  // namespace mw::serving
