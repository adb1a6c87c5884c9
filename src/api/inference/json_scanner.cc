// The scanner. Numbers with at most 19 digits go Clinger's way (an exact integer and one exact power of
// ten); all others go through std::from_chars, which rounds correctly. Plain numbers, which have no exponent, are
// read eight digits at a time when enough text follows to load it whole.
#include "api/inference/json_scanner.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>

namespace mw::api::inference {
namespace {

constexpr std::array<double, 23> kPowersOfTen = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                                 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr std::uint64_t kExactIntegers = std::uint64_t{1} << 53;

/// What ReadPlain may look at: sign, 19 digits and the point, two words.
constexpr std::ptrdiff_t kPlainReach = 40;

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool IsDigit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

/// High bits set from the first byte that is a quote, a backslash or a control character; exact for the
/// lowest one set, which is the first in memory on a little-endian machine.
std::uint64_t Specials(std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101010101010101U;
  constexpr std::uint64_t kHigh = 0x8080808080808080U;
  const auto has_zero = [](std::uint64_t w) { return (w - kOnes) & ~w & kHigh; };
  const std::uint64_t control = (word - kOnes * 0x20) & ~word & kHigh;
  return has_zero(word ^ (kOnes * '"')) | has_zero(word ^ (kOnes * '\\')) | control;
}

/// The first quote, backslash or control character, or `end`.
const char* FindSpecial(const char* at, const char* end) {
  for (; end - at >= 8; at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, 8);
    if (const std::uint64_t specials = Specials(word); specials != 0) return at + std::countr_zero(specials) / 8;
  }
  while (at < end && *at != '"' && *at != '\\' && static_cast<unsigned char>(*at) >= 0x20) ++at;
  return at;
}

/// Eight bytes of text, digits as 0 to 9.
std::uint64_t LoadDigits(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, 8);
  return word ^ 0x3030303030303030U;
}

/// How many of them are digits before the first that is none.
int CountDigits(std::uint64_t word) {
  const std::uint64_t others = ((word + 0x7676767676767676U) | word) & 0x8080808080808080U;
  return others == 0 ? 8 : std::countr_zero(others) / 8;
}

/// The first `count` of them as a number.
std::uint64_t ValueOfDigits(std::uint64_t word, int count) {
  const int half = 4 * (8 - count);
  word = word << half << half;  // leading zeros take the place of what is not wanted; of all 64 bits too
  word = word * 10 + (word >> 8);
  return ((word & 0x000000FF000000FFU) * 0x000F424000000064U +
          ((word >> 16) & 0x000000FF000000FFU) * 0x0000271000000001U) >>
         32;
}

/// A number without an exponent that is exact in Clinger's way; the end of its text, or null for any other.
/// `at` has kPlainReach bytes.
inline const char* ReadPlain(const char* at, double& out) {
  constexpr std::array<std::uint64_t, 9> kPowers = {1,       10,        100,        1000,       10'000,
                                                    100'000, 1'000'000, 10'000'000, 100'000'000};
  const bool negative = *at == '-';
  at += negative ? 1 : 0;
  const char* const digits = at;
  std::uint64_t mantissa = 0;
  while (IsDigit(*at) && at - digits < 19) mantissa = mantissa * 10 + static_cast<std::uint64_t>(*at++ - '0');
  const auto whole = static_cast<int>(at - digits);
  if (whole == 0 || (*digits == '0' && whole > 1)) return nullptr;
  int fraction = 0;
  if (*at == '.') {
    ++at;
    // Lengths are as good as random: both words are read whatever the first one holds.
    const std::uint64_t first = LoadDigits(at);
    const std::uint64_t second = LoadDigits(at + 8);
    const int in_first = CountDigits(first);
    const int in_second = in_first == 8 ? CountDigits(second) : 0;
    mantissa = mantissa * kPowers[static_cast<std::size_t>(in_first)] + ValueOfDigits(first, in_first);
    mantissa = mantissa * kPowers[static_cast<std::size_t>(in_second)] + ValueOfDigits(second, in_second);
    fraction = in_first + in_second;
    at += fraction;
    if (fraction == 0 || whole + fraction > 19) return nullptr;
  }
  if (mantissa > kExactIntegers || IsDigit(*at) || (*at | 0x20) == 'e') return nullptr;
  const double magnitude = static_cast<double>(mantissa) / kPowersOfTen[static_cast<std::size_t>(fraction)];
  // The sign of data is a coin's throw: no branch on it.
  out = std::bit_cast<double>(std::bit_cast<std::uint64_t>(magnitude) | (std::uint64_t{negative} << 63));
  return at;
}

void AppendUtf8(std::string& out, std::uint32_t code) {
  const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xC0 | (code >> 6));
    return put(0x80 | (code & 0x3F));
  }
  if (code < 0x10000) {
    put(0xE0 | (code >> 12));
  } else {
    put(0xF0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3F));
  }
  put(0x80 | ((code >> 6) & 0x3F));
  put(0x80 | (code & 0x3F));
}

}  // namespace

