// HTTP/1.1 on bytes, without I/O (RFC 9112, read strictly): finds the end of a head, parses heads, decodes
// bodies, writes heads. Used by both servers, the client and the load client, so there is one place where
// a message begins and ends. Any thread; an object belongs to one message.
//
// Invariant: the outcome depends on the bytes alone, never on how they were cut into pieces. What RFC 9112
// lets a recipient repair (bare LF, obs-fold, repeated lengths, space before a colon) is refused instead:
// two readers that repair differently are how requests are smuggled.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "net/http.h"

namespace mw::net {

inline constexpr std::size_t kTargetBytesMax = 8192;  ///< 414 above
inline constexpr std::size_t kHeaderCountMax = 100;   ///< 431 above
inline constexpr std::size_t kChunkExtrasMax = 8192;  ///< chunk extensions, and trailers, of a whole body

/// Why a message is not accepted. A server answers with `status` and closes.
struct Refusal {
  int status = 400;
  std::string_view reason;  ///< a sentence, static text
};

enum class Progress : std::uint8_t { kMore, kDone, kRefused };

/// Finds the empty line that ends a head. Refuses lines that do not end in CR LF. One CR LF before the
/// request line is skipped (RFC 9112 section 2.2).
class HeadScanner {
 public:
  explicit HeadScanner(std::size_t head_bytes_max) : limit_(head_bytes_max) {}
  /// `bytes`: all that came of this message so far, always from its first byte on. What was looked at in an
  /// earlier call is not looked at again.
  Progress Scan(std::string_view bytes);
  /// After kDone: the length of the head with its empty line.
  [[nodiscard]] std::size_t size() const { return position_; }
  [[nodiscard]] const Refusal& refusal() const { return refusal_; }  ///< after kRefused

 private:
  Progress Refuse(int status, std::string_view reason);
  std::size_t limit_;
  std::size_t position_ = 0;  // up to here every line is complete
  bool seen_line_ = false;
  bool skipped_empty_ = false;
  Refusal refusal_;
};

enum class Framing : std::uint8_t {
  kLength,  ///< `content_length` bytes; 0 is no body
  kChunked,
  kUntilClose,  ///< answers only
};

/// Fields that handlers of the data plane ask for at every request, found while the head is parsed.
enum class KnownHeader : std::uint8_t {
  kAccept,
  kAcceptEncoding,
  kAuthorization,
  kContentEncoding,
  kContentType,
  kInferenceHeaderContentLength,
  kTraceparent,
  kTracestate
};
inline constexpr std::size_t kKnownHeaderCount = 8;
/// The first value of each; empty when absent.
using KnownHeaders = std::array<std::string_view, kKnownHeaderCount>;
/// `name` as it stood in the message; ASCII case does not matter.
std::optional<KnownHeader> FindKnownHeader(std::string_view name);

/// All views point into the bytes that were parsed.
struct RequestHead {
  Method method = Method::kGet;
  std::string_view target;
  std::string_view path;
  std::string_view query;
  std::string_view host;    ///< empty only in HTTP/1.0
  std::string_view origin;  ///< empty when absent
  int minor_version = 1;
  bool keep_alive = true;
  bool expect_continue = false;
  Framing framing = Framing::kLength;
  std::uint64_t content_length = 0;
  std::vector<HeaderView> headers;
  KnownHeaders known{};
};
/// `head` is what HeadScanner found. Reuses `out`'s memory. Statuses: 400, 414, 417, 431, 501, 505.
std::optional<Refusal> ParseRequestHead(std::string_view head, RequestHead& out);

struct ResponseHead {
  int status = 0;
  bool keep_alive = true;
  Framing framing = Framing::kLength;
  std::uint64_t content_length = 0;
  std::vector<HeaderView> headers;
};
inline constexpr std::size_t kAnswerHeadBytesMax = std::size_t{64} << 10;  ///< that clients take
/// `to`: the method of the request, for an answer to HEAD has no body whatever it says.
std::optional<Refusal> ParseResponseHead(std::string_view head, Method to, ResponseHead& out);

/// Takes a message's body apart.
class BodyDecoder {
 public:
  BodyDecoder() : BodyDecoder(Framing::kLength, 0, 0) {}
  /// Refuses with 413 above `body_bytes_max`.
  BodyDecoder(Framing framing, std::uint64_t content_length, std::uint64_t body_bytes_max);
  struct Step {
    std::size_t consumed = 0;
    std::string_view data;  ///< a part of the input; empty when only framing was consumed
  };
  /// Consumes a prefix of `input`. Call again with the rest; when it consumes nothing it is done, has
  /// refused, or needs more input.
  Step Next(std::string_view input);
  /// So many bytes that come next are data whatever they are; 0 when what comes has to be looked at.
  [[nodiscard]] std::uint64_t DataAhead() const;
  [[nodiscard]] Progress progress() const { return progress_; }
  [[nodiscard]] const Refusal& refusal() const { return refusal_; }
  /// The peer closed: ends a body that lasts until then; any other unfinished one is cut off (false).
  [[nodiscard]] bool FinishAtClose() const { return progress_ == Progress::kDone || framing_ == Framing::kUntilClose; }

 private:
  enum class State : std::uint8_t {
    kSize,
    kExtension,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailerStart,
    kTrailerName,
    kTrailerValue,
    kTrailerLf,
    kLastLf
  };
  Step NextPlain(std::string_view input);
  Step NextChunked(std::string_view input);
  void Framed(char c);  // one byte of chunk framing
  void SizeDigit(char c);
  void EndOfSizeLine();
  void Extra();
  bool Admit(std::uint64_t bytes);
  void Refuse(int status, std::string_view reason);

  Framing framing_;
  State state_ = State::kSize;
  Progress progress_ = Progress::kMore;
  bool any_digit_ = false;
  std::uint64_t remaining_ = 0;  // of this chunk, or of the body
  std::uint64_t total_ = 0;
  std::uint64_t limit_;
  std::size_t extras_ = 0;
  Refusal refusal_;
};

/// "HTTP/1.1 200 OK\r\n"
void AppendStatusLine(std::string& out, int status);
/// "name: value\r\n"; control characters, which could end the line, become spaces.
void AppendHeader(std::string& out, std::string_view name, std::string_view value);
/// "5\r\nhello\r\n"; nothing for no bytes, since an empty chunk would end the body.
void AppendChunk(std::string& out, std::string_view bytes);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
/// "Sun, 06 Nov 1994 08:49:37 GMT"
std::string FormatHttpDate(Timestamp at);
/// A whole closing answer with the body that ErrorResponse would give.
void AppendRefusal(std::string& out, const Refusal& refusal);

/// The first value of that name (ASCII case does not matter), or empty.
std::string_view FindHeader(const std::vector<HeaderView>& headers, std::string_view name);

}  // namespace mw::net
