// HTTP/1.1 on bytes. Section numbers are RFC 9112's unless another is named.
#include "net/http_codec.h"

#include <array>
#include <cstring>

namespace mw::net {
namespace {

enum : unsigned char { kToken = 1, kFieldText = 2, kTargetText = 4 };

// What a byte may be part of: a token (RFC 9110 5.6.2), a field value, a request target.
constexpr std::array<unsigned char, 256> kByteClass = [] {
  std::array<unsigned char, 256> table{};
  for (int c = 0x21; c <= 0x7e; ++c) table[static_cast<std::size_t>(c)] = kFieldText | kTargetText;
  for (int c = 0x80; c <= 0xff; ++c) table[static_cast<std::size_t>(c)] = kFieldText;
  table[' '] = table['\t'] = kFieldText;
  table['#'] = kFieldText;
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] |= kToken;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] |= kToken;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] |= kToken;
  for (const char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'}) {
    table[static_cast<unsigned char>(c)] |= kToken;
  }
  return table;
}();

bool Is(char c, unsigned char what) { return (kByteClass[static_cast<unsigned char>(c)] & what) != 0; }

bool AllAre(std::string_view text, unsigned char what) {
  unsigned char common = what;
  for (const char c : text) common &= kByteClass[static_cast<unsigned char>(c)];
  return common == what;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// `lower` has lower-case letters and '-' only; `name` is a token, so no control byte can pass for '-'.
bool NameIs(std::string_view name, std::string_view lower) {
  if (name.size() != lower.size()) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if ((name[i] | 0x20) != lower[i]) return false;
  }
  return true;
}