JsonScanner::JsonScanner(std::string_view text, std::string& strings)
    : begin_(text.data()), at_(text.data()), end_(text.data() + text.size()), strings_(strings) {
  strings_.clear();
}

bool JsonScanner::Fail(const char* what) {
  if (error_ == nullptr) {
    error_ = what;
    error_offset_ = static_cast<std::size_t>(at_ - begin_);
  }
  at_ = end_;
  return false;
}

inline void JsonScanner::SkipSpace() {
  while (at_ < end_ && IsSpace(*at_)) ++at_;
}

JsonScanner::Kind JsonScanner::Peek() {
  SkipSpace();
  if (at_ == end_) return Kind::kNone;
  switch (*at_) {
    case '{': return Kind::kObject;
    case '[': return Kind::kArray;
    case '"': return Kind::kString;
    case 't': return Kind::kTrue;
    case 'f': return Kind::kFalse;
    case 'n': return Kind::kNull;
    case 'N': return Kind::kNan;
    default: return IsDigit(*at_) || *at_ == '-' ? Kind::kNumber : Kind::kNone;
  }
}

bool JsonScanner::Enter() {
  ++at_;
  if (++depth_ > kDepthMax) return Fail("nests deeper than 64 levels");
  SkipSpace();
  return true;
}

bool JsonScanner::ReadKey() {
  if (!ReadString(key_)) return false;
  SkipSpace();
  if (at_ == end_ || *at_ != ':') return Fail("expected ':' after a key");
  ++at_;
  return true;
}

bool JsonScanner::BeginObject() {
  if (Peek() != Kind::kObject) return Fail("expected an object");
  if (!Enter()) return false;
  if (at_ < end_ && *at_ == '}') {
    ++at_;
    --depth_;
    return false;
  }
  return ReadKey();
}

bool JsonScanner::NextMember() {
  SkipSpace();
  if (at_ == end_) return Fail("the text ends inside an object");
  if (*at_ == ',') {
    ++at_;
    return ReadKey();
  }
  if (*at_ != '}') return Fail("expected ',' or '}'");
  ++at_;
  --depth_;
  return false;
}

bool JsonScanner::BeginArray() {
  if (Peek() != Kind::kArray) return Fail("expected an array");
  if (!Enter()) return false;
  if (at_ < end_ && *at_ == ']') {
    ++at_;
    --depth_;
    return false;
  }
  return true;
}

bool JsonScanner::NextElement() {
  SkipSpace();
  if (at_ == end_) return Fail("the text ends inside an array");
  if (*at_ == ',') {
    ++at_;
    return true;
  }
  if (*at_ != ']') return Fail("expected ',' or ']'");
  ++at_;
  --depth_;
  return false;
}

bool JsonScanner::ReadString(std::string_view& out) {
  SkipSpace();
  if (at_ == end_ || *at_ != '"') return Fail("expected a string");
  const char* const start = ++at_;
  at_ = FindSpecial(at_, end_);
  if (at_ == end_) return Fail("the text ends inside a string");
  if (*at_ == '\\') return Unescape(start, out);
  if (*at_ != '"') return Fail("a control character stands in a string; write it as an escape");
  out = std::string_view(start, static_cast<std::size_t>(at_ - start));
  ++at_;
  return true;
}

bool JsonScanner::Unescape(const char* start, std::string_view& out) {
  // Escapes only shrink, so the strings of a text that is read at most twice (Seek) fit into twice its size,
  // and views given earlier stay valid.
  if (strings_.empty()) strings_.reserve(2 * static_cast<std::size_t>(end_ - begin_));
  const std::size_t from = strings_.size();
  strings_.append(start, at_);
  while (at_ < end_ && *at_ != '"') {
    if (static_cast<unsigned char>(*at_) < 0x20) {
      return Fail("a control character stands in a string; write it as an escape");
    }
    if (*at_ == '\\') {
      if (!UnescapeOne()) return false;
    } else {
      strings_.push_back(*at_++);
    }
  }
  if (at_ == end_) return Fail("the text ends inside a string");
  ++at_;
  out = std::string_view(strings_).substr(from);
  return true;
}

bool JsonScanner::UnescapeOne() {
  if (end_ - at_ < 2) return Fail("the text ends inside a string");
  constexpr std::string_view kEscapes = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  const char escape = at_[1];
  at_ += 2;
  if (const std::size_t index = kEscapes.find(escape); index != std::string_view::npos) {
    strings_.push_back(kMeanings[index]);
    return true;
  }
  if (escape != 'u') return Fail("unknown escape in a string");
  std::uint32_t code = 0;
  if (!ReadHex4(code)) return false;
  if (code >= 0xD800 && code < 0xE000) {
    std::uint32_t low = 0;
    if (code >= 0xDC00 || end_ - at_ < 2 || at_[0] != '\\' || at_[1] != 'u') return Fail("half a surrogate pair");
    at_ += 2;
    if (!ReadHex4(low)) return false;
    if (low < 0xDC00 || low >= 0xE000) return Fail("half a surrogate pair");
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  }
  AppendUtf8(strings_, code);
  return true;
}

