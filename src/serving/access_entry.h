// What is written down of one inference request: who asked what, what became of it, where its time went. Plain values
// of a fixed size, so that they can be left in a ring of memory without allocating; texts that are too long are cut.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "net/trace_context.h"
#include "serving/recorded_version.h"

namespace mw::serving {

/// A text of at most so many bytes, in place.
template <std::size_t kBytes>
class ShortText {
 public:
  ShortText() {}  // NOLINT(modernize-use-equals-default): the bytes are left as they are
  /// Cuts what is too long, never within a character of UTF-8.
  void Set(std::string_view text) {
    std::size_t size = std::min(text.size(), kBytes);
    while (size < text.size() && size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) --size;
    if (size > 0) std::memcpy(bytes_.data(), text.data(), size);
    size_ = static_cast<std::uint16_t>(size);
  }
  [[nodiscard]] std::string_view view() const { return {bytes_.data(), size_}; }

 private:
  std::uint16_t size_ = 0;
  std::array<char, kBytes> bytes_;
};

/// By which protocol a request came.
enum class Protocol : std::uint8_t { kV2Json, kV2Binary, kV1, kMlflow, kGrpc };
/// "v2_json", "v2_binary", "v1", "mlflow", "grpc"
std::string_view ProtocolName(Protocol protocol);

/// What is known of a request before it is looked at.
struct AccessOrigin {
  Protocol protocol = Protocol::kV2Json;
  std::uint64_t request_bytes = 0;
  std::optional<net::TraceContext> trace{};
  ShortText<46> address;     ///< of the peer; a proxy's, when there is one
  ShortText<16> client_key;  ///< of a client that names itself: the first digits of the name's SHA-256
};

struct AccessEntry {
  Duration start{0};  ///< Clock::Elapsed when the request was whole
  Outcome outcome = Outcome::kAnswered;
  std::optional<Code> code{};  ///< of what was not answered
  bool from_cache = false;
  std::uint32_t one_of = 1;  ///< requests of its kind that this one stands for: only one in so many was written down
  std::uint32_t rows = 0;
  std::int64_t version = 0;                   ///< 0: none was chosen
  std::int64_t event_time_us = kNoEventTime;  ///< of the first row, as the client gave it
  // Where the time went. What did not come so far took no time.
  Duration decode{0}, queue{0}, compute{0}, encode{0}, total{0};
  std::uint64_t response_bytes = 0;
  AccessOrigin origin;
  ShortText<128> endpoint;
  ShortText<256> id;  ///< the request's, of which the prediction ids are made
  ShortText<320> error;
};

/// {"time":"..","endpoint":"..","version":3,...} and a newline. `wall_offset`: wall time less Clock::Elapsed.
void AppendLine(const AccessEntry& entry, Duration wall_offset, std::string& out);

}  // namespace mw::serving