std::string_view TrimSpaces(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Digits only: no sign, no blanks, no list, no overflow.
std::optional<std::uint64_t> ParseLength(std::string_view text) {
  if (text.empty() || text.size() > 18) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (!IsDigit(c)) return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

// The fields that decide where a message ends, the same for both directions.
struct FramingFields {
  int lengths = 0;
  int encodings = 0;
  int hosts = 0;
  bool bad_length = false;
  bool chunked = false;  // the only coding, and it is "chunked"
  bool close = false;
  bool keep_alive = false;
  std::uint64_t length = 0;
};

void ReadConnection(std::string_view value, FramingFields& fields) {
  while (!value.empty()) {
    const std::size_t comma = value.find(',');
    const std::string_view option = TrimSpaces(value.substr(0, comma));
    if (EqualsIgnoreCase(option, "close")) fields.close = true;
    if (EqualsIgnoreCase(option, "keep-alive")) fields.keep_alive = true;
    value = comma == std::string_view::npos ? std::string_view() : value.substr(comma + 1);
  }
}

void ReadFramingField(const HeaderView& header, FramingFields& fields) {
  if (NameIs(header.name, "content-length")) {
    ++fields.lengths;
    const auto length = ParseLength(header.value);
    fields.bad_length |= !length.has_value();
    fields.length = length.value_or(0);
  } else if (NameIs(header.name, "transfer-encoding")) {
    ++fields.encodings;
    fields.chunked = EqualsIgnoreCase(header.value, "chunked");
  } else if (NameIs(header.name, "connection")) {
    ReadConnection(header.value, fields);
  }
}

// The one known header whose name has that length.
std::optional<KnownHeader> IfIs(KnownHeader header, std::string_view name, std::string_view lower) {
  return NameIs(name, lower) ? std::optional(header) : std::nullopt;
}

// Takes the next line, without its CR LF, off `rest`. HeadScanner made sure that there is one.
std::string_view TakeLine(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end - 1);
  rest.remove_prefix(end + 1);
  return line;
}

std::optional<Refusal> ParseField(std::string_view line, HeaderView& out) {
  if (line.front() == ' ' || line.front() == '\t') return Refusal{400, "a header line begins with a blank"};
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return Refusal{400, "a header line has no colon"};
  out.name = line.substr(0, colon);
  if (colon == 0 || !AllAre(out.name, kToken)) return Refusal{400, "a header name has a character it may not have"};
  out.value = TrimSpaces(line.substr(colon + 1));
  if (!AllAre(out.value, kFieldText)) return Refusal{400, "a header value has a control character"};
  return std::nullopt;
}

// Every field line up to the empty one; `see` is called with each and may refuse.
template <typename See>
std::optional<Refusal> ParseFields(std::string_view rest, std::vector<HeaderView>& headers, const See& see) {
  headers.clear();
  for (std::string_view line = TakeLine(rest); !line.empty(); line = TakeLine(rest)) {
    if (headers.size() == kHeaderCountMax) return Refusal{431, "the request has more than 100 headers"};
    HeaderView header;
    if (auto refusal = ParseField(line, header)) return refusal;
    if (auto refusal = see(header)) return refusal;
    headers.push_back(header);
  }
  return std::nullopt;
}

std::optional<Refusal> ParseVersion(std::string_view text, int& minor) {
  if (text.size() != 8 || text.substr(0, 5) != "HTTP/" || !IsDigit(text[5]) || text[6] != '.' || !IsDigit(text[7])) {
    return Refusal{400, "the request line does not end in an HTTP version"};
  }
  if (text[5] != '1') return Refusal{505, "only HTTP/1.1 and HTTP/1.0 are spoken here"};
  minor = text[7] == '0' ? 0 : 1;
  return std::nullopt;
}

// Section 3.2: origin-form, absolute-form (its authority replaces Host), "*" for OPTIONS.
std::optional<Refusal> SplitTarget(RequestHead& out, std::string_view& authority) {
  std::string_view rest = out.target;
  if (rest.empty() || !AllAre(rest, kTargetText)) {
    return Refusal{400, "the request target has a character it may not have"};
  }
  if (rest.size() > kTargetBytesMax) return Refusal{414, "the request target is longer than 8 KiB"};
  if (rest == "*" && out.method == Method::kOptions) {
    out.path = rest;
    return std::nullopt;
  }
  if (rest.front() != '/') {
    if (rest.size() < 8 || !EqualsIgnoreCase(rest.substr(0, 7), "http://")) {
      return Refusal{400, "the request target is neither a path nor an http URL"};
    }
    rest.remove_prefix(7);
    const std::size_t end = rest.find_first_of("/?");
    authority = rest.substr(0, end);
    if (end == std::string_view::npos || rest[end] == '?') return Refusal{400, "the request target has no path"};
    rest.remove_prefix(end);
  }
  const std::size_t mark = rest.find('?');
  out.path = rest.substr(0, mark);
  out.query = mark == std::string_view::npos ? std::string_view() : rest.substr(mark + 1);
  return std::nullopt;
}

std::optional<Refusal> ParseRequestLine(std::string_view line, RequestHead& out, std::string_view& authority) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return Refusal{400, "the request line is not: method, target, version"};
  }
  const std::string_view method = line.substr(0, first);
  if (method.empty() || !AllAre(method, kToken)) return Refusal{400, "the request line does not begin with a method"};
  out.target = line.substr(first + 1, last - first - 1);
  if (auto refusal = ParseVersion(line.substr(last + 1), out.minor_version)) return refusal;
  const std::optional<Method> known = ParseMethod(method);
  if (!known) return Refusal{501, "this method is not implemented"};
  out.method = *known;
  return SplitTarget(out, authority);
}

bool IsHostText(std::string_view host) {
  for (const char c : host) {
    if (!Is(c, kTargetText) || c == '/' || c == '@' || c == '?' || c == ',' || c == '\\') return false;
  }
  return true;
}

// Section 6.3, without its repairs.
std::optional<Refusal> DecideFraming(const FramingFields& fields, RequestHead& out) {
  if (fields.encodings > 0 && fields.lengths > 0) {
    return Refusal{400, "the request has both Transfer-Encoding and Content-Length"};
  }
  if (fields.lengths > 1) return Refusal{400, "the request has more than one Content-Length"};
  if (fields.bad_length) return Refusal{400, "Content-Length is not a number of bytes"};
  if (fields.encodings > 1) return Refusal{400, "the request has more than one Transfer-Encoding"};
  if (fields.encodings == 1 && out.minor_version == 0) {
    return Refusal{400, "HTTP/1.0 has no Transfer-Encoding"};
  }
  if (fields.encodings == 1 && !fields.chunked) {
    return Refusal{501, "no Transfer-Encoding but chunked is implemented"};
  }
  out.framing = fields.chunked ? Framing::kChunked : Framing::kLength;
  out.content_length = fields.length;
  return std::nullopt;
}

}  // namespace