bool JsonScanner::ReadHex4(std::uint32_t& out) {
  if (end_ - at_ < 4) return Fail("the text ends inside a string");
  const auto parsed = std::from_chars(at_, at_ + 4, out, 16);
  if (parsed.ec != std::errc() || parsed.ptr != at_ + 4) return Fail("\\u needs four hexadecimal digits");
  at_ += 4;
  return true;
}

std::size_t JsonScanner::ReadNumbers(std::span<double> out) {
  std::size_t count = 0;
  const char* at = at_;
  while (count < out.size() && end_ - at >= kPlainReach + 2) {
    if (count > 0 && *at++ != ',') break;
    if (*at == ' ') ++at;  // as Python writes lists
    at = ReadPlain(at, out[count]);
    if (at == nullptr) break;
    ++count;
    at_ = at;
  }
  return count;
}

bool JsonScanner::ReadNumber(double& out) {
  SkipSpace();
  if (end_ - at_ >= kPlainReach) {
    if (const char* const after = ReadPlain(at_, out)) {
      at_ = after;
      return true;
    }
  }
  const char* const start = at_;
  const char* p = at_;
  const bool negative = p < end_ && *p == '-';
  if (negative) ++p;
  const char* const digits = p;
  std::uint64_t mantissa = 0;  // wraps beyond 19 digits, which SlowNumber then looks after
  while (p < end_ && IsDigit(*p)) mantissa = mantissa * 10 + static_cast<std::uint64_t>(*p++ - '0');
  auto count = p - digits;
  if (count == 0 || (*digits == '0' && count > 1)) return Fail("not a number");
  std::int64_t exponent = 0;
  if (p < end_ && *p == '.') {
    const char* const fraction = ++p;
    while (p < end_ && IsDigit(*p)) mantissa = mantissa * 10 + static_cast<std::uint64_t>(*p++ - '0');
    if (p == fraction) return Fail("not a number");
    exponent = fraction - p;
    count += p - fraction;
  }
  if (p < end_ && (*p == 'e' || *p == 'E')) {
    ++p;
    const bool down = p < end_ && *p == '-';
    if (down || (p < end_ && *p == '+')) ++p;
    const char* const power = p;
    std::int64_t value = 0;
    while (p < end_ && IsDigit(*p)) value = value < 100'000 ? value * 10 + (*p++ - '0') : (++p, value);
    if (p == power) return Fail("not a number");
    exponent += down ? -value : value;
  }
  if (count > 19 || mantissa > kExactIntegers || exponent < -22 || exponent > 22) return SlowNumber(start, p, out);
  const double magnitude = exponent < 0
                               ? static_cast<double>(mantissa) / kPowersOfTen[static_cast<std::size_t>(-exponent)]
                               : static_cast<double>(mantissa) * kPowersOfTen[static_cast<std::size_t>(exponent)];
  out = negative ? -magnitude : magnitude;
  at_ = p;
  return true;
}

bool JsonScanner::SlowNumber(const char* start, const char* end, double& out) {
  const auto parsed = std::from_chars(start, end, out);
  if (parsed.ec == std::errc::result_out_of_range) {
    // from_chars does not say in which direction; strtod does.
    out = std::strtod(std::string(start, end).c_str(), nullptr);
    if (std::isinf(out)) return Fail("a number is too large for a 64-bit float");
  }
  at_ = end;
  return true;
}

bool JsonScanner::Literal(std::string_view word) {
  SkipSpace();
  if (static_cast<std::size_t>(end_ - at_) < word.size() || std::string_view(at_, word.size()) != word) {
    return Fail("unknown word");
  }
  at_ += word.size();
  return true;
}

bool JsonScanner::Skip() {
  std::string_view text;
  double number = 0;
  switch (Peek()) {
    case Kind::kObject:
    case Kind::kArray: return SkipNested();
    case Kind::kString: return ReadString(text);
    case Kind::kNumber: return ReadNumber(number);
    case Kind::kTrue: return ReadTrue();
    case Kind::kFalse: return ReadFalse();
    case Kind::kNull: return ReadNull();
    case Kind::kNan:
    case Kind::kNone: break;
  }
  return Fail(at_ == end_ ? "the text ends too early" : "expected a value");
}

bool JsonScanner::SkipNested() {
  // Recursion is bounded by kDepthMax.
  if (Peek() == Kind::kObject) {
    for (bool more = BeginObject(); more; more = NextMember()) {
      if (!Skip()) return false;
    }
  } else {
    for (bool more = BeginArray(); more; more = NextElement()) {
      if (!Skip()) return false;
    }
  }
  return !failed();
}

bool JsonScanner::Finish() {
  SkipSpace();
  if (failed()) return false;
  return at_ == end_ || Fail("something follows after the end");
}

}  // namespace mw::api::inference