Progress HeadScanner::Refuse(int status, std::string_view reason) {
  refusal_ = Refusal{status, reason};
  return Progress::kRefused;
}

Progress HeadScanner::Scan(std::string_view bytes) {
  const std::string_view within = bytes.substr(0, limit_);
  while (position_ < within.size()) {
    const std::size_t end = within.find('\n', position_);
    if (end == std::string_view::npos) break;
    if (end == position_ || within[end - 1] != '\r') return Refuse(400, "a line of the head does not end in CR LF");
    const bool empty = end == position_ + 1;
    position_ = end + 1;
    if (!empty) {
      seen_line_ = true;
    } else if (seen_line_) {
      return Progress::kDone;
    } else if (skipped_empty_) {
      return Refuse(400, "the request begins with empty lines");
    } else {
      skipped_empty_ = true;
    }
  }
  if (bytes.size() < limit_) return Progress::kMore;
  return seen_line_ ? Refuse(431, "the head is too large") : Refuse(414, "the request line is too long");
}

std::optional<KnownHeader> FindKnownHeader(std::string_view name) {
  switch (name.size()) {
    case 6: return IfIs(KnownHeader::kAccept, name, "accept");
    case 10: return IfIs(KnownHeader::kTracestate, name, "tracestate");
    case 11: return IfIs(KnownHeader::kTraceparent, name, "traceparent");
    case 12: return IfIs(KnownHeader::kContentType, name, "content-type");
    case 13: return IfIs(KnownHeader::kAuthorization, name, "authorization");
    case 15: return IfIs(KnownHeader::kAcceptEncoding, name, "accept-encoding");
    case 16: return IfIs(KnownHeader::kContentEncoding, name, "content-encoding");
    case 31: return IfIs(KnownHeader::kInferenceHeaderContentLength, name, "inference-header-content-length");
    default: return std::nullopt;
  }
}

std::optional<Refusal> ParseRequestHead(std::string_view head, RequestHead& out) {
  out.host = out.origin = out.query = {};
  out.expect_continue = false;
  out.known = {};
  std::string_view rest = head.starts_with("\r\n") ? head.substr(2) : head;
  std::string_view authority;
  if (auto refusal = ParseRequestLine(TakeLine(rest), out, authority)) return refusal;

  FramingFields fields;
  const auto see = [&](const HeaderView& header) -> std::optional<Refusal> {
    if (NameIs(header.name, "host")) {
      ++fields.hosts;
      out.host = header.value;
    } else if (NameIs(header.name, "origin")) {
      out.origin = header.value;
    } else if (NameIs(header.name, "expect")) {
      if (!EqualsIgnoreCase(header.value, "100-continue")) return Refusal{417, "only 100-continue can be expected"};
      out.expect_continue = true;
    } else if (const auto known = FindKnownHeader(header.name)) {
      std::string_view& value = out.known[static_cast<std::size_t>(*known)];
      if (value.data() == nullptr) value = header.value;
    } else {
      ReadFramingField(header, fields);
    }
    return std::nullopt;
  };
  if (auto refusal = ParseFields(rest, out.headers, see)) return refusal;

  if (fields.hosts > 1) return Refusal{400, "the request has more than one Host"};
  if (fields.hosts == 0 && out.minor_version == 1) return Refusal{400, "the request has no Host"};
  if (!authority.empty()) out.host = authority;
  if (!IsHostText(out.host) || (out.host.empty() && out.minor_version == 1)) return Refusal{400, "Host is no host"};
  out.keep_alive = !fields.close && (out.minor_version == 1 || fields.keep_alive);
  out.expect_continue &= out.minor_version == 1;
  return DecideFraming(fields, out);
}

std::optional<Refusal> ParseResponseHead(std::string_view head, Method to, ResponseHead& out) {
  std::string_view rest = head.starts_with("\r\n") ? head.substr(2) : head;
  const std::string_view line = TakeLine(rest);
  int minor = 1;
  if (line.size() < 12 || line[8] != ' ') return Refusal{400, "the answer does not begin with a status line"};
  if (auto refusal = ParseVersion(line.substr(0, 8), minor)) return refusal;
  const auto status = ParseLength(line.substr(9, 3));
  if (!status || *status < 100 || (line.size() > 12 && line[12] != ' '))
    return Refusal{400, "the answer has no status"};
  out.status = static_cast<int>(*status);

  FramingFields fields;
  const auto see = [&fields](const HeaderView& header) -> std::optional<Refusal> {
    ReadFramingField(header, fields);
    return std::nullopt;
  };
  if (auto refusal = ParseFields(rest, out.headers, see)) return refusal;
  if (fields.lengths > 1 || fields.bad_length) return Refusal{400, "the answer's Content-Length is no number of bytes"};
  if (fields.encodings > 0 && fields.lengths > 0) {
    return Refusal{400, "the answer has both Transfer-Encoding and Content-Length"};
  }
  if (fields.encodings > 1 || (fields.encodings == 1 && !fields.chunked)) {
    return Refusal{501, "the answer has a Transfer-Encoding other than chunked"};
  }
  out.keep_alive = !fields.close && (minor == 1 || fields.keep_alive);
  out.content_length = fields.length;
  if (to == Method::kHead || out.status < 200 || out.status == 204 || out.status == 304) {
    out.framing = Framing::kLength;
    out.content_length = 0;
  } else if (fields.chunked) {
    out.framing = Framing::kChunked;
  } else {
    out.framing = fields.lengths == 1 ? Framing::kLength : Framing::kUntilClose;
  }
  out.keep_alive &= out.framing != Framing::kUntilClose;
  return std::nullopt;
}

BodyDecoder::BodyDecoder(Framing framing, std::uint64_t content_length, std::uint64_t body_bytes_max)
    : framing_(framing), limit_(body_bytes_max) {
  if (framing_ != Framing::kLength) return;
  remaining_ = content_length;
  if (remaining_ == 0) {
    progress_ = Progress::kDone;
  } else {
    Admit(remaining_);
  }
}

void BodyDecoder::Refuse(int status, std::string_view reason) {
  progress_ = Progress::kRefused;
  refusal_ = Refusal{status, reason};
}

bool BodyDecoder::Admit(std::uint64_t bytes) {
  if (bytes > limit_ - total_) {
    Refuse(413, "the body is larger than allowed");
    return false;
  }
  total_ += bytes;
  return true;
}

BodyDecoder::Step BodyDecoder::Next(std::string_view input) {
  if (progress_ != Progress::kMore || input.empty()) return {};
  return framing_ == Framing::kChunked ? NextChunked(input) : NextPlain(input);
}

std::uint64_t BodyDecoder::DataAhead() const {
  if (progress_ != Progress::kMore) return 0;
  const bool in_chunk = framing_ == Framing::kChunked && state_ == State::kData;
  return framing_ == Framing::kLength || in_chunk ? remaining_ : 0;
}

BodyDecoder::Step BodyDecoder::NextPlain(std::string_view input) {
  if (framing_ == Framing::kUntilClose) {
    if (!Admit(input.size())) return {};
    return {input.size(), input};
  }
  const std::size_t take = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, input.size()));
  remaining_ -= take;
  if (remaining_ == 0) progress_ = Progress::kDone;
  return {take, input.substr(0, take)};
}

BodyDecoder::Step BodyDecoder::NextChunked(std::string_view input) {
  std::size_t at = 0;
  while (at < input.size() && progress_ == Progress::kMore) {
    if (state_ == State::kData) {
      const std::size_t take = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, input.size() - at));
      remaining_ -= take;
      if (remaining_ == 0) state_ = State::kDataCr;
      return {at + take, input.substr(at, take)};
    }
    Framed(input[at++]);
  }
  return {at, {}};
}

// Section 7.1, a byte at a time.
void BodyDecoder::Framed(char c) {
  const auto expect = [this, c](char wanted, State next) {
    if (c != wanted) return Refuse(400, "a chunk is not framed by CR LF");
    state_ = next;
  };
  switch (state_) {
    case State::kSize: return SizeDigit(c);
    case State::kExtension:
      if (c == '\r') {
        state_ = State::kSizeLf;
      } else if (Is(c, kFieldText)) {
        Extra();
      } else {
        Refuse(400, "a chunk extension has a control character");
      }
      return;
    case State::kSizeLf:
      if (c != '\n') return Refuse(400, "a chunk size does not end in CR LF");
      return EndOfSizeLine();
    case State::kDataCr: return expect('\r', State::kDataLf);
    case State::kDataLf: return expect('\n', State::kSize);
    case State::kTrailerStart:
      if (c == '\r') {
        state_ = State::kLastLf;
        return;
      }
      if (!Is(c, kToken)) return Refuse(400, "a trailer line does not begin with a name");
      state_ = State::kTrailerName;
      return Extra();
    case State::kTrailerName:
      if (c == ':') {
        state_ = State::kTrailerValue;
      } else if (!Is(c, kToken)) {
        return Refuse(400, "a trailer name has a character it may not have");
      }
      return Extra();
    case State::kTrailerValue:
      if (c == '\r') {
        state_ = State::kTrailerLf;
      } else if (Is(c, kFieldText)) {
        Extra();
      } else {
        Refuse(400, "a trailer value has a control character");
      }
      return;
    case State::kTrailerLf: return expect('\n', State::kTrailerStart);
    case State::kLastLf:
      if (c != '\n') return Refuse(400, "the last chunk does not end in CR LF");
      progress_ = Progress::kDone;
      return;
    case State::kData: return;
  }
}

void BodyDecoder::SizeDigit(char c) {
  int digit = -1;
  if (IsDigit(c)) digit = c - '0';
  if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') digit = (c | 0x20) - 'a' + 10;
  if (digit >= 0) {
    // 2^60 is far beyond every limit and leaves room for one more digit.
    if (remaining_ >> 56 != 0) return Refuse(413, "a chunk size is absurd");
    remaining_ = remaining_ * 16 + static_cast<std::uint64_t>(digit);
    any_digit_ = true;
  } else if (any_digit_ && (c == '\r' || c == ';')) {
    state_ = c == '\r' ? State::kSizeLf : State::kExtension;
  } else {
    Refuse(400, "a chunk size is no hexadecimal number");
  }
}

void BodyDecoder::EndOfSizeLine() {
  any_digit_ = false;
  if (remaining_ == 0) {
    state_ = State::kTrailerStart;
  } else if (Admit(remaining_)) {
    state_ = State::kData;
  }
}

void BodyDecoder::Extra() {
  if (++extras_ > kChunkExtrasMax) Refuse(431, "chunk extensions and trailers are larger than 8 KiB");
}

void AppendStatusLine(std::string& out, int status) {
  if (status == 200) {
    out.append("HTTP/1.1 200 OK\r\n");
    return;
  }
  CatTo(out, "HTTP/1.1 ", status, ' ', ReasonPhrase(status), "\r\n");
}

void AppendHeader(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  for (const char c : value) out.push_back(Is(c, kFieldText) ? c : ' ');
  out.append("\r\n");
}

void AppendChunk(std::string& out, std::string_view bytes) {
  if (bytes.empty()) return;
  char size[16];
  const auto end = std::to_chars(size, size + sizeof size, bytes.size(), 16);
  out.append(size, end.ptr).append("\r\n").append(bytes).append("\r\n");
}

std::string FormatHttpDate(Timestamp at) {
  static constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(at - day));
  const auto two = [](long long value) { return Cat(value < 10 ? "0" : "", value); };
  return Cat(kDays[std::chrono::weekday(day).c_encoding()], ", ", two(static_cast<unsigned>(date.day())), ' ',
             kMonths[static_cast<unsigned>(date.month()) - 1], ' ', static_cast<int>(date.year()), ' ',
             two(time.hours().count()), ':', two(time.minutes().count()), ':', two(time.seconds().count()), " GMT");
}

void AppendRefusal(std::string& out, const Refusal& refusal) {
  const Json body = Json::Make(
      {{"error", Json::Make({{"code", CodeName(CodeFromHttpStatus(refusal.status))}, {"message", refusal.reason}})}});
  const std::string text = body.Dump();
  AppendStatusLine(out, refusal.status);
  if (refusal.status == 503) AppendHeader(out, "Retry-After", "1");
  CatTo(out, "Content-Type: application/json\r\nConnection: close\r\nContent-Length: ", text.size(), "\r\n\r\n", text);
}

std::string_view FindHeader(const std::vector<HeaderView>& headers, std::string_view name) {
  for (const HeaderView& header : headers) {
    if (EqualsIgnoreCase(header.name, name)) return header.value;
  }
  return {};
}

}  // namespace mw::net
